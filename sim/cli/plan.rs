//! What was typed, checked: after this, only input can go wrong.

use std::net::IpAddr;

use anyhow::{Context, bail};

use super::args::{DayArgs, FactArgs, InputArgs};
use super::document::Document;
use super::gate::Condition;
use super::inputs::{self, Inputs};
use super::made::{self, Made};
use super::order::{Described, Wish};
use crate::estate::Estate;
use crate::model::Rules;
use crate::record::{DomainController, Fact};
use crate::{counters, sensor};

/// Length of what is made of an estate where none is given: the busiest 15 minutes, which
/// sizing is about, with an hour around them.
const MADE: &str = "2h";
/// Flags of memory, and how their units compare.
const RAM: &str = "--ram";
const MIN_AVAILABLE: &str = "--min-available-mb";
const MB_PER_GB: f64 = 1_024.0;

/// How to read the inputs.
#[derive(Debug)]
pub struct InputPlan {
    /// What to read.
    pub inputs: Inputs,
    /// How to run the core.
    pub core: sensor::Options,
    /// Capture filter expression.
    pub filter: Option<String>,
    /// Domain controllers of estates among the inputs; see
    /// [`look_at_estates`](Self::look_at_estates).
    pub made: Vec<Made>,
    /// Which day of them.
    pub wish: Wish,
    /// What `--dc` said.
    wanted: Vec<String>,
    /// A flag that only estates need was given.
    has_day: bool,
}

impl InputPlan {
    /// Checks the arguments and looks at every input's first bytes.
    ///
    /// # Errors
    /// With the argument that is wrong, or the input that cannot be read.
    pub fn new(args: &InputArgs, day: &DayArgs) -> anyhow::Result<Self> {
        let inputs = inputs::find(&args.inputs)?;
        let may_be_estates = !inputs.estates.is_empty() || inputs.has_standard_input();
        let of_captures = |text: &&String| !may_be_estates || made::is_of_captures(text);
        let named = args.dc.iter().filter(of_captures).map(|text| named(text));
        let defaults = sensor::Options::default();
        let core = sensor::Options {
            threads: args.threads.map_or(defaults.threads, usize::from),
            flows_max: args.max_flows as usize,
            mtu_bytes: args.mtu,
            named: named.collect::<Result<_, _>>()?,
            ..defaults
        };
        no_address_twice(&core.named)?;
        let DayArgs { seed, start, duration, failed } = day;
        Ok(Self {
            inputs,
            core,
            filter: args.filter.clone(),
            made: Vec::new(),
            wish: Wish::new(day, MADE, args.threads)?,
            wanted: args.dc.clone(),
            has_day: seed.is_some() || start.is_some() || duration.is_some() || !failed.is_empty(),
        })
    }

    /// Finds out what standard input is, and what is to be made of the estates. Waits for
    /// standard input, so everything that can fail without it goes first.
    ///
    /// # Errors
    /// Standard input or an estate that cannot be read or used, or a flag that fits neither.
    pub fn look_at_estates(&mut self) -> anyhow::Result<()> {
        self.inputs.look_at_standard_input()?;
        if self.inputs.estates.is_empty() {
            if self.has_day {
                bail!(
                    "--seed, --start, --duration, --failed: these are for estates, and none is \
                     among the inputs"
                );
            }
            // Of captures: what estates know by name, they do not.
            let mut names = self.wanted.iter().filter(|text| !made::is_of_captures(text));
            return names.try_for_each(|text| named(text).map(drop));
        }
        self.made = made::find(&self.inputs, &self.wanted, &self.wish)?;
        Ok(())
    }
}

/// `ADDRESS` or `NAME=ADDRESS[,ADDRESS...]`.
fn named(text: &str) -> anyhow::Result<sensor::Named> {
    let (name, list) = text.split_once('=').map_or((None, text), |(name, list)| (Some(name), list));
    let address = |part: &str| -> anyhow::Result<IpAddr> {
        let part = part.trim();
        let read = part.parse().ok();
        read.with_context(|| {
            format!("--dc {text}: '{part}' is not an IP address; give ADDRESS or NAME=ADDRESS")
        })
    };
    let addresses = list.split(',').map(address).collect::<anyhow::Result<Vec<_>>>()?;
    let name = name.map_or_else(|| list.trim().to_owned(), |name| name.trim().to_owned());
    if name.is_empty() {
        bail!("--dc {text}: the name is empty");
    }
    Ok(sensor::Named { name, addresses, by: "named with --dc".to_owned() })
}

