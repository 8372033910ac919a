//! Dynamic Host Configuration Protocol for IPv4, RFC 2131 section 2, options of RFC 2132.

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Dhcp;

wire_struct! {
    /// Fixed part of a message with the cookie that begins the options, RFC 2131 figure 1.
    pub struct Header / HeaderView [240] {
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
        /// Name of the server, or options.
        44 server_name: raw [u8; 64],
        /// Name of the boot file, or options.
        108 file: raw [u8; 128],
        /// 99, 130, 83, 99.
        236 cookie: be u32,
    }
}

/// First bytes of the options, RFC 2131 section 3.
const COOKIE: u32 = 0x6382_5363;
/// Operations, RFC 2131 section 2.
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
/// Room for a hardware address, RFC 2131 section 2.
const HARDWARE_LENGTH_MAX: u8 = 16;
/// More relay agents than a message may pass, RFC 1542 section 4.1.1.
const HOPS_MAX: u8 = 16;
/// Options without length and value, RFC 2132 section 3.
const PAD: u8 = 0;
const END: u8 = 255;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Fixed part.
    pub header: Header,
    /// Options up to and with their end, as they lie.
    options: &'a [u8],
    /// What follows the end: padding to the length that old relay agents expect.
    padding: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// Another cookie, or options that do not end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("dhcp::Header", bytes);
        let mut r = at.clone();
        let header = Header::parse(&mut r)?;
        if header.cookie != COOKIE {
            let (want, got) = (u64::from(COOKIE), u64::from(header.cookie));
            return Err(at.error(Cause::BadConstant { field: "cookie", want, got }));
        }
        let mut walk = r.named("dhcp::Option");
        loop {
            match walk.byte()? {
                PAD => {}
                END => break,
                _ => {
                    let length = walk.byte()?;
                    walk.bytes(usize::from(length))?;
                }
            }
        }
        let options = r.bytes(walk.offset() - Header::LEN)?;
        Ok(Self { header, options, padding: r.remainder() })
    }

    /// Options in order: code and value, without padding and end.
    pub fn options(&self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut r = Reader::new("dhcp::Option", self.options);
        std::iter::from_fn(move || {
            loop {
                match r.byte().ok()? {
                    PAD => {}
                    END => return None,
                    code => {
                        let length = r.byte().ok()?;
                        return Some((code, r.bytes(usize::from(length)).ok()?));
                    }
                }
            }
        })
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.header.emit(w);
        w.bytes(self.options);
        w.bytes(self.padding);
    }
}

impl Protocol for Dhcp {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

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
        match payload.get(236..240) {
            Some(cookie) if cookie == COOKIE.to_be_bytes() => Probe::Certain,
            // BOOTP before options, or cut by the snap length.
            _ => Probe::Possible,
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        Step::datagram(input, Message::parse(input).map(|_| ()))
    }

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Dhcp(super::Bytes(input)), tally);
        Ok(())
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
        // Request through a relay agent, with type, host name and end.
        let mut request = b"\x01\x01\x06\x01\xca\xfe\xf0\x0d\x00\x02\x80\x00".to_vec();
        request.extend(b"\x0a\x14\x1e\x63\x0a\x14\x1e\x64\x0a\x14\x1e\x28\x0a\x14\x1e\x01");
        request.extend(b"\x02\x00\x5e\x10\x20\x30\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07");
        request.extend([b's'; 64]);
        request.extend([b'f'; 128]);
        request.extend(b"\x63\x82\x53\x63\x35\x01\x03\x00\x0c\x04ws07\xff");
        vec![Sample::udp(request)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_options_between_padding() {
        let mut bytes = Dhcp::samples().remove(0).bytes;
        bytes.extend([0; 9]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.header.transaction_id, message.header.hops), (0xcafe_f00d, 1));
        assert_eq!(message.options().collect::<Vec<_>>(), [(53, &b"\x03"[..]), (12, b"ws07")]);
        assert_eq!(message.padding.len(), 9);
        let mut out = Vec::new();
        message.emit(&mut Writer::new(&mut out));
        assert_eq!(out, bytes);
    }

    #[test]
    fn options_must_end() {
        let mut bytes = Dhcp::samples().remove(0).bytes;
        bytes.pop();
        assert_eq!(
            Message::parse(&bytes).unwrap_err().to_string(),
            "dhcp::Option at byte 250: needs 1 bytes, 0 present"
        );
    }
}
