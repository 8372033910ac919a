//! Heads: the first line, the fields behind it, and what they say of the body.

use super::{BODY_MAX, Frame, HEAD_MAX, Http, METHOD_MAX, VERSION_LENGTH, is_version, names};
use crate::proto::{Probe, Protocol, Step, Transport, Utf8};
use crate::wire::{Cause, Reader, WireError, Writer};

/// Bytes that are looked at together for the end of a line.
const LANES: usize = 32;

/// Length of the first line with its end, in bytes.
#[inline]
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    let (lanes, _) = bytes.as_chunks::<LANES>();
    let is_in = |lane: &[u8; LANES]| lane.iter().fold(false, |is, &byte| is | (byte == b'\n'));
    let skipped = lanes.iter().position(is_in).unwrap_or(lanes.len()) * LANES;
    let rest = bytes.get(skipped..)?;
    rest.iter().position(|&byte| byte == b'\n').map(|at| skipped + at + 1)
}

/// Length of the lines up to the first empty one, with it, in bytes.
///
/// Passes over the bytes once, however short the lines: a head that comes byte by byte is looked
/// at again with each.
pub(super) fn block_end(bytes: &[u8]) -> Option<usize> {
    if let [b'\n', ..] | [b'\r', b'\n', ..] = bytes {
        return line_end(bytes);
    }
    let is_end = |at: usize| match bytes.get(at..) {
        Some([b'\n', b'\n', ..]) => Some(at + 2),
        Some([b'\n', b'\r', b'\n', ..]) => Some(at + 3),
        _ => None,
    };
    let mut start = 0;
    let rest = loop {
        let rest = bytes.get(start..)?;
        let Some(window) = rest.first_chunk::<{ LANES + 2 }>() else { break rest };
        let triples = window.iter().zip(&window[1..]).zip(&window[2..]);
        let has_end = triples.fold(false, |is, ((&a, &b), &c)| {
            is | ((a == b'\n') & ((b == b'\n') | ((b == b'\r') & (c == b'\n'))))
        });
        if has_end {
            break rest;
        }
        start += LANES;
    };
    (start..start + rest.len().min(LANES + 2)).find_map(is_end)
}

/// A line without its end: CR LF, or as RFC 9112 section 2.2 lets pass, LF alone.
fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Blanks around a value, RFC 9110 section 5.6.3.
fn trimmed(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// Name and value of a line, if it is a field.
pub(super) fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if matches!(line, [b' ' | b'\t', ..]) {
        return None;
    }
    let colon = line.iter().position(|&byte| byte == b':')?;
    Some((line.get(..colon)?, trimmed(line.get(colon + 1..)?)))
}

/// The first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// RFC 9112 section 3.
    Request {
        /// Method.
        method: &'a [u8],
        /// Target as it lies.
        target: &'a [u8],
        /// Version, e.g. `HTTP/1.1`.
        version: &'a [u8],
    },
    /// RFC 9112 section 4.
    Response {
        /// Version, e.g. `HTTP/1.1`.
        version: &'a [u8],
        /// Status, 100 to 999.
        status: u16,
        /// What follows the status, with the blank before it.
        reason: &'a [u8],
    },
}

impl<'a> Start<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("http::Start", line);
        let first = u64::from(line.first().copied().unwrap_or(0));
        let bad = |field| at.error(Cause::BadValue { field, got: first });
        if is_version(line) {
            let mut r = at.clone();
            let version = r.bytes(VERSION_LENGTH)?;
            return match r.peek() {
                [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..]
                    if matches!(reason, [] | [b' ', ..]) =>
                {
                    let digit = |byte: &u8| u16::from(byte - b'0');
                    let status = 100 * digit(a) + 10 * digit(b) + digit(c);
                    Ok(Self::Response { version, status, reason })
                }
                _ => Err(bad("status")),
            };
        }
        let blank = |bytes: &[u8]| bytes.iter().position(|&byte| byte == b' ');
        let Some(method) = blank(line.get(..METHOD_MAX).unwrap_or(line)).filter(|&end| end > 0)
        else {
            return Err(bad("method"));
        };
        let (method, rest) = line.split_at_checked(method).unwrap_or((line, &[]));
        let rest = rest.get(1..).unwrap_or_default();
        let is_method = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'_' | b'-');
        match rest.iter().rposition(|&byte| byte == b' ').and_then(|at| rest.split_at_checked(at)) {
            Some((target, [_, version @ ..]))
                if version.len() == VERSION_LENGTH
                    && is_version(version)
                    && method.iter().all(is_method) =>
            {
                Ok(Self::Request { method, target, version })
            }
            _ => Err(bad("request line")),
        }
    }

    fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Request { method, target, version } => {
                for (part, end) in [(method, &b" "[..]), (target, b" "), (version, b"\r\n")] {
                    w.bytes(part);
                    w.bytes(end);
                }
            }
            Self::Response { version, status, reason } => {
                w.bytes(version);
                w.bytes(format!(" {status:03}").as_bytes());
                w.bytes(reason);
                w.bytes(b"\r\n");
            }
        }
    }
}

