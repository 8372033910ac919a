//! NetBIOS datagram service, RFC 1002 section 4.4, and what domains say with it: mailslots of
//! the browser and of those who look for a domain controller.

use super::dns::Name;
use super::nbns::{Encoded, Padded, starts_encoded_name};
use super::smb1;
use super::{
    Activity, Context, Framing, Id, Kind, Observer, Outcome, Probe, Protocol, Quality, Sample,
    Step, Tally, Transport,
};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

mod browser;
mod mailslot;
mod netlogon;
mod samples;

pub use browser::{
    Announcement, Browser, DOMAIN_ANNOUNCEMENT, Election, HOST_ANNOUNCEMENT,
    LOCAL_MASTER_ANNOUNCEMENT,
};
pub use mailslot::{BROWSE, Mailslot, NETLOGON, SmbHead, Words};
pub use netlogon::{Netlogon, PRIMARY_QUERY, SAM_LOGON_REQUEST};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Nbds;

wire_struct! {
    /// What all datagrams begin with, RFC 1002 section 4.4.1.
    pub struct Header / HeaderView [10] {
        /// Message type, 0x10 to 0x16.
        0 kind: be u8,
        /// Source node type, first and more-follows bits.
        1 flags: be u8,
        /// Number that the sender gave the datagram.
        2 id: be u16,
        /// Address of the sender.
        4 source_address: raw [u8; 4],
        /// Port of the sender.
        8 source_port: be u16,
    }
}

wire_struct! {
    /// What follows in datagrams that carry data, RFC 1002 section 4.4.2.
    pub struct DataHeader / DataHeaderView [4] {
        /// Bytes that follow this structure: names and data.
        0 length: be u16,
        /// Where this fragment's data lie in the whole, in bytes.
        2 packet_offset: be u16,
    }
}

/// Message types, RFC 1002 section 4.4.1: to one name.
pub const DIRECT_UNIQUE: u8 = 0x10;
/// To all who have a name.
pub const DIRECT_GROUP: u8 = 0x11;
/// To all.
pub const BROADCAST: u8 = 0x12;
const ERROR: u8 = 0x13;
const QUERY_REQUEST: u8 = 0x14;
const POSITIVE_QUERY_RESPONSE: u8 = 0x15;
const NEGATIVE_QUERY_RESPONSE: u8 = 0x16;
/// Reserved bits of the flags, RFC 1002 section 4.4.1.
const RESERVED_FLAGS: u8 = 0xf0;
/// What [`Tally::operation`] adds to the command of a browser's message, instead of the type of
/// the datagram.
const BROWSER_OPERATION: u32 = 0x1_0000;
/// The same for opcodes of netlogon messages.
const NETLOGON_OPERATION: u32 = 0x2_0000;

/// What a datagram says after its header.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body<'a> {
    /// Data to one name, a group or all: types 0x10 to 0x12.
    Data {
        /// See [`DataHeader::packet_offset`].
        packet_offset: u16,
        /// Who sends.
        source: Name<'a>,
        /// To whom.
        destination: Name<'a>,
        /// What.
        payload: Payload<'a>,
    },
    /// Error code: type 0x13, RFC 1002 section 4.4.3.
    Error(u8),
    /// Destination name: types 0x14 to 0x16, RFC 1002 section 4.4.4.
    Query(Name<'a>),
}

/// What is sent to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A message to a mailslot.
    Mailslot(Mailslot<'a>),
    /// Anything else.
    Opaque(&'a [u8]),
}

/// One datagram, for emitting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Message<'a> {
    /// What all datagrams begin with.
    pub header: Header,
    /// The rest; it must be of the header's type.
    pub body: Body<'a>,
}

impl<'a> Message<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// An undefined type, a bad name, or a length other than the datagram's.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("nbds::Header", bytes);
        let mut r = at.clone();
        let header = Header::parse(&mut r)?;
        let mut r = r.named("nbds::Body");
        let body = match header.kind {
            DIRECT_UNIQUE..=BROADCAST => {
                let DataHeader { length, packet_offset } = DataHeader::parse(&mut r)?;
                let mut rest = r.sub("nbds::Body", usize::from(length))?;
                let source = Name::parse(&mut rest, bytes)?;
                let destination = Name::parse(&mut rest, bytes)?;
                let payload = Payload::of(rest.remainder());
                Body::Data { packet_offset, source, destination, payload }
            }
            ERROR => Body::Error(r.byte()?),
            QUERY_REQUEST..=NEGATIVE_QUERY_RESPONSE => Body::Query(Name::parse(&mut r, bytes)?),
            kind => return Err(at.error(Cause::BadValue { field: "kind", got: u64::from(kind) })),
        };
        r.finish()?;
        Ok(Self { header, body })
    }

    /// Appends the datagram, its lengths derived.
    ///
    /// # Errors
    /// More data than 16 bits can count.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        self.header.emit(w);
        match self.body {
            Body::Data { packet_offset, source, destination, payload } => {
                let mut rest = [source.wire(), destination.wire()].concat();
                payload.emit(&mut Writer::new(&mut rest))?;
                let got = rest.len();
                let length = u16::try_from(got).map_err(|_| {
                    let max = usize::from(u16::MAX);
                    let cause = Cause::BadLength { field: "length", got, min: 0, max };
                    WireError { what: "nbds::DataHeader", offset: Header::LEN, cause }
                })?;
                DataHeader { length, packet_offset }.emit(w);
                w.bytes(&rest);
            }
            Body::Error(code) => w.byte(code),
            Body::Query(name) => w.bytes(name.wire()),
        }
        Ok(())
    }
}

