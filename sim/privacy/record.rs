//! Results without names: what is to be written is walked as the tree of fields that it
//! serialises to, so that a field nobody thought of is replaced, not shown.

use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Pseudonyms;
use super::lex::is_separator;

/// Fields whose text is fixed by our own code: names of variants, units, keys of tables.
const FIXED: [&str; 23] = [
    "structure",
    "code_name",
    "reason",
    "headroom_version",
    "format",
    "sha256",
    "link_name",
    "protocol",
    "basis",
    "kind",
    "resource",
    "unit",
    "key",
    "words",
    "label",
    "valid",
    "operation",
    "outcome",
    "transport",
    "method",
    "quality",
    "side",
    "title",
];

/// Subtrees that are published tables, not observations.
const PUBLISHED: [&str; 4] = ["table", "other_tables", "row", "rows"];

/// Fields that hold sentences of our own, which may quote names.
const SENTENCES: [&str; 14] = [
    "problems",
    "warnings",
    "notes",
    "what",
    "summary",
    "sentence",
    "reasons",
    "missing",
    "caveats",
    "text",
    "source",
    "recognised_by",
    "format_text",
    "value",
];

/// The detail of an activity: operations and types in the words of their specifications, and
/// names between them.
const DETAIL: &str = "detail";

/// Ends of fields that hold times.
const TIME: &str = "_utc";

/// Fields whose words must go from sentences too, even where they are words of ours.
const NAMES: [&str; 4] = ["name", "host", "principal", "target"];

impl Pseudonyms {
    /// `record` with every name, address and path replaced, in all its fields and sentences.
    ///
    /// # Errors
    /// When a field that is not text to `record` was replaced as if it were: a new enumeration
    /// must be listed in this file.
    pub fn record<T: Serialize + DeserializeOwned>(
        &mut self,
        record: &T,
    ) -> Result<T, serde_json::Error> {
        let mut tree = serde_json::to_value(record)?;
        let mut names = HashSet::new();
        collect(&tree, "", &mut names);
        self.walk(&mut tree, "", &names);
        serde_json::from_value(tree)
    }

    /// The same for one of many small records, as the tree that it serialises to.
    ///
    /// # Errors
    /// Those of serialising.
    pub fn line<T: Serialize>(&mut self, record: &T) -> Result<Value, serde_json::Error> {
        let mut tree = serde_json::to_value(record)?;
        self.walk(&mut tree, "", &HashSet::new());
        Ok(tree)
    }

    /// Replaces the texts below `value`, which stands in the field `field`. The tree is one of
    /// our own types: as deep as these are.
    fn walk(&mut self, value: &mut Value, field: &str, names: &HashSet<String>) {
        if PUBLISHED.contains(&field) {
            return;
        }
        match value {
            Value::String(text) => {
                if !FIXED.contains(&field) && !field.ends_with(TIME) {
                    *text = if SENTENCES.contains(&field) {
                        self.sentence(text, names)
                    } else if field == DETAIL {
                        self.detail(text)
                    } else {
                        self.text(text)
                    };
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, field, names)),
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(field, value)| self.walk(value, field, names));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Collects the words of all names, in lower case.
fn collect(value: &Value, field: &str, names: &mut HashSet<String>) {
    match value {
        Value::String(text) if NAMES.contains(&field) => {
            let words = text.split(|c: char| u8::try_from(c).is_ok_and(is_separator));
            names.extend(words.filter(|word| word.len() > 1).map(str::to_lowercase));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, field, names)),
        Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| collect(value, field, names));
        }
        _ => {}
    }
}
