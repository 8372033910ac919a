//! NetBIOS session service, the framing of SMB over TCP.
//!
//! RFC 1002 section 4.3 on port 139; \[MS-SMB2\] section 2.1 on port 445 (direct TCP), where the
//! length has 24 bits instead of 17 and only session messages occur.

use super::dns::Name;
use super::nbns::{Encoded, starts_encoded_name};
use super::{
    Context, Framing, Observer, Probe, Protocol, Quality, Sample, Step, Tally, Transport, smb1,
    smb2,
};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Nbss;

wire_struct! {
    /// Packet header, RFC 1002 section 4.3.1.
    pub struct Header / HeaderView [4] {
        /// Packet type; 0 is a session message.
        0 kind: be u8,
        /// Bits 16..24 of the payload length in bytes.
        1 length_high: be u8,
        /// Bits 0..16 of the payload length in bytes.
        2 length_low: be u16,
    }
}

/// Packet types, RFC 1002 section 4.3.1.
pub const SESSION_MESSAGE: u8 = 0x00;
/// A session is asked for.
pub const SESSION_REQUEST: u8 = 0x81;
/// The session is there.
pub const POSITIVE_RESPONSE: u8 = 0x82;
/// It is refused.
pub const NEGATIVE_RESPONSE: u8 = 0x83;
/// It is to be had elsewhere.
pub const RETARGET_RESPONSE: u8 = 0x84;
/// Sent so that the connection lives.
pub const KEEP_ALIVE: u8 = 0x85;

/// Bytes by which SMB is known behind the header.
const SMB_MAGIC: usize = 4;
/// Largest payload in bytes that the header can say.
const PAYLOAD_MAX: usize = 0xff_ffff;
/// A called and a calling name without scope, RFC 1002 section 4.3.2.
const SESSION_REQUEST_LENGTH: usize = 68;
/// All bits but the one that extends the length are reserved, RFC 1002 section 4.3.1.
const RESERVED_FLAGS: u8 = 0xfe;

impl Header {
    /// The header of a session message of `length` bytes.
    ///
    /// # Errors
    /// [`Cause::BadLength`] where 24 bits cannot say the length.
    pub fn session_message(length: usize) -> Result<Self, WireError> {
        Self::packet(SESSION_MESSAGE, length)
    }

    fn packet(kind: u8, length: usize) -> Result<Self, WireError> {
        let bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        let [0, length_high, high, low] = bytes else {
            let cause = Cause::BadLength { field: "length", got: length, min: 0, max: PAYLOAD_MAX };
            return Err(WireError { what: "nbss::Header", offset: 0, cause });
        };
        Ok(Self { kind, length_high, length_low: u16::from_be_bytes([high, low]) })
    }

    /// Length of what follows the header, in bytes.
    pub fn payload_length(&self) -> usize {
        usize::from(self.length_high) << 16 | usize::from(self.length_low)
    }
}

/// Finds one packet of any type.
pub(super) fn step(input: &[u8]) -> Step {
    match Header::parse(&mut Reader::new("nbss::Header", input)) {
        Ok(header) => Step::framed(input, Header::LEN + header.payload_length()),
        Err(error) => Step::failed(input, error),
    }
}

/// Finds one session message whose payload begins as `is_wanted` says; four bytes of it are
/// shown.
pub(super) fn step_message(input: &[u8], is_wanted: fn([u8; 4]) -> bool) -> Step {
    let Some(&[kind, _, _, _, a, b, c, d]) = input.first_chunk() else {
        return Step::NeedMore { total: 2 * Header::LEN };
    };
    let error = |field, got, offset| {
        let cause = Cause::BadValue { field, got };
        Step::Malformed(WireError { what: "nbss::Header", offset, cause })
    };
    if kind != SESSION_MESSAGE {
        return error("kind", u64::from(kind), 0);
    }
    if !is_wanted([a, b, c, d]) {
        return error("protocol", u64::from(u32::from_be_bytes([a, b, c, d])), Header::LEN);
    }
    step(input)
}

/// A reader over the payload of the session message that `input` is; offsets are those of
/// `input`.
pub(super) fn message<'a>(what: &'static str, input: &'a [u8]) -> Result<Reader<'a>, WireError> {
    let at = Reader::new("nbss::Header", input);
    let mut r = at.clone();
    let header = Header::parse(&mut r)?;
    if header.kind != SESSION_MESSAGE {
        let (want, got) = (u64::from(SESSION_MESSAGE), u64::from(header.kind));
        return Err(at.error(Cause::BadConstant { field: "kind", want, got }));
    }
    let payload = r.sub(what, header.payload_length())?;
    r.finish()?;
    Ok(payload)
}

