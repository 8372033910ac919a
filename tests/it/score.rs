//! A table of figures, ours against another tool's, with every difference explained.
//!
//! A difference without an explanation is wrong, and so is an explanation that nothing needs.

use std::collections::BTreeMap;

/// A known difference: file, what differs, ours, theirs, and why.
pub type Explained = (&'static str, &'static str, u64, u64, &'static str);

/// Figures compared so far.
pub struct Table {
    explained: &'static [Explained],
    /// Files compared.
    pub files: usize,
    /// Comparisons in which each figure is equal, and all in which it was compared.
    scores: BTreeMap<String, (usize, usize)>,
    wrong: Vec<String>,
    used: Vec<&'static Explained>,
}

impl Table {
    pub fn new(explained: &'static [Explained]) -> Self {
        let (scores, wrong, used) = Default::default();
        Self { explained, files: 0, scores, wrong, used }
    }

    /// Compares one number and scores it under its own name.
    pub fn score(&mut self, file: &str, what: &str, ours: u64, theirs: u64) {
        let equal = self.check(file, what, ours, theirs);
        self.add(what, equal);
    }

    /// Compares one number; the caller scores it. False where it differs, explained or not.
    pub fn check(&mut self, file: &str, what: &str, ours: u64, theirs: u64) -> bool {
        if ours == theirs {
            return true;
        }
        self.differ(file, what, ours, theirs);
        false
    }

    /// Notes that `ours` and `theirs` do not go together.
    pub fn differ(&mut self, file: &str, what: &str, ours: u64, theirs: u64) {
        let found =
            self.explained.iter().find(|e| (e.0, e.1, e.2, e.3) == (file, what, ours, theirs));
        match found {
            Some(explained) => self.used.push(explained),
            None => self.wrong.push(format!("{file}: {what}: ours {ours}, tshark {theirs}")),
        }
    }

    /// Adds to the score of `figure`.
    pub fn add(&mut self, figure: &str, equal: bool) {
        let score = self.scores.entry(figure.to_owned()).or_default();
        score.0 += usize::from(equal);
        score.1 += 1;
    }

    /// Prints the table, then fails where anything is unexplained or explained in vain.
    pub fn conclude(&self) {
        println!("{} files", self.files);
        for (figure, (equal, all)) in &self.scores {
            println!("{figure:<18} agrees in {equal:>3} of {all:>3}");
        }
        for (file, what, ours, theirs, why) in &self.used {
            println!("{file}: {what}: ours {ours}, tshark {theirs}: {why}");
        }
        assert!(self.wrong.is_empty(), "unexplained differences:\n{}", self.wrong.join("\n"));
        let unused: Vec<_> = self.explained.iter().filter(|e| !self.used.contains(e)).collect();
        assert!(unused.is_empty(), "explained, but equal now: {unused:#?}");
    }
}
