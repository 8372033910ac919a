//! HTTP/1, RFC 9110 and RFC 9112: heads of requests and responses, and who authenticates in them.
//!
//! Bodies are skipped. Of a chunked body each chunk is framed as a message of its own, since a
//! line with a chunk's size cannot be mistaken for the start of a head. What has no length but
//! the end of its connection is skipped to that end. Two things a framing without memory cannot
//! know: that a response answers HEAD and so has no body whatever its length says, and that a
//! connection becomes a tunnel; the stream is then read again at the next certain start.

use std::ops::RangeInclusive;

use super::{
    Context, Framing, NEEDED_MAX, Observer, Probe, Protocol, Quality, Sample, Step, Tally,
    Transport,
};
use crate::wire::{Cause, Reader, WireError, Writer};

mod authentication;
mod base64;
mod head;
mod names;

pub use authentication::{Exchange, credentials};
pub use head::{Head, Header, Headers, Start};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Http;

/// Longest head in bytes. Tokens of Windows have up to 48,000 bytes, 64,000 in base64.
const HEAD_MAX: usize = NEEDED_MAX + 8_192;
/// Longest body in bytes that a length is believed for: 64 GiB.
const BODY_MAX: u64 = 1 << 36;
/// Longest message in bytes that is kept with its body: most heads are shorter.
const SHORT_MAX: usize = 1_024;
/// Longest first line of a request that the probe follows, in bytes. RFC 9112 section 3 wants
/// 8,000 taken; targets beyond this are hardly ever the first of their connection.
const LINE_PROBED_MAX: usize = 2_048;
/// Longest method that is told from other bytes; `BASELINE-CONTROL` has 16.
const METHOD_MAX: usize = 24;
/// Longest line with the size of a chunk, its extensions included.
const CHUNK_LINE_MAX: usize = 256;
/// Most hexadecimal digits in the size of a chunk: below [`BODY_MAX`].
const CHUNK_DIGITS_MAX: usize = 9;
/// What a version begins with, RFC 9112 section 2.3.
const VERSION: &[u8] = b"HTTP/1.";
/// Length of a version, in bytes.
const VERSION_LENGTH: usize = 8;

/// Number of the operation of a method that has none of its own; those have 1 and more.
pub const OTHER_METHOD: u32 = 0;
/// Number of the operation of a chunk; responses have their status.
pub const CHUNK: u32 = 1_000;

/// A message where it lies in the input.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// A request or response; its body is not there.
    Head(Headers<'a>),
    /// One chunk of a body, the last with what trails it.
    Chunk,
}

/// What the next bytes of a stream are, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Of the head, or of the line with a chunk's size, in bytes.
    head: usize,
    /// Of the rest, in bytes; the end of the connection ends it where this is `None`.
    body: Option<u64>,
}

impl Frame {
    /// Delimits the message at the front of `input`.
    #[inline]
    fn of(input: &[u8]) -> Result<Self, Step> {
        match input.first() {
            Some(first) if first.is_ascii_hexdigit() && may_be_chunk(input) => chunk(input),
            Some(first) if first.is_ascii_uppercase() => head::frame(input),
            Some(&first) => {
                let at = Reader::new("http::Start", input);
                let cause = Cause::BadValue { field: "first byte", got: first.into() };
                Err(Step::Malformed(at.error(cause)))
            }
            None => Err(Step::NeedMore { total: 1 }),
        }
    }

    /// Length of it all in bytes.
    fn total(&self) -> usize {
        let body = self.body.map_or(usize::MAX, |body| usize::try_from(body).unwrap_or(usize::MAX));
        self.head.saturating_add(body)
    }
}

/// Whether the line is, or may become, the size of a chunk: digits up to its end or extension.
/// No method with hexadecimal letters alone is in use, and one would end with a blank.
#[inline]
fn may_be_chunk(input: &[u8]) -> bool {
    let digits = input.iter().take(CHUNK_DIGITS_MAX + 1);
    let count = digits.take_while(|byte| byte.is_ascii_hexdigit()).count();
    match input.get(count) {
        Some(b'\r' | b'\n' | b';' | b'\t') => true,
        // A blank before an extension or the end of the line, RFC 9112 section 7.1.1.
        Some(b' ') => matches!(input.get(count + 1), None | Some(b';' | b'\r' | b' ')),
        Some(_) => false,
        None => true,
    }
}

/// Delimits a chunk with the line end behind it, the last one with what trails it.
fn chunk(input: &[u8]) -> Result<Frame, Step> {
    let at = Reader::new("http::Chunk", input);
    let window = input.get(..CHUNK_LINE_MAX).unwrap_or(input);
    let Some(line) = head::line_end(window) else {
        let max = CHUNK_LINE_MAX;
        return Err(if input.len() < max {
            Step::NeedMore { total: input.len() + 1 }
        } else {
            let cause = Cause::BadLength { field: "line", got: input.len(), min: 1, max };
            Step::Malformed(at.error(cause))
        });
    };
    let digits = window.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let mut size = 0u64;
    for (place, digit) in digits.enumerate() {
        if place == CHUNK_DIGITS_MAX {
            let cause = Cause::BadValue { field: "chunk size", got: size };
            return Err(Step::Malformed(at.error(cause)));
        }
        size = size << 4 | u64::from(char::from(*digit).to_digit(16).unwrap_or(0));
    }
    if size > 0 {
        const LINE_END: u64 = 2;
        return Ok(Frame { head: line, body: Some(size + LINE_END) });
    }
    // Trailers up to an empty line, RFC 9112 section 7.1.2.
    let trailers = input.get(line..HEAD_MAX.min(input.len())).unwrap_or_default();
    match head::block_end(trailers) {
        Some(length) => Ok(Frame { head: line + length, body: Some(0) }),
        None if input.len() < HEAD_MAX => Err(Step::NeedMore { total: input.len() + 1 }),
        None => {
            let (got, max) = (input.len(), HEAD_MAX);
            let cause = Cause::BadLength { field: "trailers", got, min: 2, max };
            Err(Step::Malformed(at.error(cause)))
        }
    }
}

