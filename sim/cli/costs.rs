//! What packets cost by protocol: as built in, or as `headroom measure` found it on a machine of
//! the user's.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::document::Document;
use crate::model::calibration::{ClassCosts, ProtocolCosts};
use crate::record::{Measurement, SCHEMA_VERSION};
use crate::sensor::Taken;

/// What is looked at first.
#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

/// The costs of every protocol that the core tells apart, from the measurement in `file` where
/// there is one.
///
/// # Errors
/// A file that is no measurement, or whose figures are too few or cannot be relied on.
pub fn read(file: Option<&Path>) -> anyhow::Result<ClassCosts> {
    let Some(path) = file else {
        return Ok(ProtocolCosts::built_in().classes(Taken::protocols())?);
    };
    let document = Document::read(path).context("--costs")?;
    let named = || format!("--costs {}", document.name);
    let measurement = measurement(&document.text).with_context(named)?;
    let costs = ProtocolCosts::measured(&measurement).with_context(named)?;
    costs.classes(Taken::protocols()).with_context(named)
}

fn measurement(text: &str) -> anyhow::Result<Measurement> {
    let advice = "give the file that `headroom measure INPUT --json` writes";
    let version: Version = serde_json::from_str(text).with_context(|| advice.to_owned())?;
    if version.schema_version != SCHEMA_VERSION {
        bail!(
            "it has schema_version {}, this is {SCHEMA_VERSION}: measure again with this version \
             of Headroom",
            version.schema_version
        );
    }
    serde_json::from_str(text).with_context(|| advice.to_owned())
}