/// A head where it lies in the input.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    start: Start<'a>,
    /// What follows the first line; of a captured beginning, as far as it goes.
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Reads the first line.
    ///
    /// # Errors
    /// A line that is cut, or is neither that of a request nor that of a response.
    #[inline]
    pub fn read(input: &'a [u8]) -> Result<Self, WireError> {
        let r = Reader::new("http::Start", input);
        let Some((line, rest)) = line_end(input).and_then(|end| input.split_at_checked(end)) else {
            let cause = Cause::Truncated { need: input.len() + 1, have: input.len() };
            return Err(r.error(cause));
        };
        Ok(Self { start: Start::parse(content(line))?, rest })
    }

    /// The first line.
    pub const fn start(&self) -> Start<'a> {
        self.start
    }

    /// Number of the method, or the status.
    pub(super) fn operation(&self) -> u32 {
        match self.start {
            Start::Request { method, .. } => names::number(method),
            Start::Response { status, .. } => status.into(),
        }
    }

    /// Lines behind the first, without their ends, up to the empty one.
    #[inline]
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.rest;
        std::iter::from_fn(move || {
            let (line, behind) = rest.split_at_checked(line_end(rest)?)?;
            rest = behind;
            Some(content(line)).filter(|line| !line.is_empty())
        })
    }

    /// Fields in order: name and value without the blanks around it. A line that continues
    /// another (RFC 9112 section 5.2) is left out.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.lines().filter_map(field)
    }

    /// Value of the first field called `name`, in any case.
    pub fn find(&self, name: &str) -> Option<&'a [u8]> {
        let mut fields = self.fields();
        fields
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name.as_bytes()).then_some(value))
    }

    /// Who is asked, as the request says.
    pub fn host(&self) -> Option<Utf8<'a>> {
        self.find("host").map(Utf8)
    }

    /// That it goes on to its empty line.
    pub(super) fn check(&self) -> Result<(), WireError> {
        let mut rest = self.rest;
        while let Some((line, behind)) = line_end(rest).and_then(|end| rest.split_at_checked(end)) {
            if content(line).is_empty() {
                return Ok(());
            }
            rest = behind;
        }
        let mut r = Reader::new("http::Head", self.rest);
        r.remainder();
        Err(r.error(Cause::Truncated { need: 1, have: 0 }))
    }
}

/// What the fields say of the body.
#[derive(Debug, Default)]
struct Body {
    length: Option<u64>,
    is_chunked: bool,
}

