//! Costs from the file, from measurements, and those that must not be used.

use super::*;
use crate::record::{Interval, ProtocolCost};

const NAMES: [&str; 4] = ["DNS", "LDAP", "Kerberos", "HTTP"];

fn row(protocol: &str, frames: u64, low: f64, high: f64) -> ProtocolCost {
    let estimate = f64::midpoint(low, high);
    ProtocolCost {
        protocol: protocol.to_owned(),
        frames,
        bytes: 100 * frames,
        ns_per_packet: Some(Interval { low, estimate, high }),
        is_inconclusive: false,
    }
}

fn measured(rows: Vec<ProtocolCost>) -> Result<ProtocolCosts, ProtocolCostsError> {
    ProtocolCosts::of_rows(&rows, true)
}

fn classes(costs: &ProtocolCosts) -> ClassCosts {
    costs.classes(NAMES.into_iter()).unwrap()
}

/// Mean and relative error of the class called `name`.
fn found(costs: &ClassCosts, name: &str) -> (f64, f64) {
    let class = costs.classes().iter().find(|class| class.name == name).unwrap();
    (class.cost.mean_ns, class.cost.error_ns / class.cost.mean_ns)
}

#[test]
fn the_file_is_read_and_its_mean_is_the_vendors() {
    let costs = classes(&ProtocolCosts::built_in());
    let scaled = costs.scaled(64.0);
    let shares = costs.classes().iter().map(|class| class.share);
    let mean: f64 = scaled.iter().zip(shares).map(|(cost, share)| cost * share).sum();
    assert!((mean - 64_000.0).abs() < 1e-6);
    assert!(scaled[0] > 1.5 * scaled[1], "DNS costs more than LDAP: {scaled:?}");
    // HTTP was not measured: as wide as the others lie apart.
    let (http, error) = found(&costs, "HTTP");
    assert!(http > found(&costs, "LDAP").0 && http < found(&costs, "DNS").0);
    assert!(error > 0.1 && error > found(&costs, "DNS").1, "{error}");
    let told = costs.assumptions();
    assert_eq!(told.len(), 2);
    for words in ["LDAP (0.", "DNS (1.", "of HTTP: they cost the mean", "publishes no cost"] {
        assert!(told[0].text.contains(words), "{words}: {}", told[0].text);
    }
    assert!(told[0].source.contains("AMD EPYC") && told[0].source.contains("--costs"));
    assert!(told[1].text.contains("of LDAP, 51 % give or take 22 %"), "{}", told[1].text);
    assert!(told.iter().all(|assumption| assumption.basis == Basis::Assumed));
}

#[test]
fn measured_costs_take_the_place_of_all_built_in_ones() {
    let rows = vec![
        row("DNS", 1_000, 90.0, 110.0),
        row("LDAP", 1_000, 390.0, 410.0),
        row("HTTP", 3, 1.0, 1.0),
    ];
    let costs = classes(&measured(rows).unwrap());
    let (dns, dns_error) = found(&costs, "DNS");
    // The interval is 5.1 % wide on either side, and runs differ by some percent more.
    assert_eq!(dns, 100.0);
    assert!((0.0511..0.1).contains(&dns_error), "{dns_error}");
    let (kerberos, kerberos_error) = found(&costs, "Kerberos");
    assert!(kerberos > 100.0 && kerberos < 400.0 && kerberos_error > 0.4);
    assert_eq!(found(&costs, "HTTP"), (kerberos, kerberos_error));
    let told = &costs.assumptions()[0];
    assert!(told.text.contains("4.0 times as much"), "{}", told.text);
    assert!(told.text.contains("of Kerberos, HTTP: they cost the mean"), "{}", told.text);
    assert!(told.source.starts_with("--costs"));
}

#[test]
fn disturbed_costs_are_as_wide_as_all_lie_apart_and_named() {
    let mut rows = vec![row("DNS", 1_000, 99.0, 101.0), row("LDAP", 1_000, 399.0, 401.0)];
    rows[1].is_inconclusive = true;
    let costs = classes(&measured(rows.clone()).unwrap());
    let (ldap, error) = found(&costs, "LDAP");
    assert_eq!(ldap, 400.0);
    assert!(error > 0.4, "{error}");
    assert!(found(&costs, "DNS").1 < 0.1);
    let told = &costs.assumptions()[0].text;
    assert!(told.contains("disturbed the measurement of LDAP"), "{told}");
    rows[0].is_inconclusive = true;
    assert_eq!(measured(rows), Err(ProtocolCostsError::AllDisturbed));
}

#[test]
fn figures_that_are_none_or_too_few_are_refused() {
    let good = row("DNS", 1_000, 99.0, 101.0);
    let with = |other| measured(vec![good.clone(), other]).unwrap_err();
    let figure = || ProtocolCostsError::Figure { protocol: "LDAP".to_owned() };
    assert_eq!(with(row("LDAP", 1_000, 0.0, 10.0)), figure());
    assert_eq!(with(row("LDAP", 1_000, 10.0, 1e300)), figure());
    assert_eq!(with(row("LDAP", 1_000, 20.0, 10.0)), figure());
    assert_eq!(with(row("LDAP", 199, 10.0, 20.0)), ProtocolCostsError::TooFew { found: 1 });
    let nothing = ProtocolCost { ns_per_packet: None, ..row("LDAP", 1_000, 1.0, 1.0) };
    assert_eq!(with(nothing), ProtocolCostsError::TooFew { found: 1 });
    let slow = ProtocolCosts::of_rows(&[good.clone(), good.clone()], false);
    assert_eq!(slow, Err(ProtocolCostsError::NotOptimised));
    // Measured, but not among what the core tells apart, or nothing of the reference mix.
    let other = measured(vec![good, row("X", 1_000, 1.0, 2.0)]).unwrap();
    let refused = other.classes(NAMES.into_iter());
    assert_eq!(refused, Err(ProtocolCostsError::TooFew { found: 1 }));
    let other = measured(vec![row("X", 1_000, 3.0, 4.0), row("Y", 1_000, 1.0, 2.0)]).unwrap();
    let refused = other.classes(["X", "Y", "DNS"].into_iter());
    assert_eq!(refused, Err(ProtocolCostsError::Classes(ClassCostsError::EmptyMix)));
}

#[test]
fn a_broken_file_of_costs_is_found_out() {
    let with = |from: &str, to: &str| {
        assert!(TEXT.contains(from), "{from}");
        CostFile::parse(&TEXT.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert!(with("share = 0.", "share = 0.5").starts_with("shares must add up"));
    assert!(with("ns_per_packet = ", "ns_per_packet = -").starts_with("row DNS"));
    assert!(with("\"LDAP\"", "\"DNS\"").starts_with("row DNS"));
    assert!(with("concentration = ", "concentration = -").starts_with("shares"));
    assert!(with("packets = ", "packages = ").starts_with("read the file"));
}
