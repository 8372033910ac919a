//! Dynamic Host Configuration Protocol for IPv4, RFC 2131 section 2, options of RFC 2132.
//!
//! A client without an address asks by broadcast, and is answered in another flow: its lease is
//! told when the answer is seen. Where request and answer share a flow, as through a relay agent
//! or when a lease is renewed, the lease is told as any other exchange.

use super::{Context, Framing, Observer, Probe, Protocol, Quality, Sample, Step, Tally, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

mod lease;
mod option;

pub use lease::Exchange;
pub use option::{FullName, Joined, Value, name};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Dhcp;

wire_struct! {
    /// Fixed part of a message up to its names, RFC 2131 figure 1.
    pub struct Header / HeaderView [44] {
        /// 1 request, 2 reply.
        0 operation: be u8,
        /// Hardware type, 1 for Ethernet.
        1 hardware_type: be u8,
        /// Length of a hardware address, in bytes.
        2 hardware_length: be u8,
        /// Relay agents passed.
        3 hops: be u8,
        /// Matches a reply to its request.
        4 transaction_id: be u32,
        /// Since the client began, in seconds.
        8 seconds: be u16,
        /// 0x8000 asks for a broadcast.
        10 flags: be u16,
        /// Address that the client has.
        12 client_address: raw [u8; 4],
        /// Address that the client gets.
        16 your_address: raw [u8; 4],
        /// Address of the next server.
        20 server_address: raw [u8; 4],
        /// Address of the relay agent.
        24 gateway_address: raw [u8; 4],
        /// Hardware address of the client.
        28 hardware_address: raw [u8; 16],
    }
}

wire_struct! {
    /// Names, or options where an option says so, and the cookie that begins the options.
    pub struct Names / NamesView [196] {
        /// Name of the server, or options.
        0 server_name: raw [u8; 64],
        /// Name of the boot file, or options.
        64 file: raw [u8; 128],
        /// 99, 130, 83, 99.
        192 cookie: be u32,
    }
}

/// Bytes before the options.
const FIXED: usize = Header::LEN + Names::LEN;
/// First bytes of the options, RFC 2131 section 3.
pub const COOKIE: u32 = 0x6382_5363;
/// Operations, RFC 2131 section 2.
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
/// Room for a hardware address, RFC 2131 section 2.
const HARDWARE_LENGTH_MAX: u8 = 16;
/// More relay agents than a message may pass, RFC 1542 section 4.1.1.
const HOPS_MAX: u8 = 16;

/// Options without length and value, RFC 2132 section 3.
pub const PAD: u8 = 0;
/// Behind the last option of a field.
pub const END: u8 = 255;
/// RFC 2132 section 3.14.
pub const HOST_NAME: u8 = 12;
/// RFC 2132 section 9.1.
pub const REQUESTED_ADDRESS: u8 = 50;
/// RFC 2132 section 9.2, in seconds.
pub const LEASE_TIME: u8 = 51;
/// RFC 2132 section 9.3.
pub const OVERLOAD: u8 = 52;
/// RFC 2132 section 9.6.
pub const MESSAGE_TYPE: u8 = 53;
/// RFC 2132 section 9.7.
pub const SERVER_ID: u8 = 54;
/// RFC 2132 section 9.13.
pub const VENDOR_CLASS: u8 = 60;
/// RFC 4702 section 2.
pub const FULL_NAME: u8 = 81;

/// Message types, RFC 2132 section 9.6.
pub const TYPE_REQUEST: u8 = 3;
/// The lease is granted.
pub const TYPE_ACK: u8 = 5;
/// The lease is refused.
pub const TYPE_NAK: u8 = 6;

/// A message where it lies in the input.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    header: HeaderView<'a>,
    /// What follows the header, as far as it was captured.
    rest: &'a [u8],
}

