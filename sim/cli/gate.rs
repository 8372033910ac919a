//! `--fail-if`: conditions for scripts.

use anyhow::{Context, bail};

use crate::record::{Chance, Resource, Sized, VerdictKind};

/// A condition such as `busy_pps>20000`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    figure: Figure,
    operator: Operator,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Busy,
    Average,
    Maximum,
    Peak(u64),
    ShortMemory,
    ShortCores,
    FailedSamples,
    Packets,
    LossProbability,
    Verdict,
    VirtualVerdict,
}

/// Names as they are typed.
const FIGURES: [(&str, Figure); 14] = [
    ("busy_pps", Figure::Busy),
    ("average_pps", Figure::Average),
    ("maximum_pps", Figure::Maximum),
    ("peak_1ms_pps", Figure::Peak(1)),
    ("peak_10ms_pps", Figure::Peak(10)),
    ("peak_100ms_pps", Figure::Peak(100)),
    ("peak_1s_pps", Figure::Peak(1_000)),
    ("short_memory_gb", Figure::ShortMemory),
    ("short_cores", Figure::ShortCores),
    ("failed_samples", Figure::FailedSamples),
    ("packets", Figure::Packets),
    ("loss_probability", Figure::LossProbability),
    ("verdict", Figure::Verdict),
    ("virtual_verdict", Figure::VirtualVerdict),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    Unequal,
}

/// Longer ones first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 6] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    (">", Operator::Above),
    ("<", Operator::Below),
];

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(f64),
    Verdict(&'static str),
}

const VERDICTS: [&str; 6] = ["Yes", "YesBut", "Maybe", "MaybeBut", "No", "Missing"];

const CHANCES: [&str; 3] = ["Yes", "Maybe", "No"];

fn chance_name(chance: Chance) -> &'static str {
    match chance {
        Chance::Yes => "Yes",
        Chance::Maybe => "Maybe",
        Chance::No => "No",
    }
}

fn verdict_name(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Yes => "Yes",
        VerdictKind::YesButResources => "YesBut",
        VerdictKind::Maybe => "Maybe",
        VerdictKind::MaybeButResources => "MaybeBut",
        VerdictKind::No => "No",
        VerdictKind::MissingOsData
        | VerdictKind::MissingTrafficData
        | VerdictKind::MissingRamData
        | VerdictKind::MissingCoreData => "Missing",
    }
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// With the names and operators there are.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let find = || {
            OPERATORS.iter().find_map(|&(sign, operator)| {
                text.split_once(sign).map(|(name, value)| (name.trim(), operator, value.trim()))
            })
        };
        let (name, operator, value) = find().with_context(|| {
            format!("--fail-if '{text}': no operator; use one of > >= < <= == !=")
        })?;
        let names = || FIGURES.map(|(name, _)| name).join(", ");
        let &(_, figure) = FIGURES.iter().find(|(known, _)| *known == name).with_context(|| {
            format!("--fail-if '{text}': unknown figure '{name}'; known are {}", names())
        })?;
        let value = if let Some(verdicts) = figure.verdicts() {
            if !matches!(operator, Operator::Equal | Operator::Unequal) {
                bail!("--fail-if '{text}': a verdict can only be == or !=");
            }
            let known = verdicts.iter().find(|known| known.eq_ignore_ascii_case(value));
            Value::Verdict(known.with_context(|| {
                format!(
                    "--fail-if '{text}': unknown verdict '{value}'; known are {}",
                    verdicts.join(", ")
                )
            })?)
        } else {
            let number = value.parse().ok().filter(|number: &f64| number.is_finite());
            Value::Number(
                number.with_context(|| format!("--fail-if '{text}': '{value}' is not a number"))?,
            )
        };
        Ok(Self { text: text.to_owned(), figure, operator, value })
    }

    /// Why it holds for `sized`; `None` where it does not. Unknown figures count as holding:
    /// a gate that passes for lack of data guards nothing.
    pub fn holds(&self, sized: &Sized) -> Option<String> {
        let name = &sized.dc.name;
        match &self.value {
            Value::Verdict(wanted) => match self.figure.verdict_of(sized) {
                None => Some(format!("{name}: unknown ({})", self.text)),
                Some(is) => {
                    let holds = (is == *wanted) == (self.operator == Operator::Equal);
                    holds.then(|| format!("{name}: verdict is {is} ({})", self.text))
                }
            },
            Value::Number(limit) => match self.figure.of(sized) {
                None => Some(format!("{name}: unknown ({})", self.text)),
                Some(value) => self
                    .operator
                    .holds(value, *limit)
                    .then(|| format!("{name}: {value} ({})", self.text)),
            },
        }
    }
}

impl Operator {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Equal => (value - limit).abs() <= f64::EPSILON * limit.abs(),
            Self::Unequal => (value - limit).abs() > f64::EPSILON * limit.abs(),
        }
    }
}

