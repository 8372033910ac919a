//! What the user says of the servers.

use serde_json::Value;

use super::{headroom, run};

fn rows(json: &Value) -> Vec<&Value> {
    json["domain_controllers"].as_array().unwrap().iter().collect()
}

fn row<'a>(json: &'a Value, name: &str) -> &'a Value {
    let found = rows(json).into_iter().find(|row| row["dc"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {json:#}"))
}

#[test]
fn named_controllers_are_the_rows() {
    let json = run("size --json captures/dc-morning.pcapng --dc DC01=10.77.0.10,fd77::10 \
                    --dc WS1=10.77.0.21 --cores 8 --cores ws1=4 --ram DC01=16")
    .ends_with(0)
    .json();
    assert_eq!(rows(&json).len(), 2);
    let (dc, ws) = (row(&json, "DC01"), row(&json, "WS1"));
    assert_eq!(dc["dc"]["addresses"], serde_json::json!(["10.77.0.10", "fd77::10"]));
    assert_eq!(dc["dc"]["host"]["physical_cores"]["value"], 8);
    assert_eq!(dc["dc"]["host"]["physical_cores"]["source"], "--cores");
    assert_eq!(dc["dc"]["host"]["installed_memory_gb"]["value"], 16.0);
    assert_eq!(ws["dc"]["host"]["physical_cores"]["value"], 4);
    assert_eq!(ws["dc"]["host"]["installed_memory_gb"], Value::Null);
    assert!(json["total"].is_object());
    // An address alone is its own name.
    let json = run("size --json captures/dc-morning.pcapng --dc 10.77.0.22").ends_with(0).json();
    assert_eq!(rows(&json).len(), 1);
    row(&json, "10.77.0.22");
}

#[test]
fn the_estate_gives_facts_and_flags_go_before_it() {
    let estate = "size --json captures/dc-morning.pcapng --estate captures/estates/lab.toml";
    let json = run(estate).ends_with(0).json();
    assert_eq!(rows(&json).len(), 1);
    let host = |json: &Value| rows(json)[0]["dc"]["host"].clone();
    assert_eq!(host(&json)["physical_cores"]["value"], 4);
    assert_eq!(
        host(&json)["physical_cores"]["source"],
        "estate captures/estates/lab.toml",
        "{json:#}"
    );
    assert_eq!(host(&json)["installed_memory_gb"]["value"], 8.0);
    let json = run(&format!("{estate} --cores 2")).ends_with(0).json();
    assert_eq!(host(&json)["physical_cores"]["value"], 2);
    assert_eq!(host(&json)["physical_cores"]["source"], "--cores");
}

#[test]
fn enough_facts_give_a_verdict() {
    let line = "size --json captures/dc-morning.pcapng --cores 4 --ram 16 \
                --min-available-mb 9000 --os";
    let mut arguments = super::words(line);
    arguments.push("Windows Server 2022");
    arguments.extend(["--fail-if", "verdict!=Yes"]);
    let json = headroom(&arguments).ends_with(0).json();
    assert_eq!(rows(&json)[0]["verdict"]["words"], "Yes");
    let short = run("size captures/dc-morning.pcapng --cores 4 --ram 16 --min-available-mb 900 \
                     --fail-if short_memory_gb>=1");
    short.ends_with(1).says(&["condition holds: 10.77.0.10"]);
}

#[test]
fn a_name_that_is_nobodys_is_warned_about() {
    let warning = "a flag names DC9, but no domain controller here has that name; there are: \
                   10.77.0.10";
    let line = "size captures/dc-any.pcap --cores DC9=4";
    // The text shows it; a form that has no place for it leaves it to standard error.
    let text = run(line).ends_with(0);
    let joined = text.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains(warning), "{}", text.out);
    assert_eq!(text.err, "");
    for form in ["csv", "json", "markdown"] {
        run(&format!("{line} --format {form}"))
            .ends_with(0)
            .says(&[&format!("headroom: warning: {warning}")]);
        assert_eq!(run(&format!("{line} --format {form} -q")).ends_with(0).err, "");
    }
    let json = run(&format!("{line} --json -q")).json();
    assert_eq!(json["warnings"], serde_json::json!([warning]));
}

#[test]
fn the_table_is_the_one_asked_for() {
    let table_of = |table: &str| {
        let line = format!("size --json captures/counters/plain.csv --table {table}");
        run(&line).ends_with(0).json()["table"]["key"].clone()
    };
    assert_eq!(table_of("mdi-2.x"), "mdi-2.x");
    assert_eq!(table_of("azure-atp-2018"), "azure-atp-2018");
}

/// A mistyped address must not pass for a domain controller without traffic, which always fits.
#[test]
fn an_address_that_nobody_has_gives_no_verdict() {
    let facts = "--cores 4 --ram 16 --min-available-mb 9000";
    let line = format!("size --json captures/dc-morning.pcapng --dc DC1=10.9.9.9 {facts}");
    let json = run(&line).ends_with(0).json();
    let dc = row(&json, "DC1");
    assert_eq!(dc["verdict"]["words"], "Missing Traffic Data");
    assert_eq!(dc["load"]["busy"], Value::Null);
    assert!(dc["dc"]["notes"][0].as_str().unwrap().contains("no frame carries its address"));
    // One that is there beside it is sized as without it.
    let json = run(&format!("{line} --dc DC2=10.77.0.10")).ends_with(0).json();
    assert_eq!(row(&json, "DC1")["verdict"]["words"], "Missing Traffic Data");
    assert_eq!(row(&json, "DC2")["verdict"]["words"], "Yes");
}

#[test]
fn more_memory_available_than_installed_is_refused_where_flags_say_both() {
    let line = "size captures/dc-morning.pcapng --cores 4 --ram 16 --min-available-mb";
    run(&format!("{line} 999999")).ends_with(2).says(&["--min-available-mb", "--ram"]);
    // All of it may be.
    run(&format!("{line} 16384")).ends_with(0);
    // Of one domain controller only.
    let line = "size captures/dc-morning.pcapng --dc DC1=10.77.0.10 --dc DC2=10.77.0.21 --ram 16";
    let run_of = |rest: &str| run(&format!("{line} {rest}"));
    run_of("--min-available-mb DC2=20000").ends_with(2).says(&["DC2"]);
    run_of("--min-available-mb DC2=20000 --ram DC2=32").ends_with(0);
}

#[test]
fn a_log_that_ends_with_its_header_is_said_to_have_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.csv");
    for header in [
        r#""(PDH-CSV 4.0) (W. Europe Standard Time)(-60)","\\DC01\Network Adapter(a)\Packets/sec""#,
        "time,host,packets_per_second",
    ] {
        std::fs::write(&log, header).unwrap();
        let refused = headroom(&["size", super::text(&log)]).ends_with(2);
        assert!(refused.err.contains("no rows below its header"), "{}", refused.err);
        assert!(!refused.err.contains("spreadsheet"), "{}", refused.err);
    }
}
