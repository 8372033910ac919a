//! Results without names: what is to be written is walked as the tree of fields that it
//! serialises to, so that a field nobody thought of is replaced, not shown.

use std::collections::HashSet;
use std::net::IpAddr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Pseudonyms;
use super::lex::is_separator;

/// Fields whose text is fixed by our own code: names of variants, units, keys of tables.
const FIXED: [&str; 35] = [
    "arrivals",
    "reading",
    "chance",
    "limit",
    "table",
    "sentences",
    "own_load",
    "traffic_basis",
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
    "calibration",
    "estate_sha256",
    "meaning",
    "virtualization",
];

/// Subtrees that are published tables, not observations.
const PUBLISHED: [&str; 4] = ["table", "other_tables", "row", "rows"];

/// Fields that hold sentences of our own, which may quote names.
const SENTENCES: [&str; 16] = [
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
    "operating_system",
    "learned_from",
];

/// What synthesized traffic was made with: names of parameters are ours, those of populations
/// behind them are not.
const PARAMETERS: &str = "parameters";

/// Between the two.
const OF: &str = " of ";

/// The detail of an activity: operations and types in the words of their specifications, and
/// names between them.
const DETAIL: &str = "detail";

/// Ends of fields that hold times.
const TIME: &str = "_utc";

/// Fields whose words must go from sentences too, even where they are words of ours.
const NAMES: [&str; 7] =
    ["name", "host", "principal", "target", "estate", "domain_controller", "failed"];

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
        if field == PARAMETERS && value.is_array() {
            return self.parameters(value, names);
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

impl Pseudonyms {
    /// Parameters of synthesized traffic.
    fn parameters(&mut self, list: &mut Value, names: &HashSet<String>) {
        let items = list.as_array_mut().into_iter().flatten();
        for (field, value) in items.filter_map(Value::as_object_mut).flatten() {
            match value {
                Value::String(name) if field == "name" => {
                    let (parameter, population) = split(name);
                    let population = population
                        .map(|name| format!("{OF}{}", self.text(name)))
                        .unwrap_or_default();
                    let parameter = match is_parameter(parameter) {
                        true => parameter.to_owned(),
                        false => self.text(parameter),
                    };
                    *name = format!("{parameter}{population}");
                }
                other => self.walk(other, field, names),
            }
        }
    }
}

/// The name of a parameter, and of the population whose own it is.
fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once(OF).map_or((name, None), |(parameter, of)| (parameter, Some(of)))
}

/// Whether a text may be the name of a parameter, `group.parameter`.
fn is_parameter(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
    text.matches('.').count() == 1 && text.chars().all(inside)
}

/// Collects the words of all names, in lower case, and all addresses.
fn collect(value: &Value, field: &str, names: &mut HashSet<String>) {
    match value {
        Value::Array(items) if field == PARAMETERS => {
            let given = items.iter().filter_map(|item| item.get("name")?.as_str());
            for population in given.filter_map(|name| split(name).1) {
                collect(&Value::String(population.to_owned()), "name", names);
            }
        }
        Value::String(text) if NAMES.contains(&field) => {
            names.insert(text.to_lowercase());
            let words = text.split(|c: char| u8::try_from(c).is_ok_and(is_separator));
            names.extend(words.filter(|word| word.len() > 1).map(str::to_lowercase));
        }
        // Addresses, wherever they stand.
        Value::String(text) if text.parse::<IpAddr>().is_ok() => {
            names.insert(text.to_lowercase());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, field, names)),
        Value::Object(fields) => {
            fields.iter().for_each(|(field, value)| collect(value, field, names));
        }
        _ => {}
    }
}