impl<'a> View<'a> {
    /// Reads the fixed part; what follows the header may be cut.
    ///
    /// # Errors
    /// Truncation inside the header, or another cookie.
    pub fn read(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("dhcp::Header", input);
        let header = Header::view(&mut r)?;
        let rest = r.peek();
        if r.bytes(Names::LEN - size_of::<u32>()).is_ok()
            && let Some(&cookie) = r.peek().first_chunk()
            && cookie != COOKIE.to_be_bytes()
        {
            let (want, got) = (u64::from(COOKIE), u64::from(u32::from_be_bytes(cookie)));
            return Err(r.error(Cause::BadConstant { field: "cookie", want, got }));
        }
        Ok(Self { header, rest })
    }

    /// The fixed part.
    pub const fn header(&self) -> HeaderView<'a> {
        self.header
    }

    /// The client's hardware address, at most 16 bytes.
    pub fn hardware_address(&self) -> Hardware {
        let length = self.header.hardware_length().min(HARDWARE_LENGTH_MAX);
        Hardware { bytes: self.header.hardware_address(), length }
    }

    /// Options in order: code and value, without padding and ends, up to what is malformed or
    /// cut. An option whose value was split (RFC 3396) comes several times, see
    /// [`joined`](Self::joined). The file and the server's name are read where they hold options.
    pub fn options(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let first = field(self.rest.get(Names::LEN..).unwrap_or_default());
        let overload = match first.clone().find(|&(code, _)| code == OVERLOAD) {
            Some((_, &[fields])) => fields,
            _ => 0,
        };
        let names = NamesView::peek(self.rest).filter(|_| overload & 3 != 0);
        let part = |bit: u8, range: std::ops::Range<usize>| {
            let bytes = names.filter(|_| overload & bit != 0).and(self.rest.get(range));
            field(bytes.unwrap_or_default())
        };
        first.chain(part(1, FILE)).chain(part(2, SERVER_NAME))
    }

    /// The first part of the option `code`.
    pub fn find(&self, code: u8) -> Option<&'a [u8]> {
        self.options().find_map(|(found, value)| (found == code).then_some(value))
    }

    /// All parts of the option `code` in order, shown as one text.
    pub const fn joined(&self, code: u8) -> Joined<'a> {
        Joined { view: *self, code }
    }

    /// Message type, RFC 2132 section 9.6; for its name see [`Protocol::operation`].
    pub fn message_type(&self) -> Option<u8> {
        self.find(MESSAGE_TYPE).and_then(|value| value.first().copied())
    }

    /// The client's name and who enters it in the DNS, RFC 4702.
    pub fn full_name(&self) -> Option<FullName<'a>> {
        FullName::parse(self.find(FULL_NAME)?)
    }

    /// Where the options end and the padding begins, in bytes from the cookie.
    fn check(&self) -> Result<usize, WireError> {
        let at = Reader::new("dhcp::Option", self.rest);
        let mut r = at.clone();
        let shifted = |error: WireError| WireError { offset: error.offset + Header::LEN, ..error };
        r.bytes(Names::LEN).map_err(shifted)?;
        loop {
            match r.byte().map_err(shifted)? {
                PAD => {}
                END => return Ok(r.offset() - Names::LEN),
                _ => {
                    let length = r.byte().map_err(shifted)?;
                    r.bytes(usize::from(length)).map_err(shifted)?;
                }
            }
        }
    }
}

/// Places of the names behind the header.
const SERVER_NAME: std::ops::Range<usize> = 0..64;
const FILE: std::ops::Range<usize> = 64..192;

/// The options of one field.
fn field(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> + Clone {
    let mut r = Reader::new("dhcp::Option", bytes);
    std::iter::from_fn(move || {
        loop {
            match r.byte().ok()? {
                PAD => {}
                END => {
                    r.remainder();
                    return None;
                }
                code => {
                    let length = r.byte().ok()?;
                    return Some((code, r.bytes(usize::from(length)).ok()?));
                }
            }
        }
    })
}

/// A hardware address, shown as `02:00:5e:10:20:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardware {
    bytes: [u8; 16],
    length: u8,
}