/// What a payload says about a session message whose own payload begins with one of `magics`.
///
/// Some senders write the header into a segment of its own, so that the next payload begins
/// with the message: its four bytes are proof enough.
#[inline]
pub(super) fn probe_message(payload: &[u8], magics: &[[u8; 4]]) -> Probe {
    match payload.split_first_chunk::<{ Header::LEN }>() {
        Some((start, _)) if magics.contains(start) => Probe::Certain,
        Some((&[SESSION_MESSAGE, ..], message)) => match message.first_chunk::<4>() {
            Some(start) if magics.contains(start) => Probe::Certain,
            None if magics.iter().any(|magic| super::agrees(message, magic)) => Probe::Possible,
            _ => Probe::No,
        },
        Some(_) => Probe::No,
        None if payload.first().is_none_or(|&kind| kind == SESSION_MESSAGE) => Probe::Possible,
        None => Probe::No,
    }
}

/// One packet; what a session message carries is opaque here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packet<'a> {
    /// Packet type.
    pub kind: u8,
    /// What it says.
    pub body: Body<'a>,
}

/// What a packet says after its header.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body<'a> {
    /// Who is called and who calls, RFC 1002 section 4.3.2.
    Request(Name<'a>, Name<'a>),
    /// Why not, RFC 1002 section 4.3.4.
    Negative(u8),
    /// The address and port to call instead, RFC 1002 section 4.3.5.
    Retarget([u8; 4], u16),
    /// Of any other packet, or of one that is not as it must be.
    Opaque(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// Parses one packet, or as much as there is of it.
    ///
    /// # Errors
    /// Truncation of the header.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("nbss::Header", input);
        let header = Header::parse(&mut r)?;
        let end = r.offset() + header.payload_length().min(r.peek().len());
        let message = input.get(..end).unwrap_or(input);
        let mut r = Reader::new("nbss::Body", message);
        r.bytes(Header::LEN)?;
        let opaque = Body::Opaque(r.peek());
        let body = match Self::body(header.kind, &mut r, message) {
            Ok(Some(body)) if r.is_empty() => body,
            _ => opaque,
        };
        Ok(Self { kind: header.kind, body })
    }

    fn body(
        kind: u8,
        r: &mut Reader<'a>,
        message: &'a [u8],
    ) -> Result<Option<Body<'a>>, WireError> {
        Ok(Some(match kind {
            SESSION_REQUEST => Body::Request(Name::parse(r, message)?, Name::parse(r, message)?),
            NEGATIVE_RESPONSE => Body::Negative(r.byte()?),
            RETARGET_RESPONSE => {
                let address = *r.array()?;
                Body::Retarget(address, u16::from_be_bytes(*r.array()?))
            }
            _ => return Ok(None),
        }))
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`Cause::BadLength`] where 24 bits cannot say the length.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        let mut bytes = Vec::new();
        let payload = match self.body {
            Body::Opaque(payload) => payload,
            Body::Request(called, calling) => {
                bytes.extend_from_slice(called.wire());
                bytes.extend_from_slice(calling.wire());
                &bytes
            }
            Body::Negative(code) => {
                bytes.push(code);
                &bytes
            }
            Body::Retarget(address, port) => {
                bytes.extend_from_slice(&address);
                bytes.extend_from_slice(&port.to_be_bytes());
                &bytes
            }
        };
        Header::packet(self.kind, payload.len())?.emit(w);
        w.bytes(payload);
        Ok(())
    }

    /// Who is called, in a session request.
    pub fn called(&self) -> Option<Encoded<'a>> {
        match self.body {
            Body::Request(called, _) => Some(Encoded(called)),
            // The capture ends in the other name.
            Body::Opaque(payload) if self.kind == SESSION_REQUEST => {
                Name::parse(&mut Reader::new("nbss::Body", payload), payload).ok().map(Encoded)
            }
            _ => None,
        }
    }

    /// Who calls, in a session request.
    pub fn calling(&self) -> Option<Encoded<'a>> {
        match self.body {
            Body::Request(_, calling) => Some(Encoded(calling)),
            _ => None,
        }
    }
}

