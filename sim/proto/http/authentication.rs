//! Who authenticates: tokens of NTLM and Negotiate, RFC 4559, \[MS-NTHT\].

use super::base64;
use super::head::{Headers, Start, field};
use crate::proto::gss::Handshake;
use crate::proto::{Context, Dialogue, Held, Observer, Outcome, Side};

/// Statuses that ask for authentication, RFC 9110 sections 15.5.2 and 15.5.8.
const UNAUTHORIZED: u16 = 401;
const PROXY_UNAUTHORIZED: u16 = 407;

/// What is remembered of one connection, which is what authenticates (\[MS-NTHT\] section 1.3).
#[derive(Debug, Default)]
pub struct Exchange {
    handshake: Handshake,
    /// Of the last request with a token: whom it asked.
    host: Held,
    /// Where that was, until the outcome is known.
    asked: Option<Context>,
    /// A token, decoded.
    token: Vec<u8>,
}

impl Exchange {
    /// Takes one head.
    pub(super) fn head(
        &mut self,
        headers: &Headers<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let mut host = None;
        let mut has_token = false;
        for line in headers.lines() {
            // Few fields begin so: no others are looked at.
            let (b'a' | b'A' | b'h' | b'H' | b'p' | b'P' | b'w' | b'W') =
                line.first().copied().unwrap_or_default()
            else {
                continue;
            };
            let Some((name, value)) = field(line) else { continue };
            if name.eq_ignore_ascii_case(b"host") {
                host = Some(value);
            } else if is_authentication(name)
                && let Some(text) = token(value)
                && base64::decode(text, !context.is_cut, &mut self.token)
            {
                self.handshake.token(&self.token, context, out);
                has_token = true;
            }
        }
        match headers.start() {
            Start::Request { .. } if has_token => {
                self.asked = Some(*context);
                match host {
                    Some(host) => self.host.set(&crate::proto::Utf8(host)),
                    None => self.host.clear(),
                }
            }
            Start::Request { .. } => {}
            Start::Response { status, .. } => self.response(status, has_token, context, out),
        }
    }

    fn response(
        &mut self,
        status: u16,
        has_token: bool,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let outcome = match status {
            100..=199 => return,                                      // not the answer yet
            UNAUTHORIZED | PROXY_UNAUTHORIZED if has_token => return, // it goes on
            UNAUTHORIZED => Outcome::Failure { code: status.into(), name: "Unauthorized" },
            PROXY_UNAUTHORIZED => {
                Outcome::Failure { code: status.into(), name: "Proxy Authentication Required" }
            }
            _ => Outcome::Success,
        };
        self.conclude(outcome, context, out);
    }

    /// Nothing to conclude where no token was sent.
    fn conclude(&mut self, outcome: Outcome, context: &Context, out: &mut dyn Observer) {
        if self.asked.take().is_some() {
            self.handshake.conclude(outcome, self.host.shown(), context, out);
        }
    }
}

impl Dialogue for Exchange {
    fn gap(&mut self, side: Side) {
        // The outcome may have been in it.
        if side == Side::Server {
            self.handshake.reset();
            self.asked = None;
        }
    }

    fn is_idle(&self) -> bool {
        self.asked.is_none()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        if let Some(context) = self.asked {
            self.conclude(Outcome::Unanswered, &context, out);
        }
    }

    fn reset(&mut self) {
        self.handshake.reset();
        self.host.clear();
        self.asked = None;
        self.token.clear();
    }

    fn memory(&self) -> usize {
        self.handshake.memory() + self.host.memory() + self.token.capacity()
    }
}

/// The value of a field that carries `token`, as of `Authorization`, for `Negotiate` or `NTLM`.
pub fn credentials(scheme: &str, token: &[u8]) -> String {
    format!("{scheme} {}", base64::encode(token))
}

/// Whether a field carries authentication, RFC 9110 section 11.
fn is_authentication(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] =
        [b"authorization", b"www-authenticate", b"proxy-authorization", b"proxy-authenticate"];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The token of a mechanism that is followed; other credentials are not looked at.
fn token(value: &[u8]) -> Option<&[u8]> {
    let blank = value.iter().position(|&byte| byte == b' ')?;
    let (scheme, token) = value.split_at_checked(blank)?;
    let known: [&[u8]; 3] = [b"negotiate", b"ntlm", b"kerberos"];
    let token = token.trim_ascii_start();
    (known.iter().any(|known| scheme.eq_ignore_ascii_case(known)) && !token.is_empty())
        .then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_windows_are_found_and_no_passwords() {
        assert_eq!(token(b"Negotiate  YII="), Some(&b"YII="[..]));
        assert_eq!(token(b"ntlm TlRM"), Some(&b"TlRM"[..]));
        assert_eq!(token(b"Basic bWFydDpodW50ZXIy"), None);
        assert_eq!(token(b"Negotiate"), None);
        assert_eq!(token(b"Negotiate "), None);
        assert!(is_authentication(b"PROXY-Authorization") && !is_authentication(b"Accept"));
    }
}
