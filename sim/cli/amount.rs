//! Sizes of memory as people type them.

use anyhow::{Context, bail};

/// Units that can be typed: decimal and binary.
const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `6GB`, `512MiB`, `1048576`; in bytes.
///
/// # Errors
/// What is wrong, and what to write.
pub fn bytes(flag: &str, text: &str) -> anyhow::Result<u64> {
    let wrong =
        || format!("{flag} {}: no size; write e.g. 1MiB, 512MB or 6GB", text.escape_debug());
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok().with_context(wrong)?;
    let same = |(name, _): &&(&str, u64)| name.eq_ignore_ascii_case(unit.trim());
    let (_, factor) = UNITS.iter().find(same).with_context(wrong)?;
    match number.checked_mul(*factor) {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => bail!(wrong()),
    }
}

/// The same, at most so many binary gigabytes.
///
/// # Errors
/// As [`bytes`], and what is larger.
pub fn bytes_up_to(flag: &str, text: &str, gib: u64) -> anyhow::Result<u64> {
    let found = bytes(flag, text)?;
    if found > gib << 30 {
        bail!("{flag} {}: too large; write at most {gib} GiB, e.g. 1MiB", text.escape_debug());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [("1MiB", 1 << 20), ("6 GB", 6_000_000_000), ("4096", 4_096)] {
            assert_eq!(bytes("--memory", text).unwrap(), expected);
        }
        for wrong in ["", "0GB", "GB", "-1GB", "1.5GB", "6XB", "99999999999999999999", "1e30GB"] {
            let error = bytes("--memory", wrong).unwrap_err().to_string();
            assert!(error.starts_with("--memory"), "{error}");
        }
    }

    #[test]
    fn a_size_may_have_an_end() {
        assert_eq!(bytes_up_to("--buffer", "1GiB", 1).unwrap(), 1 << 30);
        for (wrong, says) in
            [("1073741825", "at most 1 GiB"), ("99GiB", "at most"), ("0", "no size")]
        {
            let error = bytes_up_to("--buffer", wrong, 1).unwrap_err().to_string();
            assert!(error.starts_with("--buffer") && error.contains(says), "{error}");
        }
    }
}
