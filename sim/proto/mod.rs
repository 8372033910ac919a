//! One file per protocol: how it is recognised, its bytes, its framing, its samples.
//!
//! To add a protocol: add `foo.rs`, add `pub mod foo;`, add a row to `registry!`. Recognition,
//! laws, benches, reports and the command line pick it up from there.

use std::ops::RangeInclusive;

use crate::wire::{WireError, Writer};

pub mod cldap;
#[cfg(test)]
mod conformance;
pub mod dcerpc;
pub mod dhcp;
pub mod dns;
mod event;
pub mod gss;
pub mod http;
pub mod kerberos;
pub mod ldap;
pub mod ldaps;
pub mod llmnr;
pub mod mdns;
pub mod nbds;
pub mod nbns;
pub mod nbss;
pub mod ntlmssp;
pub mod ntp;
mod pending;
pub mod radius;
pub mod rdp;
mod recognise;
#[macro_use]
mod registry;
pub mod smb1;
pub mod smb2;
mod text;
pub mod tls;
#[cfg(test)]
mod told;

pub use event::{
    Activity, Context, Dialogue, Hint, Kind, Method, Observer, Outcome, Quality, Side, Tally,
};
pub use ntlmssp::carries_ntlmssp;
pub use pending::{Asked, Pending};
pub use recognise::{Recognised, by_port, recognise};
pub use text::{HELD_MAX, Held, Utf8, Utf16};

/// What carries a protocol's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A byte stream, RFC 9293.
    Tcp,
    /// Datagrams, RFC 768.
    Udp,
}

/// What a protocol file provides besides its message types.
pub trait Protocol {
    /// What one message says, as views of its bytes.
    type Message<'a>;
    /// What is remembered of a flow between its messages.
    type Dialogue: Dialogue;

    /// Short lower-case name, as used in flags, files and data; also the name of its file.
    const NAME: &'static str;
    /// Name to show to people.
    const LABEL: &'static str;
    /// Where messages begin and end.
    const FRAMING: Framing;
    /// TCP ports that suggest this protocol. Each port belongs to one protocol.
    const TCP_PORTS: &'static [u16] = &[];
    /// UDP ports that suggest this protocol. Each port belongs to one protocol.
    const UDP_PORTS: &'static [u16] = &[];
    /// First bytes of its messages, if [`Probe::Certain`] can be believed on any port; empty
    /// when only the port tells this protocol from others of the same shape.
    const STARTS: &'static [RangeInclusive<u8>] = &[];

    /// Whether `payload`, all that one packet carries above `transport`, is or begins a message
    /// of this protocol. The payload may be cut by the snap length or go on in the next
    /// segment. Allocates nothing and looks at the first [`PROBE_WINDOW`] bytes; DHCP and
    /// connectionless DCE/RPC at a few more, where their fixed parts say what proves them.
    fn probe(payload: &[u8], transport: Transport) -> Probe;

    /// Finds the first message in `input` without parsing its body.
    fn step(input: &[u8], transport: Transport) -> Step;

    /// How many bytes of a message of `length` bytes, which begins with `head`, [`observe`]
    /// reads: what follows is neither kept nor waited for. `head` is at least what
    /// [`step`](Protocol::step) wanted for telling the length.
    ///
    /// [`observe`]: Protocol::observe
    fn needed(_head: &[u8], length: usize) -> usize {
        length.min(NEEDED_MAX)
    }

    /// Reads one message as [`step`](Protocol::step) delimits it, and tells `out` what it says.
    /// The input may be shorter than the message, see [`Context::length`]. Allocates nothing but
    /// what `dialogue` keeps.
    ///
    /// # Errors
    /// What is wrong with the message. It is counted as malformed, or, where the input is cut and
    /// the error is a truncation, as cut; `out` may have been told what stands before the error.
    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError>;

    /// Name of an operation of [`Tally`] in the words of the specification.
    fn operation(_code: u32) -> Option<&'static str> {
        None
    }

    /// Parses one message and emits it again. Both directions in one call, so that tests can
    /// hold them against each other.
    ///
    /// # Errors
    /// What is wrong with `input`; `out` may then have been appended to.
    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError>;

    /// Valid messages, each with what carries it: for the laws, benches and fuzzing seeds.
    /// Made by hand from the specification, with names of our own, unless it says otherwise.
    fn samples() -> Vec<Sample>;
}

/// Bytes that probes look at: one cache line from where the payload begins.
pub const PROBE_WINDOW: usize = 64;

/// Bytes of one message that are read at most, unless its protocol says otherwise: more than any
/// message but bulk data takes.
pub const NEEDED_MAX: usize = 1 << 16;

