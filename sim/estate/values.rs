//! Single values of an estate file, checked: texts, names, numbers, shares, times of day.

use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;

use super::NAME_BYTES_MAX;

/// Longest DNS label, in bytes (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Minutes of a day.
pub(super) const MINUTES_PER_DAY: f64 = 1_440.0;

/// A value that is wrong, and where it stands.
#[derive(Debug)]
pub(super) struct Wrong {
    pub span: Range<usize>,
    pub field: &'static str,
    pub what: String,
    pub suggestion: Option<String>,
}

impl Wrong {
    pub fn new(span: Range<usize>, field: &'static str, what: String) -> Self {
        Self { span, field, what, suggestion: None }
    }
}

/// A text of at most [`NAME_BYTES_MAX`] bytes, without the blanks around it.
pub(super) fn text(value: &Spanned<String>, field: &'static str) -> Result<String, Wrong> {
    let trimmed = value.get_ref().trim();
    match wrong_with(trimmed) {
        None => Ok(trimmed.to_owned()),
        Some(what) => Err(Wrong::new(value.span(), field, what)),
    }
}

/// What is wrong with a text, if anything.
pub(super) fn wrong_with(trimmed: &str) -> Option<String> {
    if trimmed.is_empty() {
        Some("it is empty".to_owned())
    } else if trimmed.len() > NAME_BYTES_MAX {
        Some(format!("it has {} bytes, the limit is {NAME_BYTES_MAX}", trimmed.len()))
    } else if trimmed.chars().any(char::is_control) {
        Some("it has control characters".to_owned())
    } else {
        None
    }
}

/// A DNS label: letters, digits and hyphens, as sites and hosts are named.
pub(super) fn label(value: &Spanned<String>, field: &'static str) -> Result<String, Wrong> {
    let name = text(value, field)?;
    if is_label(&name) {
        return Ok(name);
    }
    let what = format!(
        "`{}` is no name of at most {LABEL_BYTES_MAX} letters, digits and hyphens; write e.g. \
         \"berlin-2\"",
        excerpt(&name)
    );
    Err(Wrong::new(value.span(), field, what))
}

/// Whether `name` is a DNS label of a host (RFC 1123 section 2.1).
pub(super) fn is_label(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=LABEL_BYTES_MAX).contains(&name.len())
        && name.chars().all(inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// A number from `least` to `most`.
pub(super) fn between(
    value: &Spanned<f64>,
    field: &'static str,
    [least, most]: [f64; 2],
) -> Result<f64, Wrong> {
    let number = *value.get_ref();
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    let what = format!("{number} is not between {least} and {most}");
    Err(Wrong::new(value.span(), field, what))
}

/// A time of day, `08:20`, in minutes after midnight.
pub(super) fn time_of_day(value: &Spanned<String>, field: &'static str) -> Result<f64, Wrong> {
    let two_digits = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u8>().ok().filter(|_| digits)
    };
    let minutes = value.get_ref().split_once(':').and_then(|(hours, minutes)| {
        let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
        (hours < 24 && minutes < 60).then(|| f64::from(hours) * 60.0 + f64::from(minutes))
    });
    minutes.ok_or_else(|| {
        let shown = excerpt(value.get_ref());
        let what = format!("`{shown}` is no time of day; write e.g. \"08:20\"");
        Wrong::new(value.span(), field, what)
    })
}

/// The address, if it is one.
pub(super) fn address_of(text: &Spanned<String>) -> Option<IpAddr> {
    text.get_ref().trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// An address of a host.
pub(super) fn host_address(value: &Spanned<String>, field: &'static str) -> Result<IpAddr, Wrong> {
    let address = address_of(value).ok_or_else(|| {
        let what = format!(
            "`{}` is no IPv4 or IPv6 address; write e.g. \"10.77.0.10\" or \"fd77::10\"",
            excerpt(value.get_ref())
        );
        Wrong::new(value.span(), field, what)
    })?;
    if is_of_a_host(address) {
        return Ok(address);
    }
    let what = format!("{address} is no address that one host has on a network");
    Err(Wrong::new(value.span(), field, what))
}

/// Whether a host can have the address on a network with others.
pub(super) fn is_of_a_host(address: IpAddr) -> bool {
    let nowhere = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    let elsewhere = match address {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.octets().first().is_some_and(|b| *b == 0 || *b >= 240)
        }
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !nowhere && !elsewhere
}

/// The beginning of what the file says, safe to print.
pub(super) fn excerpt(text: &str) -> String {
    /// Enough to recognise it by.
    const CHARS_MAX: usize = 40;
    let shown: String = text.chars().take(CHARS_MAX).collect();
    shown.escape_debug().to_string()
}
