//! The named calibrations, each a file in `calibrations/`: `light` has every parameter, the
//! others name what they change in it; and how an estate changes them.

use serde::Deserialize;
use toml::Spanned;

use super::error::nearest;
use super::form::{Groups, Setting, Settings, Short};
use super::values::{Wrong, excerpt, wrong_with};
use super::{Basis, EstateError, Knob, Parameter};

/// Names of the calibrations.
pub const CALIBRATIONS: [&str; 3] = ["light", "heavy", "catalyst2017"];

/// Their files, in the same order.
const FILES: [&str; 3] = [
    include_str!("calibrations/light.toml"),
    include_str!("calibrations/heavy.toml"),
    include_str!("calibrations/catalyst2017.toml"),
];

/// A calibration: every parameter with what an estate may say instead.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calibration {
    /// What it stands for.
    pub meaning: String,
    /// Every knob, in order.
    pub parameters: Vec<Parameter>,
    /// Least and most value of every knob, in order.
    limits: Vec<[f64; 2]>,
}

/// `light.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    meaning: String,
    parameters: Groups<Entry>,
}

/// A parameter in `light.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    value: f64,
    unit: String,
    limits: [f64; 2],
    basis: Basis,
    source: String,
}

/// The files of the other calibrations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    meaning: String,
    parameters: Settings,
}

impl Calibration {
    /// The calibration of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(name: &str) -> Result<Self, EstateError> {
        let found = CALIBRATIONS.iter().zip(FILES).find(|(known, _)| **known == name);
        let Some((name, text)) = found else {
            let what = format!("`{}` is no calibration; {}", excerpt(name), choices());
            return Err(EstateError::whole("calibration", what));
        };
        let mut calibration = Self::whole(FILES[0])?;
        if *name != CALIBRATIONS[0] {
            let file_name = format!("{name}.toml");
            let change: Change = toml::from_str(text)
                .map_err(|error| EstateError::from_toml(&file_name, text, &error))?;
            let mut parameters = calibration.parameters.clone();
            calibration
                .change(&change.parameters, &mut parameters, name)
                .map_err(|wrong| EstateError::from_wrong(&file_name, text, wrong))?;
            calibration = Self { meaning: change.meaning, parameters, ..calibration };
        }
        Ok(calibration)
    }

    fn whole(text: &str) -> Result<Self, EstateError> {
        let file_name = format!("{}.toml", CALIBRATIONS[0]);
        let whole: Whole = toml::from_str(text)
            .map_err(|error| EstateError::from_toml(&file_name, text, &error))?;
        let mut entries = Vec::with_capacity(Knob::ALL.len());
        for (knob, entry) in known(whole.parameters)
            .map_err(|wrong| EstateError::from_wrong(&file_name, text, wrong))?
        {
            let Entry { value, unit, limits, basis, source } = entry.into_inner();
            entries.push((Parameter { knob, value, unit, basis, source }, limits));
        }
        entries.sort_by_key(|(parameter, _)| parameter.knob);
        let mut described = entries.iter().map(|(parameter, _)| parameter.knob);
        if let Some(knob) = Knob::ALL.iter().find(|knob| described.next() != Some(**knob)) {
            let what = format!("`{}` is not described", knob.name());
            return Err(EstateError::whole(&file_name, what));
        }
        let (parameters, limits) = entries.into_iter().unzip();
        Ok(Self { meaning: whole.meaning, parameters, limits })
    }

    /// Puts `settings` into `parameters`, which has every knob in order; returns which it said.
    /// Where a setting does not say whence it is, it is given by `giver`.
    pub fn change(
        &self,
        settings: &Settings,
        parameters: &mut [Parameter],
        giver: &str,
    ) -> Result<Vec<Knob>, Wrong> {
        let settings = known(settings.clone())?;
        let mut changed = Vec::with_capacity(settings.len());
        for (knob, setting) in settings {
            let span = setting.span();
            let wrong = |what| Wrong::new(span, knob.name(), what);
            let Setting { value, basis, source } = match setting.into_inner() {
                Short::Alone(value) => Setting { value, basis: None, source: None },
                Short::Table(setting) => setting,
            };
            let index = knob as usize;
            let Some((parameter, [least, most])) =
                parameters.get_mut(index).zip(self.limits.get(index))
            else {
                continue;
            };
            if !(*least..=*most).contains(&value) {
                let unit = &parameter.unit;
                return Err(wrong(format!("{value} is not between {least} and {most} ({unit})")));
            }
            let basis = basis.unwrap_or(Basis::Given);
            let source = match source.as_deref().map(str::trim) {
                Some(source) => match wrong_with(source) {
                    None => source.to_owned(),
                    Some(what) => return Err(wrong(format!("its source: {what}"))),
                },
                None if basis == Basis::Given => giver.to_owned(),
                None => {
                    let what = "it has a basis but no source; add `source = \"…\"`";
                    return Err(wrong(what.to_owned()));
                }
            };
            *parameter = Parameter { value, basis, source, ..parameter.clone() };
            changed.push(knob);
        }
        Ok(changed)
    }
}