impl<'a> Payload<'a> {
    /// A mailslot where its bytes are as we would write them.
    fn of(bytes: &'a [u8]) -> Self {
        let mut again = Vec::with_capacity(bytes.len());
        match Mailslot::parse(bytes) {
            Ok(mailslot)
                if mailslot.emit(&mut Writer::new(&mut again)).is_ok() && again == bytes =>
            {
                Self::Mailslot(mailslot)
            }
            _ => Self::Opaque(bytes),
        }
    }

    fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        match self {
            Self::Mailslot(mailslot) => mailslot.emit(w),
            Self::Opaque(bytes) => {
                w.bytes(bytes);
                Ok(())
            }
        }
    }
}

/// One datagram where it lies; it may be cut.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    header: HeaderView<'a>,
    /// Names in front of the data, as far as they can be read.
    names: [Option<Name<'a>>; 2],
    data: &'a [u8],
    end: Result<(), WireError>,
}

impl<'a> View<'a> {
    /// Looks at a datagram.
    ///
    /// # Errors
    /// Truncation of the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("nbds::Header", bytes);
        let header = Header::view(&mut r)?;
        let mut view = Self { header, names: [None, None], data: &[], end: Ok(()) };
        view.end = view.read(r.named("nbds::Body"), bytes);
        Ok(view)
    }

    fn read(&mut self, mut r: Reader<'a>, message: &'a [u8]) -> Result<(), WireError> {
        match self.header.kind() {
            DIRECT_UNIQUE..=BROADCAST => {
                let length = usize::from(DataHeader::view(&mut r)?.length());
                let whole = r.clone().bytes(length);
                for name in &mut self.names {
                    *name = Some(Name::parse(&mut r, message)?);
                }
                self.data = r.remainder();
                whole.map(|_| ())
            }
            ERROR => r.byte().map(|_| ()),
            QUERY_REQUEST..=NEGATIVE_QUERY_RESPONSE => {
                let [_, destination] = &mut self.names;
                *destination = Some(Name::parse(&mut r, message)?);
                Ok(())
            }
            kind => Err(r.error(Cause::BadValue { field: "kind", got: u64::from(kind) })),
        }
    }

    /// See [`Header::kind`].
    pub fn kind(&self) -> u8 {
        self.header.kind()
    }

    /// See [`Header::source_address`].
    pub fn source_address(&self) -> [u8; 4] {
        self.header.source_address()
    }

    /// Who sends.
    pub fn source(&self) -> Option<Encoded<'a>> {
        let [source, _] = self.names;
        source.map(Encoded)
    }

    /// To whom, or who is asked for.
    pub fn destination(&self) -> Option<Encoded<'a>> {
        let [_, destination] = self.names;
        destination.map(Encoded)
    }

    /// What is sent to a mailslot, if that is what the datagram does.
    pub fn mailslot(&self) -> Option<Mailslot<'a>> {
        Mailslot::parse(self.data).ok()
    }

    /// A message of the browser.
    pub fn browser(&self) -> Option<Browser<'a>> {
        let mailslot = self.mailslot().filter(|mailslot| mailslot.is(BROWSE))?;
        Browser::parse(mailslot.data).ok()
    }

    /// A message of those who look for a domain controller.
    pub fn netlogon(&self) -> Option<Netlogon<'a>> {
        let mailslot = self.mailslot().filter(|mailslot| mailslot.is(NETLOGON))?;
        Netlogon::parse(mailslot.data).ok()
    }
}

impl Protocol for Nbds {
    type Message<'a> = View<'a>;
    type Dialogue = ();

    const NAME: &'static str = "nbds";
    const LABEL: &'static str = "NBDS";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[138];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        let kind = payload.first().copied().unwrap_or(DIRECT_UNIQUE);
        let flags = payload.get(1).copied().unwrap_or(0);
        if !(DIRECT_UNIQUE..=NEGATIVE_QUERY_RESPONSE).contains(&kind) || flags & RESERVED_FLAGS != 0
        {
            return Probe::No;
        }
        let name_at = match kind {
            ERROR if payload.len() == Header::LEN + 1 => return Probe::Certain,
            ERROR if payload.len() > Header::LEN + 1 => return Probe::No,
            ERROR => return Probe::Possible,
            DIRECT_UNIQUE..=BROADCAST => Header::LEN + DataHeader::LEN,
            _ => Header::LEN,
        };
        match payload.get(name_at..) {
            Some(name) if !starts_encoded_name(name) => Probe::No,
            Some([_, _, ..]) => Probe::Certain,
            _ => Probe::Possible,
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        Step::datagram(input, View::new(input).and_then(|view| view.end))
    }

