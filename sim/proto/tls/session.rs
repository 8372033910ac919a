//! What a connection shows of its handshake before it is encrypted.

use super::certificate::Certificate;
use super::hello::{self, Certificates, ClientHello, ServerHello, Version};
use super::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HANDSHAKE_OPERATION, Handshake, Record,
    Unit, alert_name,
};
use crate::proto::{
    Context, Dialogue, Id, Kind, Message, Observer, Outcome, Pending, Quality, Side, Tally, Utf8,
};
use crate::wire::{Reader, WireError};

/// Longest handshake message that is put together from records, in bytes. Ours: certificate
/// chains take some 10 KB; what seems longer is encrypted.
const HANDSHAKE_MAX: usize = 1 << 16;
/// Level of an alert that ends the connection, RFC 8446 section 6.
const FATAL: u8 = 2;

/// How a protocol that is TLS speaks of itself.
pub type Voice = (Id, for<'a> fn(Unit<'a>) -> Message<'a>);

/// What is remembered between records.
#[derive(Debug, Default)]
pub struct Session {
    sides: [Half; 2],
    /// The handshake whose outcome is not known yet.
    pending: Pending<(), 1>,
    /// The server has said hello to it.
    is_answered: bool,
    /// The server has asked for another hello, and not said its own yet.
    is_retried: bool,
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    /// The beginning of a handshake message that goes on in the next record.
    partial: Vec<u8>,
    /// Records of this side cannot be read any more.
    is_encrypted: bool,
}

impl Session {
    /// Takes in a record, and tells it and the handshake messages that it completes.
    ///
    /// # Errors
    /// The record is none.
    pub(in crate::proto) fn hear(
        &mut self,
        voice: Voice,
        input: &[u8],
        context: &Context,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let record = Record::parse_cut(input)?;
        let half = self.half(context.side);
        if record.kind == HANDSHAKE && half.partial.is_empty() {
            // The middle of a conversation need not have shown where encryption began.
            half.is_encrypted |= !looks_clear(record.fragment);
        }
        let is_encrypted = half.is_encrypted;
        let is_shown = match record.kind {
            HANDSHAKE | ALERT => !is_encrypted,
            APPLICATION_DATA => false,
            _ => true,
        };
        let is_cut = input.len() < context.length && record.kind != APPLICATION_DATA;
        let quality = match (is_cut && context.is_cut, is_shown) {
            (true, _) => Quality::Cut,
            (false, true) => Quality::Parsed,
            (false, false) => Quality::Opaque,
        };
        let (operation, bytes) = (u32::from(record.kind), context.length);
        let tally = Tally { operation, is_answer: false, bytes, quality };
        out.message(context, &voice.1(Unit::Record(record)), tally);
        match record.kind {
            HANDSHAKE if is_shown => self.handshake(voice, record.fragment, context, out),
            ALERT if is_shown => self.alert(&record, out),
            CHANGE_CIPHER_SPEC => {
                // Behind a request for another hello it only is for show, RFC 8446 appendix D.4.
                self.half(context.side).is_encrypted = !self.is_retried;
                self.settle(out);
            }
            APPLICATION_DATA => self.settle(out),
            _ => {}
        }
        if is_cut {
            self.gap(context.side);
        }
        Ok(())
    }

