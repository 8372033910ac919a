use super::*;
use crate::proto::Id;
use crate::proto::Side::{Client, Server};
use crate::proto::conformance;
use crate::proto::told::Talk;

fn step(text: &[u8]) -> Step {
    Http::step(text, Transport::Tcp)
}

fn probe(text: &str) -> Probe {
    Http::probe(text.as_bytes(), Transport::Tcp)
}

fn length(text: &str) -> usize {
    match step(text.as_bytes()) {
        Step::Message { length } | Step::NeedMore { total: length } => length,
        Step::Malformed(error) => panic!("{error}"),
    }
}

#[test]
fn reads_requests_and_responses() {
    let bytes = Http::samples().remove(1).bytes;
    let headers = Headers::read(&bytes).unwrap();
    let version = &b"HTTP/1.1"[..];
    let want = Start::Request { method: b"POST", target: b"/wsman?PSVersion=5.1", version };
    assert_eq!(headers.start(), want);
    assert_eq!(headers.find("CONTENT-length"), Some(&b"0"[..]));
    assert_eq!(
        headers.host().map(|host| host.to_string()).as_deref(),
        Some("dc1.heron.example:5985")
    );
    let names: Vec<_> = headers.fields().map(|(name, _)| name.len()).collect();
    assert_eq!(names, [10, 13, 14, 4]);
    let bytes = Http::samples().remove(2).bytes;
    let want = Start::Response { version, status: 401, reason: b" " };
    assert_eq!(Headers::read(&bytes).unwrap().start(), want);
}

#[test]
fn bodies_have_the_length_that_the_head_says() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\n";
    let end = head.len() + "Content-Length: 300\r\n\r\n".len();
    assert_eq!(length(&format!("{head}content-LENGTH:\t300 \r\n\r\n")), end + 1 + 300);
    assert_eq!(length(&format!("{head}\r\n")), head.len() + 2); // a request without length has none
    let both = format!("{head}Content-Length: 300\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
    assert_eq!(length(&both), both.len());
    for status in ["100 Continue", "204 No Content", "304 Not Modified"] {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 300\r\n\r\n");
        assert_eq!(length(&text), text.len());
    }
    let lines = "GET / HTTP/1.1\nContent-Length: 2\n\nab";
    assert_eq!(length(lines), lines.len());
    for wrong in ["-1", "x", "68719476737", "99999999999999999999"] {
        let text = format!("{head}Content-Length: {wrong}\r\n\r\n");
        assert!(matches!(step(text.as_bytes()), Step::Malformed(_)), "{wrong}");
    }
}

#[test]
fn a_response_without_length_goes_on_to_the_end_of_its_connection() {
    let text = "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nwhatever";
    assert_eq!(step(text.as_bytes()), Step::NeedMore { total: usize::MAX });
    let head = text.len() - 8;
    assert_eq!(Http::needed(text.as_bytes(), usize::MAX), head);
    let mut talk = Talk::<Http>::new();
    talk.hear_of(Server, &text.as_bytes()[..head], usize::MAX).unwrap();
    assert_eq!(talk.told.messages, [(200, true, Quality::Parsed)]);
    assert_eq!(talk.told.bytes, [head]);
}

#[test]
fn chunks_are_messages_that_obey_the_laws() {
    for chunk in [
        "5\r\nhello\r\n",
        "00F;name=\"v\"\r\n0123456789abcde\r\n",
        "A \r\n0123456789\r\n",
        "0\r\n\r\n",
        "0\r\nTrailer: x\r\nOther: y\r\n\r\n",
    ] {
        assert_eq!(step(chunk.as_bytes()), Step::Message { length: chunk.len() }, "{chunk}");
        conformance::check_message::<Http>(&Sample::tcp(chunk));
        let mut talk = Talk::<Http>::new();
        talk.say(Server, chunk.as_bytes()).unwrap();
        assert_eq!(talk.told.messages, [(CHUNK, false, Quality::Opaque)]);
    }
    assert_eq!(step(b"fff\r\nab"), Step::NeedMore { total: 5 + 0xfff + 2 });
    assert_eq!(Http::needed(b"fff\r\nab", 5 + 0xfff + 2), 5);
    for wrong in [&b"fffffffff0\r\n"[..], b"1f\x00", b"12 34\r\n", &[b'0'; 300]] {
        assert!(matches!(step(wrong), Step::Malformed(_)));
    }
    let line = [b"1;", &[b'x'; 300][..]].concat();
    assert!(matches!(step(&line), Step::Malformed(_)));
}