fn no_address_twice(named: &[sensor::Named]) -> anyhow::Result<()> {
    let mut all: Vec<IpAddr> = named.iter().flat_map(|dc| dc.addresses.iter().copied()).collect();
    all.sort_unstable();
    match all.iter().zip(all.iter().skip(1)).find(|(a, b)| a == b) {
        Some((twice, _)) => bail!("--dc: {twice} is given twice"),
        None => Ok(()),
    }
}

/// A fact for all domain controllers or for one.
#[derive(Debug, Clone, PartialEq)]
struct Given<T> {
    /// Which one; all where `None`.
    dc: Option<String>,
    value: T,
}

impl<T> Given<T> {
    /// Reads `VALUE` or `NAME=VALUE`.
    fn parse(
        flag: &str,
        text: &str,
        read: impl Fn(&str) -> Option<T>,
        wanted: &str,
    ) -> anyhow::Result<Self> {
        let (dc, value) = match text.rsplit_once('=') {
            Some((dc, value)) => (Some(dc.trim().to_owned()), value.trim()),
            None => (None, text.trim()),
        };
        let value =
            read(value).with_context(|| format!("{flag} {text}: '{value}' is not {wanted}"))?;
        Ok(Self { dc, value })
    }
}

/// Facts of the servers, rules and conditions.
#[derive(Debug)]
pub struct FactPlan {
    cores: Vec<Given<u32>>,
    memory_gb: Vec<Given<f64>>,
    min_available_mb: Vec<Given<f64>>,
    operating_system: Vec<Given<String>>,
    /// The estate and the name of its file.
    pub estate: Option<(Estate, String)>,
    /// Thresholds.
    pub rules: Rules,
    /// How to read counter logs.
    pub counters: counters::Options,
    /// Conditions for the exit code.
    pub conditions: Vec<Condition>,
}

impl FactPlan {
    /// Checks the arguments and reads the small files they name.
    ///
    /// # Errors
    /// With the argument that is wrong, or the file that cannot be read.
    pub fn new(args: &FactArgs) -> anyhow::Result<Self> {
        let positive = |text: &str| text.parse().ok().filter(|v: &f64| v.is_finite() && *v > 0.0);
        let not_negative =
            |text: &str| text.parse().ok().filter(|v: &f64| v.is_finite() && *v >= 0.0);
        let count = |text: &str| text.parse().ok().filter(|count: &u32| (1..=4096).contains(count));
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self {
            cores: all("--cores", &args.cores, count, "a number of cores from 1 to 4096")?,
            memory_gb: all(RAM, &args.ram, positive, "a positive number of GB")?,
            min_available_mb: all(
                MIN_AVAILABLE,
                &args.min_available_mb,
                not_negative,
                "a number of MB, 0 or more",
            )?,
            operating_system: all("--os", &args.os, text, "a name")?,
            estate: args.estate.as_deref().map(read_estate).transpose()?,
            rules: rules(args)?,
            counters: counter_options(args)?,
            conditions: args
                .fail_if
                .iter()
                .map(|text| Condition::parse(text))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// Fills in what flags say, then what the estate says. What a counter log measured yields
    /// to a flag only.
    pub fn apply(&self, dc: &mut DomainController) {
        put(&mut dc.host.physical_cores, &self.cores, &dc.name, "--cores");
        put(&mut dc.host.installed_memory_gb, &self.memory_gb, &dc.name, RAM);
        put(&mut dc.host.min_available_mb, &self.min_available_mb, &dc.name, MIN_AVAILABLE);
        put(&mut dc.host.operating_system, &self.operating_system, &dc.name, "--os");
        if let Some((estate, file)) = &self.estate {
            crate::model::apply_estate(dc, estate, &format!("estate {file}"));
        }
    }

    /// Checks that flags do not contradict each other for `dc`, which has them. Where an input
    /// contradicts a flag, either may be wrong, and a caveat says so.
    ///
    /// # Errors
    /// More memory available than there is.
    pub fn check(&self, dc: &DomainController) -> anyhow::Result<()> {
        let facts = (&dc.host.min_available_mb, &dc.host.installed_memory_gb);
        let (Some(available), Some(installed)) = facts else { return Ok(()) };
        let are_given = available.source == MIN_AVAILABLE && installed.source == RAM;
        if are_given && available.value > installed.value * MB_PER_GB {
            bail!(
                "{MIN_AVAILABLE} {}: {} has only {} MB ({RAM} {}); give at most that",
                available.value,
                dc.name.escape_debug(),
                installed.value * MB_PER_GB,
                installed.value
            );
        }
        Ok(())
    }

    /// Names in `NAME=VALUE` flags that no domain controller has.
    pub fn unmatched<'a>(&'a self, names: &[&str]) -> Vec<&'a str> {
        let given = (self.cores.iter().map(|g| &g.dc))
            .chain(self.memory_gb.iter().map(|g| &g.dc))
            .chain(self.min_available_mb.iter().map(|g| &g.dc))
            .chain(self.operating_system.iter().map(|g| &g.dc));
        let given = given.filter_map(Option::as_deref);
        given.filter(|name| !names.iter().any(|known| known.eq_ignore_ascii_case(name))).collect()
    }
}

