//! Tests of the estate file.

use super::*;

const LAB: &str = include_str!("../../captures/estates/lab.toml");

fn error(text: &str) -> String {
    Estate::parse(text, "x.toml").unwrap_err().to_string()
}

/// One controller with `lines` added.
fn with(lines: &str) -> String {
    format!("[[domain_controller]]\nname = \"dc1\"\n{lines}\n")
}

#[test]
fn the_example_is_read_in_full() {
    let estate = Estate::parse(LAB, "lab.toml").unwrap();
    let expected = DomainController {
        name: "dc1.lab.example".to_owned(),
        addresses: vec!["10.77.0.10".parse().unwrap(), "fd77::10".parse().unwrap()],
        physical_cores: Some(4),
        logical_processors: Some(8),
        installed_memory_gb: Some(8.0),
        min_available_mb: None,
        operating_system: Some("Windows Server 2022 Standard".to_owned()),
        virtualization: Some(Virtualization::None),
    };
    assert_eq!(estate.domain_controllers(), std::slice::from_ref(&expected));
    assert_eq!(estate.by_address("fd77::10".parse().unwrap()), Some(&expected));
    assert_eq!(estate.by_address("::ffff:10.77.0.10".parse().unwrap()), Some(&expected));
    assert_eq!(estate.by_address("10.77.0.11".parse().unwrap()), None);
}

#[test]
fn a_name_is_found_short_or_full_in_any_case() {
    let text = "[[domain_controller]]\nname = \"DC1.a.example\"\n\
                [[domain_controller]]\nname = \"dc1.b.example\"\n\
                [[domain_controller]]\nname = \"dc2\"\n\
                [[domain_controller]]\nname = \"dc3.a.example\"\naddresses = [\"10.0.0.3\"]\n";
    let estate = Estate::parse(text, "x.toml").unwrap();
    let found = |name: &str| estate.by_name(name).map(|dc| dc.name.as_str());
    assert_eq!(found("dc1.A.example."), Some("DC1.a.example"));
    assert_eq!(found("\\\\DC3"), Some("dc3.a.example"));
    assert_eq!(found("dc2.a.example"), Some("dc2"));
    assert_eq!(found("10.0.0.3"), Some("dc3.a.example"));
    // Two would match, another domain's does not, an address is no name.
    assert_eq!(found("dc1"), None);
    assert_eq!(found("dc3.b.example"), None);
    assert_eq!(found("10.0.0.4"), None);
    assert_eq!(found(""), None);
}

#[test]
fn errors_name_file_line_field_and_what_to_write() {
    let cases = [
        (
            with("adresses = []"),
            "read estate x.toml, line 3: there is no key `adresses`; did you mean `addresses`?",
        ),
        (
            "[[domain_controllers]]\n".to_owned(),
            "read estate x.toml, line 1: there is no key `domain_controllers`; did you mean `domain_controller`?",
        ),
        (with("colour = 1"), "read estate x.toml, line 3: there is no key `colour`"),
        (
            with("physical_cores = 0"),
            "read estate x.toml, line 3, `physical_cores`: 0 is not between 1 and 4096",
        ),
        (
            with("installed_memory_gb = nan"),
            "read estate x.toml, line 3, `installed_memory_gb`: NaN is not above 0 and at most 262144",
        ),
        (
            with("installed_memory_gb = 8\nmin_available_mb = 8193"),
            "read estate x.toml, line 4, `min_available_mb`: 8193 is not above 0 and at most 8192",
        ),
        (
            with("logical_processors = 4\nphysical_cores = 8"),
            "read estate x.toml, line 4, `physical_cores`: 8 physical cores in 4 logical processors",
        ),
        (
            with("addresses = [\n\"10.0.0.1\",\n\"10.0.0.256\"]"),
            "read estate x.toml, line 5, `addresses`: `10.0.0.256` is no IPv4 or IPv6 address; write e.g. \"10.77.0.10\" or \"fd77::10\"",
        ),
        (
            with("addresses = [\"10.0.0.1\", \"::ffff:10.0.0.1\"]"),
            "read estate x.toml, line 3, `addresses`: 10.0.0.1 belongs to a domain controller already",
        ),
        (
            with("[[domain_controller]]\nname = \"DC1\""),
            "read estate x.toml, line 4, `name`: `DC1` is described twice",
        ),
        (
            with("operating_system = \" \""),
            "read estate x.toml, line 3, `operating_system`: it is empty",
        ),
        (
            with("operating_system = \"a\\u001bb\""),
            "read estate x.toml, line 3, `operating_system`: it has control characters",
        ),
        (
            "".to_owned(),
            "read estate x.toml: it describes no domain controller; begin one with `[[domain_controller]]`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(error(&text), expected, "{text}");
    }
}

#[test]
fn errors_of_the_format_itself_name_the_line() {
    let wrong_type = error(&with("physical_cores = \"four\""));
    assert!(
        wrong_type.starts_with("read estate x.toml, line 3, `physical_cores`: invalid type"),
        "{wrong_type}"
    );
    let negative = error(&with("physical_cores = -4"));
    assert!(negative.starts_with("read estate x.toml, line 3, `physical_cores`: "), "{negative}");
    let kind = error(&with("virtualization = \"xen\""));
    assert!(
        kind.starts_with("read estate x.toml, line 3, `virtualization`: unknown variant"),
        "{kind}"
    );
    let unnamed = error("[[domain_controller]]\nphysical_cores = 4\n");
    assert!(unnamed.contains("missing field `name`"), "{unnamed}");
    let broken = error("[[domain_controller]]\nname = \"dc1\nphysical_cores = 4\n");
    assert!(broken.starts_with("read estate x.toml, line 2"), "{broken}");
    let binary = error("\u{0}\u{1}\u{2}");
    assert!(binary.starts_with("read estate x.toml, line 1"), "{binary}");
}

#[test]
fn sizes_are_limited() {
    assert!(error(&" ".repeat(FILE_BYTES_MAX + 1)).contains("split it"));
    let many: String = (0..=DOMAIN_CONTROLLERS_MAX)
        .map(|n| format!("[[domain_controller]]\nname=\"d{n}\"\n"))
        .collect();
    assert!(error(&many).contains("the limit is 10000"));
    let addresses: Vec<String> = (0..=ADDRESSES_MAX).map(|n| format!("\"10.0.0.{n}\"")).collect();
    let addresses = with(&format!("addresses = [{}]", addresses.join(",")));
    assert!(error(&addresses).contains("65 addresses, the limit is 64"));
    let name = format!("[[domain_controller]]\nname = \"{}\"\n", "n".repeat(256));
    assert!(error(&name).contains("256 bytes, the limit is 255"));
    // Nesting that a recursive reader would fall over.
    let deep = format!("[[domain_controller]]\nname = {}", "[".repeat(100_000));
    assert!(Estate::parse(&deep, "x.toml").is_err());
}