impl Figure {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn of(self, sized: &Sized) -> Option<f64> {
        let load = &sized.load;
        match self {
            Self::Busy => load.busy.map(|busy| busy.packets_per_second),
            Self::Average => load.average_packets_per_second,
            Self::Maximum => load.maximum_packets_per_second,
            Self::Peak(window_ms) => {
                let peak = load.peaks.iter().find(|peak| peak.window_ms == window_ms);
                peak.map(|peak| peak.packets_per_second)
            }
            // As in the verdict: what is installed counts where it is not known what is available.
            Self::ShortMemory => {
                let row = shortage(sized, &[Resource::AvailableMemory])
                    .or_else(|| shortage(sized, &[Resource::InstalledMemory]));
                let minimum = shortage(sized, &[Resource::MinimumMemory]);
                row.into_iter().chain(minimum).max_by(f64::total_cmp)
            }
            Self::ShortCores => shortage(sized, &[Resource::PhysicalCores, Resource::MinimumCores]),
            Self::FailedSamples => Some(load.failed_samples as f64),
            Self::Packets => sized.dc.packets.map(|packets| packets as f64),
            Self::LossProbability => {
                sized.virtual_sensor.as_ref()?.server.as_ref().map(|server| server.probability)
            }
            Self::Verdict | Self::VirtualVerdict => None,
        }
    }

    /// Values of a figure that is a verdict.
    fn verdicts(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Verdict => Some(&VERDICTS),
            Self::VirtualVerdict => Some(&CHANCES),
            _ => None,
        }
    }

    fn verdict_of(self, sized: &Sized) -> Option<&'static str> {
        match self {
            Self::Verdict => Some(verdict_name(sized.verdict.kind)),
            Self::VirtualVerdict => {
                let server = sized.virtual_sensor.as_ref()?.server.as_ref();
                server.map(|server| chance_name(server.chance))
            }
            _ => None,
        }
    }
}

/// The largest amount missing among `resources`.
fn shortage(sized: &Sized, resources: &[Resource]) -> Option<f64> {
    let checks = sized.verdict.checks.iter().filter(|check| resources.contains(&check.resource));
    checks.filter_map(|check| check.short_by).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_figure_and_operator() {
        for (name, figure) in FIGURES.iter().filter(|(_, figure)| figure.verdicts().is_none()) {
            for (sign, operator) in OPERATORS {
                let condition = Condition::parse(&format!(" {name} {sign} 2.5 ")).unwrap();
                assert_eq!((condition.figure, condition.operator), (*figure, operator));
                assert_eq!(condition.value, Value::Number(2.5));
            }
        }
        let verdict = Condition::parse("verdict!=yes").unwrap();
        assert_eq!((verdict.operator, verdict.value), (Operator::Unequal, Value::Verdict("Yes")));
    }

    #[test]
    fn refuses_with_what_there_is() {
        for (text, part) in [
            ("busy_pps", "no operator"),
            ("busy>1", "known are busy_pps"),
            ("busy_pps>many", "'many' is not a number"),
            ("busy_pps>NaN", "'NaN' is not a number"),
            ("verdict>Yes", "only be == or !="),
            ("verdict==Perhaps", "known are Yes, YesBut"),
            ("virtual_verdict==YesBut", "known are Yes, Maybe, No"),
            ("virtual_verdict<No", "only be == or !="),
            ("loss_probability==Yes", "'Yes' is not a number"),
        ] {
            let error = Condition::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn operators_mean_what_they_say() {
        let holds = |operator: Operator| [1.0, 2.0, 3.0].map(|value| operator.holds(value, 2.0));
        assert_eq!(holds(Operator::Above), [false, false, true]);
        assert_eq!(holds(Operator::AtLeast), [false, true, true]);
        assert_eq!(holds(Operator::Below), [true, false, false]);
        assert_eq!(holds(Operator::AtMost), [true, true, false]);
        assert_eq!(holds(Operator::Equal), [false, true, false]);
        assert_eq!(holds(Operator::Unequal), [true, false, true]);
    }

    /// The domain controller of a record.
    fn sized(json: &str) -> Sized {
        let report: serde_json::Value = serde_json::from_str(json).unwrap();
        let one = report.get("domain_controllers").and_then(|all| all.get(0)).unwrap();
        serde_json::from_value(one.clone()).unwrap()
    }

    #[test]
    fn the_answer_of_the_model_can_be_a_condition() {
        // Its answer there is Maybe, with a probability of 0.12.
        let asked = sized(include_str!("../../tests/it/golden/report-model.json"));
        let holds = |text: &str| Condition::parse(text).unwrap().holds(&asked).is_some();
        assert!(holds("loss_probability>0.1") && !holds("loss_probability>0.12"));
        assert!(holds("virtual_verdict!=Yes") && holds("virtual_verdict==maybe"));
        assert!(!holds("virtual_verdict==No"));
        // The vendor's verdict is another one.
        assert!(holds("verdict==YesBut"));
    }

    #[test]
    fn a_model_that_was_not_asked_is_unknown() {
        let plain = sized(include_str!("../../tests/it/golden/report-single.json"));
        let mut without_server = sized(include_str!("../../tests/it/golden/report-model.json"));
        without_server.virtual_sensor.as_mut().unwrap().server = None;
        for sized in [plain, without_server] {
            for text in ["loss_probability>0.9", "virtual_verdict==No", "virtual_verdict!=No"] {
                let why = Condition::parse(text).unwrap().holds(&sized);
                assert_eq!(why, Some(format!("{}: unknown ({text})", sized.dc.name)));
            }
        }
    }
}