/// Bytes of memory that the dialogues of a shard may hold together, with what they keep for
/// flows to come: for the 8,192 flows that a shard listens to, 1.5 KiB each. Ours: eight shards
/// take a fifth of what Headroom may use.
pub const DIALOGUE_BYTES_MAX: usize = 12 << 20;

/// What a payload says about one protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Probe {
    /// It cannot be the start of a message of this protocol.
    No,
    /// It neither proves nor contradicts.
    Possible,
    /// It is a message of this protocol, or its beginning.
    Certain,
}

/// How a protocol marks message boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One message per UDP datagram.
    Datagram,
    /// Messages follow each other in a TCP stream.
    Stream,
    /// The one over UDP, the other over TCP.
    Either,
    /// Tokens inside messages of other protocols.
    Embedded,
}

impl Framing {
    /// Whether messages travel directly over `transport`, or, embedded, may be found there.
    pub const fn uses(self, transport: Transport) -> bool {
        match self {
            Self::Datagram => matches!(transport, Transport::Udp),
            Self::Stream => matches!(transport, Transport::Tcp),
            Self::Either | Self::Embedded => true,
        }
    }
}

/// One valid message and what carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What carries it.
    pub transport: Transport,
    /// All bytes of the message, including a record mark that the transport needs.
    pub bytes: Vec<u8>,
}

impl Sample {
    /// A message in a TCP stream.
    pub fn tcp(bytes: impl Into<Vec<u8>>) -> Self {
        Self { transport: Transport::Tcp, bytes: bytes.into() }
    }

    /// A message that is one UDP datagram.
    pub fn udp(bytes: impl Into<Vec<u8>>) -> Self {
        Self { transport: Transport::Udp, bytes: bytes.into() }
    }
}

/// Result of looking for one message at the front of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Not a message of this protocol; the stream is given up, and counted.
    Malformed(WireError),
    /// The first `length` bytes are one message.
    Message {
        /// Length in bytes.
        length: usize,
    },
    /// Call again once `total` bytes are present.
    NeedMore {
        /// Bytes needed in all, always more than were given.
        total: usize,
    },
}

impl Step {
    /// A message of `total` bytes, or a wish for the missing ones.
    fn framed(input: &[u8], total: usize) -> Self {
        if input.len() < total { Self::NeedMore { total } } else { Self::Message { length: total } }
    }

    /// A datagram: whole, or malformed.
    fn datagram(input: &[u8], parsed: Result<(), WireError>) -> Self {
        match parsed {
            Ok(()) => Self::Message { length: input.len() },
            Err(error) => Self::Malformed(error),
        }
    }

    /// What a failure to read a header in a stream means: more bytes, or another protocol.
    fn failed(input: &[u8], error: WireError) -> Self {
        match error.cause {
            crate::wire::Cause::Truncated { need, .. } => {
                Self::NeedMore { total: error.offset.saturating_add(need).max(input.len() + 1) }
            }
            _ => Self::Malformed(error),
        }
    }
}

/// Whether `bytes` agree with `magic` as far as both reach.
#[inline]
fn agrees(bytes: &[u8], magic: &[u8]) -> bool {
    bytes.iter().zip(magic).all(|(byte, want)| byte == want)
}

registry! {
    /// Domain Name System.
    dns::Dns,
    /// Multicast DNS.
    mdns::Mdns,
    /// Link-local multicast name resolution.
    llmnr::Llmnr,
    /// NetBIOS name service.
    nbns::Nbns,
    /// NetBIOS datagram service.
    nbds::Nbds,
    /// NetBIOS session service.
    nbss::Nbss,
    /// Server Message Block 1 (CIFS).
    smb1::Smb1,
    /// Server Message Block 2 and 3.
    smb2::Smb2,
    /// NT LAN Manager authentication tokens.
    ntlmssp::Ntlmssp,
    /// Remote procedure calls, connection-oriented and connectionless.
    dcerpc::Dcerpc,
    /// Kerberos 5 and its password protocol.
    kerberos::Kerberos,
    /// Lightweight Directory Access Protocol.
    ldap::Ldap,
    /// LDAP in datagrams: the search for a domain controller.
    cldap::Cldap,
    /// LDAP inside TLS on ports of its own.
    ldaps::Ldaps,
    /// Remote authentication dial-in user service.
    radius::Radius,
    /// Remote Desktop Protocol.
    rdp::Rdp,
    /// Transport Layer Security.
    tls::Tls,
    /// Hypertext Transfer Protocol, version 1.
    http::Http,
    /// Network Time Protocol.
    ntp::Ntp,
    /// Dynamic Host Configuration Protocol, version 4.
    dhcp::Dhcp,
}