/// Whether a session message carries SMB: of which version its own protocol knows.
fn carries_smb(input: &[u8]) -> bool {
    let is = |id: fn(&[u8], Transport) -> Probe| id(input, Transport::Tcp) == Probe::Certain;
    is(smb1::Smb1::probe) || is(smb2::Smb2::probe)
}

impl Protocol for Nbss {
    type Message<'a> = Packet<'a>;
    type Dialogue = ();

    const NAME: &'static str = "nbss";
    const LABEL: &'static str = "NBSS";
    const FRAMING: Framing = Framing::Stream;
    const TCP_PORTS: &'static [u16] = &[139];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        let kind = payload.first().copied().unwrap_or(SESSION_MESSAGE);
        if !matches!(kind, SESSION_MESSAGE | SESSION_REQUEST..=KEEP_ALIVE)
            || payload.get(1).is_some_and(|&flags| flags & RESERVED_FLAGS != 0)
        {
            return Probe::No;
        }
        let mut r = Reader::new("nbss::Header", payload);
        let Ok(header) = Header::parse(&mut r) else { return Probe::Possible };
        let fixed = match kind {
            SESSION_REQUEST if header.payload_length() >= SESSION_REQUEST_LENGTH => {
                return match r.peek() {
                    name if !starts_encoded_name(name) => Probe::No,
                    [_, _, ..] => Probe::Certain,
                    _ => Probe::Possible,
                };
            }
            SESSION_MESSAGE => return Probe::Possible, // what it carries will tell
            POSITIVE_RESPONSE | KEEP_ALIVE => 0,
            NEGATIVE_RESPONSE => 1,
            RETARGET_RESPONSE => 6,
            _ => return Probe::No,
        };
        if header.payload_length() == fixed { Probe::Certain } else { Probe::No }
    }

    /// Refuses SMB, which goes on in the same stream: that is another protocol's.
    fn step(input: &[u8], _transport: Transport) -> Step {
        let refused = |field, got: u8, offset| {
            let cause = Cause::BadValue { field, got: u64::from(got) };
            Step::Malformed(WireError { what: "nbss::Header", offset, cause })
        };
        match (input.first(), step(input)) {
            (Some(&SESSION_MESSAGE), Step::NeedMore { total })
                if input.len() < total.min(Header::LEN + SMB_MAGIC) =>
            {
                Step::NeedMore { total: total.min(Header::LEN + SMB_MAGIC) }
            }
            (Some(&SESSION_MESSAGE), _) if carries_smb(input) => {
                refused("session message", SESSION_MESSAGE, Header::LEN)
            }
            (None | Some(&(SESSION_MESSAGE | SESSION_REQUEST..=KEEP_ALIVE)), step) => step,
            (Some(&kind), _) => refused("kind", kind, 0),
        }
    }

    fn observe(
        input: &[u8],
        context: &Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let packet = Packet::parse(input)?;
        let quality = match (packet.kind, packet.body) {
            _ if context.is_cut => Quality::Cut,
            (POSITIVE_RESPONSE | KEEP_ALIVE, _) => Quality::Parsed,
            (_, Body::Opaque(_)) => Quality::Opaque,
            _ => Quality::Parsed,
        };
        let is_answer = matches!(packet.kind, POSITIVE_RESPONSE..=RETARGET_RESPONSE);
        let operation = u32::from(packet.kind);
        let tally = Tally { operation, is_answer, bytes: context.length, quality };
        out.message(context, &super::Message::Nbss(packet), tally);
        Ok(())
    }

    /// What a session message carries is not looked into.
    fn needed(head: &[u8], length: usize) -> usize {
        match head.first() {
            Some(&SESSION_MESSAGE) => length.min(Header::LEN + SMB_MAGIC),
            _ => length.min(super::NEEDED_MAX),
        }
    }

    fn operation(code: u32) -> Option<&'static str> {
        Some(match u8::try_from(code).ok()? {
            SESSION_MESSAGE => "session message",
            SESSION_REQUEST => "session request",
            POSITIVE_RESPONSE => "positive session response",
            NEGATIVE_RESPONSE => "negative session response",
            RETARGET_RESPONSE => "retarget session response",
            KEEP_ALIVE => "keep alive",
            _ => return None,
        })
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let mut r = Reader::new("nbss::Header", input);
        let header = Header::parse(&mut r)?;
        r.bytes(header.payload_length())?;
        r.finish()?;
        Packet::parse(input)?.emit(out)
    }

    fn samples() -> Vec<Sample> {
        let mut request = b"\x81\x00\x00\x44".to_vec();
        request.extend(b"\x20CKFDENECFDEFFCFGEFFCCACACACACACA\x00"); // *SMBSERVER
        request.extend(b"\x20FHFDDADHCACACACACACACACACACACAAA\x00"); // WS07
        vec![
            Sample::tcp(request),
            Sample::tcp(*b"\x82\x00\x00\x00"),
            Sample::tcp(*b"\x83\x00\x00\x01\x82"), // called name not present
            Sample::tcp(*b"\x84\x00\x00\x06\x0a\x14\x1e\x28\x01\xbd"),
            Sample::tcp(*b"\x85\x00\x00\x00"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::conformance::check_message;
    use crate::proto::nbns::NetBiosName;

    #[test]
    fn session_messages_obey_the_laws_of_framing() {
        check_message::<Nbss>(&Sample::tcp(*b"\x00\x00\x00\x03abc"));
        // A length that needs all 24 bits.
        let mut long = b"\x00\x01\x00\x02".to_vec();
        long.resize(Header::LEN + 0x1_0002, 0xee);
        check_message::<Nbss>(&Sample::tcp(long));
    }

    #[test]
    fn a_length_that_24_bits_cannot_say_is_refused() {
        assert_eq!(
            Header::session_message(0x0100_0000).unwrap_err().to_string(),
            "nbss::Header at byte 0: length is 16777216, must be 0..=16777215"
        );
        assert_eq!(
            Header::session_message(PAYLOAD_MAX).map(|h| h.payload_length()),
            Ok(PAYLOAD_MAX)
        );
    }

    #[test]
    fn smb_is_left_to_its_own_protocol() {
        for magic in [b"\xffSMB", b"\xfeSMB", b"\xfdSMB"] {
            let message = [b"\x00\x00\x00\x40", &magic[..], b"\x72\x00"].concat();
            assert_eq!(Nbss::step(&message[..6], Transport::Tcp), Step::NeedMore { total: 8 });
            assert!(matches!(Nbss::step(&message, Transport::Tcp), Step::Malformed(_)));
        }
        let other = b"\x00\x00\x00\x40abcdefgh";
        assert_eq!(Nbss::step(other, Transport::Tcp), Step::NeedMore { total: 0x44 });
        assert!(matches!(Nbss::step(b"\x86\x00", Transport::Tcp), Step::Malformed(_)));
    }

    #[test]
    fn a_session_request_names_both_sides() {
        let samples = Nbss::samples();
        let packet = Packet::parse(&samples[0].bytes).unwrap();
        let shown = |name: Option<Encoded<'_>>| name.unwrap().to_string();
        assert_eq!(shown(packet.called()), "*SMBSERVER<20>");
        assert_eq!(shown(packet.calling()), "WS07<00>");
        let cut = Packet::parse(&samples[0].bytes[..50]).unwrap();
        assert_eq!((shown(cut.called()), cut.calling()), ("*SMBSERVER<20>".to_owned(), None));
        let body = |index: usize| Packet::parse(&samples[index].bytes).unwrap().body;
        assert_eq!(body(2), Body::Negative(0x82));
        assert_eq!(body(3), Body::Retarget([10, 20, 30, 40], 445));
    }

    #[test]
    fn a_session_request_is_emitted_from_names() {
        let name = |name, suffix| NetBiosName::new(name, suffix).unwrap().encode("").unwrap();
        let (called, calling) = (name("*SMBSERVER", 0x20), name("WS07", 0));
        let body = Body::Request(called.name(), calling.name());
        let mut out = Vec::new();
        Packet { kind: SESSION_REQUEST, body }.emit(&mut Writer::new(&mut out)).unwrap();
        assert_eq!(out, Nbss::samples()[0].bytes);
    }

    #[test]
    fn a_session_message_proves_nothing_by_itself() {
        assert_eq!(Nbss::probe(b"\x00\x00\x00\x03abc", Transport::Tcp), Probe::Possible);
        assert_eq!(Nbss::probe(b"\x00\x02\x00\x03abc", Transport::Tcp), Probe::No);
    }
}