/// Whether `bytes` are a version of HTTP/1, or its beginning.
#[inline]
fn is_version(bytes: &[u8]) -> bool {
    super::agrees(bytes, VERSION) && bytes.get(VERSION.len()).is_none_or(u8::is_ascii_digit)
}

/// Probes the first line of a response.
fn probe_status(payload: &[u8]) -> Probe {
    match payload.get(VERSION_LENGTH..) {
        Some([b' ', a, b, c, b' ' | b'\r' | b'\n', ..])
            if [a, b, c].into_iter().all(u8::is_ascii_digit) =>
        {
            Probe::Certain
        }
        Some(rest) => {
            let fits = |(at, byte): (usize, &u8)| match at {
                0 => *byte == b' ',
                1..=3 => byte.is_ascii_digit(),
                _ => false,
            };
            if rest.iter().take(5).enumerate().all(fits) { Probe::Possible } else { Probe::No }
        }
        None => Probe::Possible,
    }
}

/// Probes the first line of a request: method, target and version with blanks between.
fn probe_request(payload: &[u8]) -> Probe {
    let is_method = |byte: &&u8| matches!(byte, b'A'..=b'Z' | b'_' | b'-');
    let method = payload.iter().take(METHOD_MAX).take_while(is_method).count();
    match payload.get(method) {
        Some(b' ') if method >= 3 => {}
        None if method < METHOD_MAX => return Probe::Possible,
        _ => return Probe::No,
    }
    let rest = payload.get(method + 1..).unwrap_or_default();
    let window = rest.get(..LINE_PROBED_MAX).unwrap_or(rest);
    let is_target = |byte: &&u8| byte.is_ascii_graphic() || **byte >= 0x80;
    let target = window.iter().take_while(is_target).count();
    match window.get(target) {
        Some(b' ') if target > 0 => {}
        None => return Probe::Possible,
        _ => return Probe::No,
    }
    let version = rest.get(target + 1..).unwrap_or_default();
    match version.get(VERSION_LENGTH) {
        _ if !is_version(version.get(..VERSION_LENGTH).unwrap_or(version)) => Probe::No,
        Some(b'\r' | b'\n') => Probe::Certain,
        Some(_) => Probe::No,
        None => Probe::Possible,
    }
}

impl Protocol for Http {
    type Message<'a> = View<'a>;
    type Dialogue = Exchange;

    const NAME: &'static str = "http";
    const LABEL: &'static str = "HTTP";
    const FRAMING: Framing = Framing::Stream;
    /// RFC 9110 section 4.2.1 and its alternative; Windows Remote Management, \[MS-WSMV\] section
    /// 2.1.
    const TCP_PORTS: &'static [u16] = &[80, 8080, 5985];
    const STARTS: &'static [RangeInclusive<u8>] = &[b'A'..=b'Z'];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        match payload.first() {
            None => Probe::Possible,
            Some(first) if !first.is_ascii_uppercase() => Probe::No,
            Some(b'H') if is_version(payload) => probe_status(payload),
            Some(_) => probe_request(payload),
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        match Frame::of(input) {
            Ok(frame) => Step::framed(input, frame.total()),
            Err(step) => step,
        }
    }

    /// The head, or the line with a chunk's size; of a short message all, which is less work
    /// than to look for where its head ends.
    fn needed(head: &[u8], length: usize) -> usize {
        if length <= SHORT_MAX {
            return length;
        }
        Frame::of(head).map_or(length, |frame| frame.head)
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Exchange,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let quality = if context.is_cut { Quality::Cut } else { Quality::Parsed };
        if !input.first().is_some_and(u8::is_ascii_uppercase) || may_be_chunk(input) {
            let quality = if context.is_cut { Quality::Cut } else { Quality::Opaque };
            let (operation, bytes) = (CHUNK, context.length);
            let tally = Tally { operation, is_answer: false, bytes, quality };
            out.message(context, &super::Message::Http(View::Chunk), tally);
            return Ok(());
        }
        let headers = Headers::read(input)?;
        let operation = headers.operation();
        let is_answer = matches!(headers.start(), Start::Response { .. });
        // How long a body was that the end of its connection ends is not known here.
        let bytes = if context.length == usize::MAX { input.len() } else { context.length };
        let tally = Tally { operation, is_answer, bytes, quality };
        out.message(context, &super::Message::Http(View::Head(headers)), tally);
        dialogue.head(&headers, context, out);
        if context.is_cut { headers.check() } else { Ok(()) }
    }

    fn operation(code: u32) -> Option<&'static str> {
        match code {
            OTHER_METHOD => Some("other method"),
            CHUNK => Some("chunk"),
            100..=599 => names::status(code),
            _ => names::method(code),
        }
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        if may_be_chunk(input) {
            out.bytes(input);
            return Ok(());
        }
        Head::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        head::samples().into_iter().map(Sample::tcp).collect()
    }
}

#[cfg(test)]
mod tests;