/// The calibration that an estate names, with its name; `light` where it names none.
pub(super) fn of_estate(
    value: Option<&Spanned<String>>,
) -> Result<(&'static str, Calibration), Wrong> {
    let wanted = value.map_or(CALIBRATIONS[0], |value| value.get_ref().trim());
    let span = value.map_or(0..0, Spanned::span);
    let Some(name) = CALIBRATIONS.iter().find(|known| **known == wanted) else {
        let what = format!("`{}` is no calibration; {}", excerpt(wanted), choices());
        return Err(Wrong::new(span, "calibration", what));
    };
    let calibration = Calibration::named(name)
        .map_err(|error| Wrong::new(span, "calibration", error.to_string()))?;
    Ok((name, calibration))
}

/// What to write instead of an unknown calibration.
fn choices() -> String {
    format!("write {}", CALIBRATIONS.map(|name| format!("\"{name}\"")).join(" or "))
}

/// The entries with their knobs.
fn known<T>(groups: Groups<T>) -> Result<Vec<(Knob, Spanned<T>)>, Wrong> {
    let mut found = Vec::new();
    for (group, entries) in groups {
        for (name, entry) in entries {
            let full = format!("{}.{}", group.get_ref(), name.get_ref());
            let Some(knob) = Knob::by_name(&full) else {
                let what = format!("there is no parameter `{}`", excerpt(&full));
                let names = Knob::ALL.iter().map(|knob| knob.name());
                return Err(Wrong {
                    suggestion: nearest(&full, names).map(str::to_owned),
                    ..Wrong::new(name.span(), "parameters", what)
                });
            };
            found.push((knob, entry));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_calibration_describes_every_parameter() {
        for name in CALIBRATIONS {
            let calibration = Calibration::named(name).unwrap();
            assert!(!calibration.meaning.is_empty());
            let knobs: Vec<Knob> = calibration.parameters.iter().map(|p| p.knob).collect();
            assert_eq!(knobs, Knob::ALL, "{name}");
            for (parameter, [least, most]) in calibration.parameters.iter().zip(&calibration.limits)
            {
                assert!((*least..=*most).contains(&parameter.value), "{name}: {parameter:?}");
                assert!(
                    matches!(parameter.basis, Basis::Sourced | Basis::Assumed),
                    "{parameter:?}"
                );
                assert!(!parameter.unit.is_empty() && !parameter.source.is_empty());
            }
        }
    }

    #[test]
    fn shares_and_means_keep_within_reason() {
        let light = Calibration::named("light").unwrap();
        for (parameter, limits) in light.parameters.iter().zip(&light.limits) {
            if parameter.unit == "share" {
                assert_eq!(*limits, [0.0, 1.0], "{}", parameter.knob.name());
                assert!(parameter.knob.name().ends_with("_share"), "{}", parameter.knob.name());
            }
        }
    }

    #[test]
    fn a_missing_a_doubled_and_an_unknown_parameter_are_told() {
        let light = FILES[0];
        let missing = light.replacen("[parameters.dc.pdc_weight]", "[parameters.dc.pdc_wait]", 1);
        let error = Calibration::whole(&missing).unwrap_err().to_string();
        assert!(
            error.contains("there is no parameter `dc.pdc_wait`; did you mean `dc.pdc_weight`?"),
            "{error}"
        );
        let end = light.find("[parameters.replication.seconds]").unwrap();
        let error = Calibration::whole(&light[..end]).unwrap_err().to_string();
        assert_eq!(error, "read estate light.toml: `replication.seconds` is not described");
        assert!(Calibration::whole(&format!("{light}\n[parameters.dc.pdc_weight]\n")).is_err());
    }

    #[test]
    fn heavy_reaches_the_published_bytes_per_client() {
        let heavy = super::super::Parameters::of("heavy").unwrap();
        let sigma = heavy.get(Knob::LdapResultSigma);
        let mean = heavy.get(Knob::LdapResultBytes) * libm::exp(sigma * sigma / 2.0);
        let searches = heavy.get(Knob::LdapSearchesPerClient) * mean;
        // 4.8 MB/s for 10,000 clients.
        assert!((470.0..490.0).contains(&searches), "{searches}");
    }
}