fn all<T>(
    flag: &str,
    texts: &[String],
    read: impl Fn(&str) -> Option<T> + Copy,
    wanted: &str,
) -> anyhow::Result<Vec<Given<T>>> {
    texts.iter().map(|text| Given::parse(flag, text, read, wanted)).collect()
}

/// The last flag that names the domain controller wins, then the last that names none.
fn put<T: Clone>(fact: &mut Option<Fact<T>>, given: &[Given<T>], name: &str, flag: &str) {
    let own = given
        .iter()
        .rev()
        .find(|g| g.dc.as_deref().is_some_and(|dc| dc.eq_ignore_ascii_case(name)));
    let any = || given.iter().rev().find(|g| g.dc.is_none());
    if let Some(given) = own.or_else(any) {
        *fact = Some(Fact { value: given.value.clone(), source: flag.to_owned() });
    }
}

fn rules(args: &FactArgs) -> anyhow::Result<Rules> {
    let mut rules = Rules::default().with_table(&args.table).context("--table")?;
    if let Some(ratio) = args.spike_ratio {
        rules = rules.with_spike_ratio(ratio).context("--spike-ratio")?;
    }
    if let Some(rate) = args.maybe_above {
        rules = rules.with_maybe_above(rate).context("--maybe-above")?;
    }
    if let Some(rate) = args.no_above {
        rules = rules.with_no_above(rate).context("--no-above")?;
    }
    if let Some(percent) = args.reserve_percent {
        rules = rules.with_reserve_percent(percent).context("--reserve-percent")?;
    }
    Ok(rules)
}

/// The built-in counter names, and those of the user's file.
fn counter_options(args: &FactArgs) -> anyhow::Result<counters::Options> {
    let Some(path) = &args.counter_names else { return Ok(counters::Options::default()) };
    let names = counters::Names::built_in().with(&Document::read(path)?.text);
    let names = names.with_context(|| format!("read {}", path.display()))?;
    Ok(counters::Options { names: Some(names), ..counters::Options::default() })
}

fn read_estate(path: &std::path::Path) -> anyhow::Result<(Estate, String)> {
    let Described { document, estate } = Described::read(path)?;
    Ok((estate, document.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dc_is_an_address_or_a_name_with_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let dc = named("10.0.0.1").unwrap();
        assert_eq!((dc.name.as_str(), dc.addresses), ("10.0.0.1", vec![ip("10.0.0.1")]));
        let dc = named("DC01=10.0.0.1, fd00::1").unwrap();
        assert_eq!((dc.name.as_str(), dc.addresses), ("DC01", vec![ip("10.0.0.1"), ip("fd00::1")]));
        assert!(named("DC01=").unwrap_err().to_string().contains("is not an IP address"));
        assert!(named("=10.0.0.1").unwrap_err().to_string().contains("name is empty"));
        let twice = [named("A=10.0.0.1").unwrap(), named("B=10.0.0.1").unwrap()];
        assert!(no_address_twice(&twice).unwrap_err().to_string().contains("10.0.0.1"));
    }

    #[test]
    fn a_fact_for_one_goes_before_a_fact_for_all() {
        let read = |text: &str| text.parse::<u32>().ok();
        let given = |text| Given::parse("--cores", text, read, "a number").unwrap();
        let flags = [given("DC01=8"), given("4")];
        let mut fact = None;
        put(&mut fact, &flags, "dc01", "--cores");
        assert_eq!(fact.take().unwrap().value, 8);
        put(&mut fact, &flags, "dc02", "--cores");
        assert_eq!(fact.unwrap().value, 4);
        let error = Given::parse("--cores", "DC01=many", read, "a number").unwrap_err();
        assert_eq!(error.to_string(), "--cores DC01=many: 'many' is not a number");
    }
}
