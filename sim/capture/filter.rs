//! Capture filter expressions, compiled and run by the system's libpcap.
//!
//! On Windows there is none: Npcap's import library would be a prerequisite of building, and
//! planners who only size captures have neither it nor a network to fetch it from.

use crate::base::LinkType;

/// Why a filter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// No libpcap on this machine.
    #[error(
        "use a filter: libpcap not found; install it for filters (Debian, Ubuntu: libpcap0.8; Fedora: \
         libpcap; Alpine: libpcap) or leave the filter out"
    )]
    Missing,
    /// This system is none on which libpcap is looked for.
    #[error(
        "use a filter: it needs libpcap, which is not used on this system; leave the filter out, or save \
         the wanted packets from Wireshark first and give that file"
    )]
    Unsupported,
    /// libpcap does not understand the expression, or not for this link type.
    #[error("filter `{expression}`: {reason}; see pcap-filter(7)")]
    Expression {
        /// As given.
        expression: String,
        /// libpcap's words.
        reason: String,
    },
}

/// A compiled filter. `Send` but not `Sync`: compile one per thread.
#[cfg(unix)]
pub struct Filter(pcap::BpfProgram);

/// Cannot be made on this system.
#[cfg(not(unix))]
pub struct Filter(std::convert::Infallible);

#[cfg(unix)]
impl Filter {
    /// Compiles `expression` (pcap-filter(7)) for frames of `link`.
    ///
    /// # Errors
    /// When libpcap is missing or refuses the expression.
    pub fn compile(expression: &str, link: LinkType) -> Result<Self, FilterError> {
        if !super::libpcap::available() {
            return Err(FilterError::Missing);
        }
        let refused = |error: pcap::Error| FilterError::Expression {
            expression: expression.to_owned(),
            reason: error.to_string(),
        };
        let dead = pcap::Capture::dead(pcap::Linktype(data_link(link))).map_err(refused)?;
        dead.compile(expression, true).map(Self).map_err(refused)
    }

    /// Whether the captured bytes of a frame match. Their number is what `len` means in the
    /// expression, also where the frame was longer on the wire.
    pub fn matches(&self, frame: &[u8]) -> bool {
        self.0.filter(frame)
    }
}

#[cfg(not(unix))]
impl Filter {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn compile(_expression: &str, _link: LinkType) -> Result<Self, FilterError> {
        Err(FilterError::Unsupported)
    }

    /// Never called: there is no filter.
    pub fn matches(&self, _frame: &[u8]) -> bool {
        match self.0 {}
    }
}

/// Version line of the libpcap that was found at run time; none without one.
pub fn libpcap_version() -> Option<String> {
    #[cfg(unix)]
    let version = super::libpcap::version();
    #[cfg(not(unix))]
    let version = None;
    version
}

/// libpcap calls some link types by the number they have on this system (DLT_), which differs
/// from the one in files (LINKTYPE_) for those that were numbered differently in the past;
/// <https://www.tcpdump.org/linktypes.html>, `pcap/dlt.h`.
#[cfg(unix)]
fn data_link(link: LinkType) -> i32 {
    const OPENBSD: bool = cfg!(target_os = "openbsd");
    match link.0 {
        100 => 11, // ATM_RFC1483
        101 if OPENBSD => 14,
        101 => 12, // RAW
        102 => 15, // SLIP_BSDOS
        103 => 16, // PPP_BSDOS
        108 if OPENBSD => 12,
        109 if OPENBSD => 13,
        other => i32::from(other),
    }
}

#[cfg(all(test, not(unix)))]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_refused_where_libpcap_is_not_used() {
        assert!(matches!(Filter::compile("tcp", LinkType(1)), Err(FilterError::Unsupported)));
    }
}