impl std::fmt::Display for Hardware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.bytes.iter().take(self.length.into()).enumerate() {
            let between = if at == 0 { "" } else { ":" };
            write!(f, "{between}{byte:02x}")?;
        }
        Ok(())
    }
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The fixed part up to the names.
    pub header: Header,
    /// Names and cookie.
    pub names: Names,
    /// Options in order, padding between them included, without the end.
    pub options: Vec<(u8, Value<'a>)>,
    /// What follows the end: padding to the length that old relay agents expect.
    pub padding: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// Another cookie, or options that do not end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let view = View::read(bytes)?;
        let length = view.check()?;
        let mut r = Reader::new("dhcp::Header", bytes);
        let (header, names) = (Header::parse(&mut r)?, Names::parse(&mut r)?);
        let mut field = r.sub("dhcp::Option", length)?;
        let mut options = Vec::new();
        loop {
            match field.byte()? {
                END => break,
                PAD => options.push((PAD, Value::Octets(&[]))),
                code => {
                    let length = field.byte()?;
                    options.push((code, Value::parse(code, field.bytes(length.into())?)));
                }
            }
        }
        Ok(Self { header, names, options, padding: r.remainder() })
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.header.emit(w);
        self.names.emit(w);
        let mut buffer = Vec::new();
        for (code, value) in &self.options {
            w.byte(*code);
            if *code != PAD {
                buffer.clear();
                value.emit(&mut Writer::new(&mut buffer));
                // What does not fit is for the caller to split, RFC 3396.
                buffer.truncate(usize::from(u8::MAX));
                w.byte(u8::try_from(buffer.len()).unwrap_or(u8::MAX));
                w.bytes(&buffer);
            }
        }
        w.byte(END);
        w.bytes(self.padding);
    }
}

/// RFC 2132 section 9.6, RFC 3203, RFC 4388.
const fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "DHCPDISCOVER",
        2 => "DHCPOFFER",
        TYPE_REQUEST => "DHCPREQUEST",
        4 => "DHCPDECLINE",
        TYPE_ACK => "DHCPACK",
        TYPE_NAK => "DHCPNAK",
        7 => "DHCPRELEASE",
        8 => "DHCPINFORM",
        9 => "DHCPFORCERENEW",
        10 => "DHCPLEASEQUERY",
        11 => "DHCPLEASEUNASSIGNED",
        12 => "DHCPLEASEUNKNOWN",
        13 => "DHCPLEASEACTIVE",
        _ => return None,
    })
}

impl Protocol for Dhcp {
    type Message<'a> = View<'a>;
    type Dialogue = Exchange;

    const NAME: &'static str = "dhcp";
    const LABEL: &'static str = "DHCP";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[67, 68];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        let byte = |at: usize, is_good: fn(u8) -> bool| payload.get(at).is_none_or(|&b| is_good(b));
        if !byte(0, |operation| matches!(operation, REQUEST | REPLY))
            || !byte(2, |length| length <= HARDWARE_LENGTH_MAX)
            || !byte(3, |hops| hops <= HOPS_MAX)
        {
            return Probe::No;
        }
        match payload.get(FIXED - size_of::<u32>()..FIXED) {
            Some(cookie) if cookie == COOKIE.to_be_bytes() => Probe::Certain,
            // BOOTP before options, or cut by the snap length.
            _ => Probe::Possible,
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        Step::datagram(input, View::read(input).and_then(|view| view.check().map(|_| ())))
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Exchange,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = View::read(input)?;
        let facts = lease::Facts::of(&view);
        let tally = Tally {
            operation: facts.kind.unwrap_or(0).into(),
            is_answer: view.header.operation() == REPLY,
            bytes: context.length,
            quality: if context.is_cut { Quality::Cut } else { Quality::Parsed },
        };
        out.message(context, &super::Message::Dhcp(view), tally);
        dialogue.message(&view, &facts, context, out);
        view.check().map(|_| ())
    }

    fn operation(code: u32) -> Option<&'static str> {
        type_name(u8::try_from(code).ok()?)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Message::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        lease::samples()
            .iter()
            .map(|message| {
                let mut bytes = Vec::new();
                message.emit(&mut Writer::new(&mut bytes));
                Sample::udp(bytes)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