impl Body {
    /// Takes one line of a head. Called for each: the first byte rules most out.
    #[inline]
    fn take(&mut self, line: &[u8]) -> Result<(), ()> {
        const LENGTH: &[u8] = b"content-length:";
        const CODING: &[u8] = b"transfer-encoding:";
        let value = |name: &[u8]| {
            let (head, value) = line.split_at_checked(name.len())?;
            head.eq_ignore_ascii_case(name).then(|| trimmed(content(value)))
        };
        match line.first() {
            Some(b'c' | b'C') => {
                let Some(digits) = value(LENGTH) else { return Ok(()) };
                let length = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
                self.length = Some(length.filter(|&length| length <= BODY_MAX).ok_or(())?);
            }
            Some(b't' | b'T') => {
                // The last coding decides, RFC 9112 section 6.3.
                if let Some(codings) = value(CODING) {
                    let last = codings.rsplit(|&byte| byte == b',').next().unwrap_or_default();
                    self.is_chunked = trimmed(last).eq_ignore_ascii_case(b"chunked");
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Length of the body behind a head, RFC 9112 section 6.3; `None` up to the connection's end.
    fn behind(&self, start: Start<'_>) -> Option<u64> {
        match start {
            // Chunks are framed by themselves.
            _ if self.is_chunked => Some(0),
            Start::Request { .. } => Some(self.length.unwrap_or(0)),
            Start::Response { status: 100..=199 | 204 | 304, .. } => Some(0),
            Start::Response { .. } => self.length,
        }
    }
}

/// Delimits the request or response at the front of `input`.
pub(super) fn frame(input: &[u8]) -> Result<Frame, Step> {
    let window = input.get(..HEAD_MAX).unwrap_or(input);
    let at = Reader::new("http::Head", input);
    if block_end(window).is_none() {
        if let Some(line) = line_end(window).and_then(|length| window.get(..length)) {
            Start::parse(content(line)).map_err(Step::Malformed)?;
            return Err(unfinished(input, false));
        }
        return Err(unfinished(input, true));
    }
    let mut body = Body::default();
    let mut start = None;
    let mut end = 0;
    loop {
        let rest = window.get(end..).unwrap_or_default();
        let Some(line) = line_end(rest).and_then(|length| rest.get(..length)) else {
            return Err(unfinished(input, start.is_none()));
        };
        end += line.len();
        match start {
            None => start = Some(Start::parse(content(line)).map_err(Step::Malformed)?),
            Some(start) if content(line).is_empty() => {
                return Ok(Frame { head: end, body: body.behind(start) });
            }
            Some(_) => body.take(line).map_err(|()| {
                let cause = Cause::BadValue { field: "content-length", got: end as u64 };
                Step::Malformed(at.error(cause))
            })?,
        }
    }
}

/// What a head without its empty line is: too long, no head, or not all there yet.
fn unfinished(input: &[u8], in_first_line: bool) -> Step {
    let at = Reader::new("http::Head", input);
    if input.len() >= HEAD_MAX {
        let (got, max) = (input.len(), HEAD_MAX);
        return Step::Malformed(at.error(Cause::BadLength { field: "head", got, min: 4, max }));
    }
    // Bytes that go on without a line end are most likely no head at all.
    if in_first_line && Http::probe(input, Transport::Tcp) == Probe::No {
        let got = u64::from(input.first().copied().unwrap_or(0));
        return Step::Malformed(at.error(Cause::BadValue { field: "start line", got }));
    }
    Step::NeedMore { total: input.len() + 1 }
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Name, in the case it lies in.
    pub name: &'a [u8],
    /// Value, with the blanks around it.
    pub value: &'a [u8],
}

/// A whole head with what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    /// The first line.
    pub start: Start<'a>,
    /// Fields in order; what they say of the body is the caller's affair.
    pub headers: Vec<Header<'a>>,
    /// The body as it lies.
    pub body: &'a [u8],
}

impl<'a> Head<'a> {
    /// Parses one message.
    ///
    /// # Errors
    /// A first line that is none, a field without a name, or no empty line.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let Headers { start, rest } = Headers::read(input)?;
        let mut headers = Vec::new();
        let mut r = Reader::new("http::Header", rest);
        loop {
            let at = r.clone();
            let length = line_end(r.peek()).unwrap_or(r.peek().len() + 1);
            let line = content(r.bytes(length)?);
            if line.is_empty() {
                return Ok(Self { start, headers, body: r.remainder() });
            }
            let colon = line.iter().position(|&byte| byte == b':').filter(|&colon| colon > 0);
            let Some((name, [_, value @ ..])) = colon.and_then(|at| line.split_at_checked(at))
            else {
                let got = u64::from(line.first().copied().unwrap_or(0));
                return Err(at.error(Cause::BadValue { field: "name", got }));
            };
            headers.push(Header { name, value });
        }
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.start.emit(w);
        for header in &self.headers {
            w.bytes(header.name);
            w.byte(b':');
            w.bytes(header.value);
            w.bytes(b"\r\n");
        }
        w.bytes(b"\r\n");
        w.bytes(self.body);
    }
}

/// Requests and responses with and without bodies, a handshake, and chunks.
pub(super) fn samples() -> Vec<Vec<u8>> {
    let text = [
        "GET /certsrv/ HTTP/1.1\r\nHost: ca.heron.example\r\nAccept: */*\r\n\r\n",
        "POST /wsman?PSVersion=5.1 HTTP/1.1\r\nConnection: Keep-Alive\r\n\
            Authorization: Negotiate TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==\r\n\
            Content-Length: 0\r\nHost: dc1.heron.example:5985\r\n\r\n",
        "HTTP/1.1 401 \r\nServer: Microsoft-HTTPAPI/2.0\r\nWWW-Authenticate: Negotiate \
            oYHOMIHLoAMKAQE=\r\nContent-Length: 4\r\n\r\nno!\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 304\r\nContent-Length: 5000\r\n\r\n",
        "RPC_OUT_DATA /rpc/rpcproxy.dll?ex1:6001 HTTP/1.1\r\nContent-Length:76\r\n\r\n",
    ];
    let mut samples: Vec<Vec<u8>> = text.iter().map(|text| text.as_bytes().to_vec()).collect();
    if let Some(last) = samples.last_mut() {
        last.extend([7; 76]);
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_the_obvious_way_says() {
        for length in 0..100 {
            for at in 0..length {
                let mut bytes = vec![b'x'; length];
                assert_eq!(line_end(&bytes), None);
                bytes[at] = b'\n';
                assert_eq!(line_end(&bytes), Some(at + 1));
            }
        }
    }
}
