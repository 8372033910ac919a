//! Which counter a localised name means.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The facts that come with the program.
const BUILT_IN: &str = include_str!("names.toml");

/// An object or counter of perfmon, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Counter {
    /// Object `Network Adapter`.
    NetworkAdapter,
    /// Object `Network Interface`.
    NetworkInterface,
    /// Object `Memory`.
    Memory,
    /// Object `Processor`.
    Processor,
    /// Object `Processor Information`.
    ProcessorInformation,
    /// Counter `Packets/sec`.
    PacketsPerSecond,
    /// Counter `Bytes Total/sec`.
    BytesPerSecond,
    /// Counter `Available MBytes`.
    AvailableMb,
    /// Counter `% Processor Time`.
    ProcessorTime,
}

/// Why a file of names cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("read counter names: {0}; see sim/counters/names.toml for the form")]
pub struct NamesError(#[from] toml::de::Error);

/// Names of perfmon objects and counters in the languages of Windows.
#[derive(Debug, Clone)]
pub struct Names(BTreeMap<Counter, BTreeSet<String>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    counter: Counter,
    text: String,
    #[expect(dead_code, reason = "for the reader of the file")]
    language: Option<String>,
    #[expect(dead_code, reason = "for the reader of the file")]
    source: Option<String>,
}

impl Names {
    /// The names that come with the program: English, German, French, Spanish, Italian,
    /// Portuguese, Dutch.
    ///
    /// # Panics
    /// Never: a test reads the embedded file.
    pub fn built_in() -> Self {
        Self(BTreeMap::new()).with(BUILT_IN).expect("the embedded names are checked by a test")
    }

    /// These names and those in `toml`, which has the form of `sim/counters/names.toml`:
    /// tables `[[name]]` with `counter`, `text` and, optionally, `language` and `source`.
    ///
    /// # Errors
    /// Where `toml` is not of that form, with line and column.
    pub fn with(mut self, toml: &str) -> Result<Self, NamesError> {
        for entry in toml::from_str::<File>(toml)?.name {
            self.0.entry(entry.counter).or_default().insert(folded(&entry.text));
        }
        Ok(self)
    }

    /// True where `text` is a name of `counter`.
    pub(super) fn is(&self, counter: Counter, text: &str) -> bool {
        self.0.get(&counter).is_some_and(|names| names.contains(&folded(text)))
    }
}

/// Lower case, every kind of blank one space.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_names_are_found_in_any_case() {
        let names = Names::built_in();
        for (counter, text) in [
            (Counter::NetworkAdapter, "network adapter"),
            (Counter::NetworkAdapter, "CARTE RÉSEAU"),
            (Counter::AvailableMb, "verfügbare\u{a0}MB"),
            (Counter::PacketsPerSecond, "Pakketten per seconde"),
            (Counter::ProcessorTime, "% de tiempo de procesador"),
            (Counter::BytesPerSecond, "Totale byte/sec"),
            (Counter::Memory, "Memória"),
        ] {
            assert!(names.is(counter, text), "{text}");
        }
        assert!(!names.is(Counter::PacketsPerSecond, "Packets Sent/sec"));
    }

    #[test]
    fn a_user_adds_names_and_learns_where_a_mistake_is() {
        let extra = "[[name]]\ncounter = \"packets_per_second\"\ntext = \"Pakiety/s\"\n";
        let names = Names::built_in().with(extra).unwrap();
        assert!(names.is(Counter::PacketsPerSecond, "pakiety/s"));
        let wrong = "[[name]]\ncounter = \"packets\"\ntext = \"Pakiety/s\"\n";
        let error = Names::built_in().with(wrong).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("packets_per_second"), "{error}");
        let wrong = "[[name]]\ncounter = \"memory\"\ntexts = \"x\"\n";
        let error = Names::built_in().with(wrong).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("texts"), "{error}");
    }
}