#[test]
fn only_a_method_target_and_version_or_a_status_are_certain() {
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(1_000));
    let longer = format!("GET /{} HTTP/1.1\r\n", "x".repeat(3_000));
    for certain in ["BREW /pot HTTP/1.1\r\n", "OPTIONS * HTTP/1.0\r\n", "HTTP/1.1 200\r\n", &long] {
        assert_eq!(probe(certain), Probe::Certain, "{certain}");
    }
    for possible in ["GET", "GET /x", "GET /x HTTP/1.1", "HTTP/1.1 2", "HTTP/1.0", &longer] {
        assert_eq!(probe(possible), Probe::Possible, "{possible}");
    }
    for no in [
        "get / HTTP/1.1\r\n",
        "HELO mail.heron.example\r\n",
        "PRI * HTTP/2.0\r\n",
        "HTTP/2 200\r\n",
        "HTTP/1.1 2x0 \r\n",
        "HTTP/1.1 2000\r\n",
        "GET  / HTTP/1.1\r\n",
        "NTLMSSP\0",
        "GET / HTTP/1.1x",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\n",
    ] {
        assert_eq!(probe(no), Probe::No, "{no}");
    }
}

#[test]
fn what_is_no_head_is_given_up_and_a_head_is_waited_for() {
    assert_eq!(step(b"GET / HTTP/1.1\r\nHos"), Step::NeedMore { total: 20 });
    assert_eq!(Http::needed(b"GET / HTTP/1.1\r\nHos", 20), 20);
    for wrong in
        [&b"SSH-2.0-OpenSSH_9.9\r\n"[..], b"\x16\x03\x01\x00\xc4", b"HTTP/1.1 OK\r\n", b"NTLMSSP\0"]
    {
        assert!(matches!(step(wrong), Step::Malformed(_)));
    }
    let endless = [b"GET / HTTP/1.1\r\nA: ", &vec![b'x'; HEAD_MAX][..]].concat();
    assert!(matches!(step(&endless), Step::Malformed(_)));
    assert!(matches!(step(&endless[..HEAD_MAX - 1]), Step::NeedMore { .. }));
}

#[test]
fn what_the_capture_cut_is_told_as_far_as_it_goes() {
    let mut talk = Talk::<Http>::new();
    let text = b"HTTP/1.1 401 Unauthorized\r\nServer: x\r\nWWW-Auth";
    assert!(talk.hear(Server, text, 200).unwrap_err().is_truncation());
    assert!(talk.hear(Server, &text[..9], 200).unwrap_err().is_truncation());
    assert_eq!(talk.told.messages, [(401, true, Quality::Cut)]);
}

#[test]
fn a_head_is_written_as_it_was_built() {
    let header = |name, value| Header { name, value };
    let head = Head {
        start: Start::Request { method: b"GET", target: b"/", version: b"HTTP/1.1" },
        headers: vec![header(b"Host", b" dc1"), header(b"X-Empty", b"")],
        body: b"",
    };
    let mut out = Vec::new();
    head.emit(&mut Writer::new(&mut out));
    assert_eq!(out, b"GET / HTTP/1.1\r\nHost: dc1\r\nX-Empty:\r\n\r\n");
    assert_eq!(Head::parse(&out), Ok(head));
}

#[test]
fn operations_have_names() {
    let name = |at: usize| {
        let bytes = Http::samples().remove(at).bytes;
        Http::operation(Headers::read(&bytes).unwrap().operation())
    };
    assert_eq!([name(0), name(2), name(5)], ["GET", "401 Unauthorized", "RPC_OUT_DATA"].map(Some));
    assert_eq!([Http::operation(CHUNK), Http::operation(0)], ["chunk", "other method"].map(Some));
    assert_eq!(Http::operation(2_000), None);
}

