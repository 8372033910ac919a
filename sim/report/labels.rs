//! The words for the kinds of things in a record, the same in every format.

use crate::record::{Basis, DomainController, Load, Resource, ResourceCheck, Sized, VerdictKind};

use super::number;

/// How a verdict is to be taken, for colour and sign. Never the only carrier of the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Enough of everything.
    Good,
    /// Something must be added or looked at.
    Attention,
    /// Not supported.
    Bad,
    /// Not known.
    Unknown,
}

impl Tone {
    /// CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Attention => "attention",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }

    /// Sign in front of the words.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Attention => "!",
            Self::Bad => "✕",
            Self::Unknown => "?",
        }
    }
}

/// Tone of a kind of verdict.
pub fn tone(kind: VerdictKind) -> Tone {
    match kind {
        VerdictKind::Yes => Tone::Good,
        VerdictKind::YesButResources | VerdictKind::Maybe | VerdictKind::MaybeButResources => {
            Tone::Attention
        }
        VerdictKind::No => Tone::Bad,
        VerdictKind::MissingOsData
        | VerdictKind::MissingTrafficData
        | VerdictKind::MissingRamData
        | VerdictKind::MissingCoreData => Tone::Unknown,
    }
}

/// The vendor's words for a kind, without amounts.
pub fn kind(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Yes => "Yes",
        VerdictKind::YesButResources => "Yes, but additional resources required",
        VerdictKind::Maybe => "Maybe",
        VerdictKind::MaybeButResources => "Maybe, but additional resources required",
        VerdictKind::No => "No",
        VerdictKind::MissingOsData => "Missing OS Data",
        VerdictKind::MissingTrafficData => "Missing Traffic Data",
        VerdictKind::MissingRamData => "Missing RAM data",
        VerdictKind::MissingCoreData => "Missing core data",
    }
}

/// Whose a figure is.
pub fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::VendorPublished => "vendor-published",
        Basis::Inferred => "inferred",
        Basis::Ours => "ours",
        Basis::Measured => "measured",
        Basis::Synthesized => "of synthesized traffic",
        Basis::Given => "given",
        Basis::Sourced => "sourced",
        Basis::Assumed => "assumed",
        Basis::Learned => "learned",
    }
}

/// All kinds of basis with what they mean, for the legend.
pub const BASES: [(Basis, &str); 9] = [
    (Basis::VendorPublished, "Microsoft publishes this figure or rule"),
    (Basis::Inferred, "we read it out of material that Microsoft published; not stated there"),
    (Basis::Ours, "our own choice, configurable; not Microsoft’s"),
    (Basis::Measured, "found in the input"),
    (Basis::Synthesized, "found in traffic that this program made; nobody recorded it"),
    (Basis::Given, "said by the user or by an input file"),
    (Basis::Sourced, "of synthesized traffic: published elsewhere, see the source"),
    (Basis::Assumed, "of synthesized traffic: our assumption, for the reason named"),
    (Basis::Learned, "of synthesized traffic: fitted to a capture of the user’s"),
];

/// Short name of a resource.
pub fn resource(resource: Resource) -> &'static str {
    match resource {
        Resource::AvailableMemory => "Memory, against what was free at the worst moment",
        Resource::InstalledMemory => "Memory, against what is installed",
        Resource::PhysicalCores => "Physical cores",
        Resource::MinimumCores => "Smallest server allowed: cores",
        Resource::MinimumMemory => "Smallest server allowed: memory",
    }
}

/// Whose the traffic figures of a domain controller are.
pub fn traffic_basis(dc: &DomainController) -> Basis {
    if dc.reported.is_some() { Basis::Given } else { dc.traffic_basis }
}

/// What is short, `+4 GB, +2 cores`; `nothing` where all is known and enough, `–` where a check
/// could not be made, `… ?` behind amounts that may grow once the rest is known.
pub fn short_by(checks: &[ResourceCheck]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for unit in ["GB", "cores"] {
        if let Some(amount) = largest_shortage(checks, unit).filter(|amount| *amount > 0.0) {
            parts.push(format!("+{}", number::amount_of(Some(amount), unit)));
        }
    }
    let unknown = checks.is_empty() || checks.iter().any(|check| check.short_by.is_none());
    match (parts.is_empty(), unknown) {
        (true, true) => number::UNKNOWN.to_string(),
        (true, false) => "nothing".to_string(),
        (false, false) => parts.join(", "),
        (false, true) => format!("{}, rest unknown", parts.join(", ")),
    }
}

/// One shortage in words: `nothing`, an amount, or `–`.
pub fn shortage(amount: Option<f64>, unit: &str) -> String {
    match amount {
        Some(amount) if amount <= 0.0 => "nothing".to_string(),
        amount => number::amount_of(amount, unit),
    }
}

/// The largest known shortage among the checks of one unit. As in the verdict, what is installed
/// counts only where it is not known what is available: else the two would name two amounts.
pub fn largest_shortage(checks: &[ResourceCheck], unit: &str) -> Option<f64> {
    let available_known = checks
        .iter()
        .any(|check| check.resource == Resource::AvailableMemory && check.short_by.is_some());
    let known = checks
        .iter()
        .filter(|check| check.unit == unit)
        .filter(|check| !(available_known && check.resource == Resource::InstalledMemory))
        .filter_map(|check| check.short_by);
    known.filter(|amount| amount.is_finite()).reduce(f64::max)
}

/// The row of the table, or why there is none.
pub fn row(sized: &Sized) -> String {
    match (&sized.verdict.row, sized.load.busy) {
        (Some(row), _) => super::escape::label(&row.label),
        (None, Some(_)) => "above the table".to_string(),
        (None, None) => number::UNKNOWN.to_string(),
    }
}

/// What the busy figure is a mean over, and when that was.
pub fn busy_when(load: &Load) -> String {
    load.busy.map_or_else(
        || "no traffic data".to_string(),
        |busy| number::span(busy.start_utc, busy.end_utc),
    )
}

/// `1 thing` or `3 things`.
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number::count(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: &str, short_by: Option<f64>) -> ResourceCheck {
        ResourceCheck {
            resource: Resource::PhysicalCores,
            unit: unit.into(),
            needed: 2.0,
            available: None,
            short_by,
            basis: Basis::Ours,
            sentence: String::new(),
        }
    }

    #[test]
    fn shortage_is_the_largest_of_each_unit() {
        let checks = [check("GB", Some(1.0)), check("GB", Some(4.0)), check("cores", Some(1.0))];
        assert_eq!(short_by(&checks), "+4 GB, +1 core");
    }

    #[test]
    fn the_amount_of_memory_is_the_one_that_the_verdict_names() {
        let of = |resource, short_by| ResourceCheck { resource, ..check("GB", short_by) };
        let installed = of(Resource::InstalledMemory, Some(8.0));
        let available = of(Resource::AvailableMemory, Some(7.0));
        assert_eq!(short_by(&[available, installed.clone()]), "+7 GB");
        let unknown = of(Resource::AvailableMemory, None);
        assert_eq!(short_by(&[unknown, installed]), "+8 GB, rest unknown");
    }

    #[test]
    fn an_unknown_shortage_is_not_none() {
        assert_eq!(short_by(&[]), "–");
        assert_eq!(short_by(&[check("GB", Some(0.0)), check("cores", None)]), "–");
        assert_eq!(
            short_by(&[check("GB", Some(2.0)), check("cores", None)]),
            "+2 GB, rest unknown"
        );
        assert_eq!(short_by(&[check("GB", Some(0.0))]), "nothing");
    }
}