    fn half(&mut self, side: Side) -> &mut Half {
        let [client, server] = &mut self.sides;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// Reads the messages that a fragment holds or completes.
    fn handshake(
        &mut self,
        voice: Voice,
        fragment: &[u8],
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let mut partial = std::mem::take(&mut self.half(context.side).partial);
        if partial.is_empty() {
            let read = self.messages(voice, fragment, context, out);
            partial.extend_from_slice(fragment.get(read..).unwrap_or_default());
        } else {
            partial.extend_from_slice(fragment);
            let read = self.messages(voice, &partial, context, out);
            partial.drain(..read);
        }
        self.half(context.side).partial = partial;
    }

    /// Reads whole messages at the front of `bytes`; how many bytes were read.
    fn messages(
        &mut self,
        voice: Voice,
        bytes: &[u8],
        context: &Context,
        out: &mut dyn Observer,
    ) -> usize {
        let mut r = Reader::new("tls::Handshake", bytes);
        while let Some(&[kind, high, middle, low]) = r.peek().first_chunk::<4>() {
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            if !looks_clear(r.peek()) {
                self.half(context.side).is_encrypted = true;
                return bytes.len();
            }
            let Some(body) = r.peek().get(4..4 + length) else { break };
            let message = Handshake { kind, body };
            let tally = Tally {
                operation: HANDSHAKE_OPERATION | u32::from(kind),
                is_answer: context.side == Side::Server,
                bytes: 4 + length,
                quality: Quality::Parsed,
            };
            let inner = Context { length: 4 + length, ..*context };
            out.message(&inner, &voice.1(Unit::Handshake(message)), tally);
            if let Err(error) = self.understand(voice.0, message, context, out) {
                out.malformed(voice.0, error);
            }
            // Cannot fail: the body was there.
            let _ = r.bytes(4 + length);
        }
        r.offset()
    }

    fn understand(
        &mut self,
        id: Id,
        message: Handshake<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        match message.kind {
            hello::CLIENT_HELLO => {
                let hello = ClientHello::parse(message.body)?;
                if self.is_retried {
                    return Ok(());
                }
                self.settle(out);
                let at = (context.time, context.side);
                let asked = self.pending.ask((), (Kind::TlsHandshake, id), at, out);
                asked.detail.set(&hello.best_version());
                if let Some(name) = hello.server_name() {
                    asked.target.set(&Utf8(name));
                }
                self.is_answered = false;
            }
            hello::SERVER_HELLO => {
                let hello = ServerHello::parse(message.body)?;
                self.is_retried = hello.is_retry();
                if self.is_retried {
                    return Ok(());
                }
                self.is_answered = true;
                let version = hello.chosen_version();
                if let Some(asked) = self.pending.get(()) {
                    asked.detail.set(&version);
                }
                if version >= Version::TLS13 {
                    // What follows is encrypted, alerts too.
                    self.settle(out);
                }
            }
            hello::CERTIFICATE if context.side == Side::Server => {
                let first = Certificates::parse(message.body)?.iter().next();
                let certificate = first.map(Certificate::parse).transpose()?;
                if let (Some(asked), Some(Certificate { issuer, subject })) =
                    (self.pending.get(()), certificate)
                {
                    asked.add_detail(&format_args!("certificate {subject} by {issuer}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alert(&mut self, record: &Record<'_>, out: &mut dyn Observer) {
        if let Some((FATAL, description)) = record.alert() {
            let (code, name) = (description.into(), alert_name(description));
            self.pending.answer((), Outcome::Failure { code, name }, out);
        }
    }

    /// Nothing said against the handshake: if the server answered, it succeeded.
    fn settle(&mut self, out: &mut dyn Observer) {
        if self.is_answered {
            self.pending.answer((), Outcome::Success, out);
        }
    }
}

/// Whether what begins like this can be a handshake message in the clear.
fn looks_clear(bytes: &[u8]) -> bool {
    let Some(&[kind, high, middle, low]) = bytes.first_chunk::<4>() else { return true };
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    hello::type_name(kind).is_some() && length <= HANDSHAKE_MAX
}

impl Dialogue for Session {
    fn gap(&mut self, side: Side) {
        self.half(side).partial.clear();
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.settle(out);
        self.pending.finish(out);
    }

    fn reset(&mut self) {
        for half in &mut self.sides {
            half.partial.clear();
            half.is_encrypted = false;
        }
        self.pending.reset();
        (self.is_answered, self.is_retried) = (false, false);
    }

    fn memory(&self) -> usize {
        let partial: usize = self.sides.iter().map(|half| half.partial.capacity()).sum();
        partial + self.pending.memory()
    }
}