    fn observe(
        input: &[u8],
        context: &Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = View::new(input)?;
        let (browser, netlogon) = match view.mailslot() {
            Some(mailslot) if mailslot.is(BROWSE) => (Browser::parse(mailslot.data).ok(), None),
            Some(mailslot) if mailslot.is(NETLOGON) => (None, Netlogon::parse(mailslot.data).ok()),
            _ => (None, None),
        };
        let operation = match (browser, netlogon) {
            (Some(browser), _) => BROWSER_OPERATION | u32::from(browser.command()),
            (_, Some(netlogon)) => NETLOGON_OPERATION | u32::from(netlogon.opcode()),
            _ => u32::from(view.kind()),
        };
        let quality = match view.end {
            Ok(()) if view.data.is_empty() || view.mailslot().is_some() => Quality::Parsed,
            Err(error) if context.is_cut && error.is_truncation() => Quality::Cut,
            _ => Quality::Opaque,
        };
        let is_answer = matches!(view.kind(), POSITIVE_QUERY_RESPONSE | NEGATIVE_QUERY_RESPONSE);
        let tally = Tally { operation, is_answer, bytes: context.length, quality };
        out.message(context, &super::Message::Nbds(view), tally);
        // A mailslot is a transaction of SMB1 without a connection: nothing to remember.
        if view.data.starts_with(b"\xffSMB") {
            let missing = context.length.saturating_sub(input.len());
            let length = view.data.len() + missing;
            let mut alone = smb1::Conversation::default();
            if let Err(error) = smb1::observe_bare(view.data, length, context, &mut alone, out) {
                out.malformed(super::Id::Smb1, error);
            }
        }
        if let Some(browser) = browser {
            tell_announcement(&browser, context, out);
        }
        if let Some(netlogon) = netlogon {
            tell_search(&netlogon, &view, context, out);
        }
        if quality == Quality::Cut { Ok(()) } else { view.end }
    }

    fn operation(code: u32) -> Option<&'static str> {
        let [_, family, high, low] = code.to_be_bytes();
        match u32::from(family) << 16 {
            BROWSER_OPERATION => browser::command_name(low),
            NETLOGON_OPERATION => netlogon::opcode_name(u16::from_be_bytes([high, low])),
            _ => kind_name(low),
        }
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Message::parse(input)?.emit(out)
    }

    fn samples() -> Vec<Sample> {
        samples::all()
    }
}

/// A host or domain says that it is there.
fn tell_announcement(browser: &Browser<'_>, context: &Context, out: &mut dyn Observer) {
    let Browser::Announcement(command, announcement, _) = browser else { return };
    // Senders leave anything behind the zero.
    let name = announcement.name.split(|&byte| byte == 0).next().unwrap_or_default();
    out.activity(&Activity {
        kind: Kind::LocalNameQuery,
        protocol: Id::Nbds,
        time: context.time,
        asked_by: context.side,
        principal: None,
        target: Some(&Padded(name)),
        detail: Some(&browser::command_name(*command).unwrap_or_default()),
        outcome: Outcome::Unknown,
    });
}

/// A host looks for a controller of the domain that the datagram is sent to. The answer comes
/// in a flow of its own.
fn tell_search(
    netlogon: &Netlogon<'_>,
    view: &View<'_>,
    context: &Context,
    out: &mut dyn Observer,
) {
    let user = match netlogon {
        Netlogon::PrimaryQuery { .. } => None,
        Netlogon::SamLogonRequest { user, .. } => Some(user).filter(|user| !user.0.is_empty()),
        Netlogon::Other(..) => return,
    };
    let (destination, opcode) = (view.destination(), netlogon::opcode_name(netlogon.opcode()));
    out.activity(&Activity {
        kind: Kind::NetlogonPing,
        protocol: Id::Nbds,
        time: context.time,
        asked_by: context.side,
        principal: user.map(|user| user as &dyn std::fmt::Display),
        target: destination.as_ref().map(|name| name as &dyn std::fmt::Display),
        detail: opcode.as_ref().map(|name| name as &dyn std::fmt::Display),
        outcome: Outcome::Unknown,
    });
}

const fn kind_name(kind: u8) -> Option<&'static str> {
    match kind {
        DIRECT_UNIQUE => Some("direct unique"),
        DIRECT_GROUP => Some("direct group"),
        BROADCAST => Some("broadcast"),
        ERROR => Some("error"),
        QUERY_REQUEST => Some("query request"),
        POSITIVE_QUERY_RESPONSE => Some("positive query response"),
        NEGATIVE_QUERY_RESPONSE => Some("negative query response"),
        _ => None,
    }
}

/// Bytes up to a zero, which is stepped over, or to the end.
fn zero_terminated<'a>(r: &mut Reader<'a>) -> &'a [u8] {
    let rest = r.remainder();
    let mut parts = rest.splitn(2, |&byte| byte == 0);
    let text = parts.next().unwrap_or_default();
    *r = Reader::new("nbds::Mailslot", parts.next().unwrap_or_default());
    text
}

#[cfg(test)]
mod tests;