/// A head with the token at a place among the samples of NTLMSSP: 0 negotiate, 1 challenge, 2
/// authenticate.
fn with_token(start: &str, field: &str, message: u8) -> Vec<u8> {
    let mut tokens = Id::Ntlmssp.samples().into_iter().map(|sample| sample.bytes);
    let token = tokens.find(|token| token[8] == message).unwrap();
    let value = credentials("NTLM", &token);
    format!("{start}\r\nHost: dc1:5985\r\n{field}: {value}\r\n\r\n").into_bytes()
}

/// A logon up to the answer to its last token.
fn logon(answer: &str) -> Vec<String> {
    let mut talk = Talk::<Http>::new();
    talk.say(Client, &with_token("GET / HTTP/1.1", "Authorization", 1)).unwrap();
    talk.say(Server, &with_token("HTTP/1.1 401 No", "WWW-Authenticate", 2)).unwrap();
    talk.say(Client, &with_token("GET / HTTP/1.1", "authorization", 3)).unwrap();
    assert_eq!(talk.told.activities, [""; 0]);
    if !answer.is_empty() {
        talk.say(Server, answer.as_bytes()).unwrap();
    }
    talk.end()
}

#[test]
fn a_logon_is_concluded_by_the_next_status() {
    let outcome = |answer| {
        let told = logon(answer);
        assert!(told.len() == 1 && told[0].starts_with("NtlmLogon "), "{told:?}");
        assert!(told[0].contains("| dc1:5985 |"), "{told:?}");
        told[0].rsplit(" | ").next().unwrap().to_owned()
    };
    assert_eq!(outcome("HTTP/1.1 200 OK\r\n\r\n"), "Success");
    assert_eq!(outcome("HTTP/1.1 404 Not Found\r\n\r\n"), "Success");
    let refused = "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\n\r\n";
    assert_eq!(outcome(refused), "failed 401 Unauthorized");
    assert_eq!(outcome("HTTP/1.1 407 No\r\n\r\n"), "failed 407 Proxy Authentication Required");
    assert_eq!(outcome("HTTP/1.1 100 Continue\r\n\r\n"), "Unanswered");
    assert_eq!(outcome(""), "Unanswered");
    // With a further token it goes on.
    let more = with_token("HTTP/1.1 401 No", "WWW-Authenticate", 2);
    assert_eq!(outcome(std::str::from_utf8(&more).unwrap()), "Unanswered");
}

#[test]
fn the_end_of_a_head_is_found_wherever_it_lies() {
    let slow = |bytes: &[u8]| {
        let ends = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').map(|at| at + 1);
        let mut begin = 0;
        for end in ends {
            if matches!(&bytes[begin..end], b"\n" | b"\r\n") {
                return Some(end);
            }
            begin = end;
        }
        None
    };
    let mut state = 1u64;
    for length in 0..2_000 {
        let bytes: Vec<u8> = (0..length % 200)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if state >> 40 & 7 < 6 { b'a' } else { b"\r\n"[usize::from(state >> 50 & 1 == 1)] }
            })
            .collect();
        assert_eq!(head::block_end(&bytes), slow(&bytes), "{}", bytes.escape_ascii());
    }
}

/// A head of short lines, and the trailers of a chunk, that come byte by byte are looked at with
/// each byte: no line of them may be read before the last has come.
#[test]
fn a_head_that_is_not_all_there_is_not_read_line_by_line() {
    let head = b"GET / HTTP/1.1\r\nContent-Length: x\r\n";
    assert_eq!(step(head), Step::NeedMore { total: head.len() + 1 });
    let whole = b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n";
    assert!(matches!(step(whole), Step::Malformed(_)));
    let mut long = b"0\r\n".to_vec();
    long.extend(b"a\n\r".iter().cycle().take(HEAD_MAX - 10));
    assert_eq!(step(&long), Step::NeedMore { total: long.len() + 1 });
    long.extend_from_slice(b"a\n\n");
    assert_eq!(step(&long), Step::Message { length: long.len() });
}
