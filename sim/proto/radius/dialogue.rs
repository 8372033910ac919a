//! Requests and their answers: logons and sessions.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::value::Attribute;
use super::{View, attributes};
use crate::proto::{Context, Dialogue, Id, Kind, Observer, Outcome, Pending, Side, Utf8};

/// Requests of one client port that wait for an answer at most. A client may have 256 under way
/// (RFC 2865 section 3: the identifier has 8 bits), but the answers come in milliseconds.
const WAITING_MAX: usize = 64;

/// How an answer names what it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// An access request, by its identifier.
    Access(u8),
    /// An accounting request, by its identifier.
    Accounting(u8),
    /// A logon that was challenged, by a hash of the state that the next request repeats.
    Challenged(u64),
}

/// What is remembered of one flow.
#[derive(Debug, Default)]
pub struct Exchange {
    waiting: Pending<Key, WAITING_MAX>,
    /// Requests seen last, with a part of their authenticators: a retransmission has the same,
    /// RFC 2865 section 2.5.
    recent: Vec<(Key, u64)>,
    /// Where the next of `recent` goes once it is full.
    next: usize,
}

impl Exchange {
    /// Takes one message whose attributes are `facts`.
    pub(super) fn message(
        &mut self,
        view: &View<'_>,
        facts: &Facts<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let identifier = view.identifier();
        match view.code() {
            super::ACCESS_REQUEST => self.logon(view, facts, context, out),
            super::ACCOUNTING_REQUEST => self.session(view, facts, context, out),
            super::ACCESS_ACCEPT => {
                self.waiting.answer(Key::Access(identifier), Outcome::Success, out);
            }
            code @ super::ACCESS_REJECT => {
                let refused = Outcome::of(code.into(), |_| "Access-Reject");
                self.waiting.answer(Key::Access(identifier), refused, out);
            }
            super::ACCESS_CHALLENGE => match facts.state {
                Some(state) => {
                    self.waiting.rename(Key::Access(identifier), Key::Challenged(hash(state)));
                }
                None => {
                    self.waiting.answer(Key::Access(identifier), Outcome::Unknown, out);
                }
            },
            super::ACCOUNTING_RESPONSE => {
                self.waiting.answer(Key::Accounting(identifier), Outcome::Success, out);
            }
            _ => {}
        }
    }

    /// A request for access: a new logon, or the next step of one that was challenged.
    fn logon(
        &mut self,
        view: &View<'_>,
        facts: &Facts<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let key = Key::Access(view.identifier());
        if self.is_retransmission(key, view, out) {
            return;
        }
        if let Some(state) = facts.state
            && self.waiting.rename(Key::Challenged(hash(state)), key)
        {
            return;
        }
        let at = (context.time, context.side);
        let asked = self.waiting.ask(key, (Kind::RadiusLogon, Id::Radius), at, out);
        if let Some(user) = facts.user {
            asked.principal.set(&Utf8(user));
        }
        facts.name_server(&mut asked.target);
        asked.detail.set(&facts.method.unwrap_or("Access-Request"));
    }

    /// A session begun, continued or ended; a server that starts or stops is none.
    fn session(
        &mut self,
        view: &View<'_>,
        facts: &Facts<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let key = Key::Accounting(view.identifier());
        if self.is_retransmission(key, view, out)
            || matches!(facts.status, Some(super::STATUS_ON | super::STATUS_OFF))
        {
            return;
        }
        let at = (context.time, context.side);
        let asked = self.waiting.ask(key, (Kind::VpnSession, Id::Radius), at, out);
        if let Some(user) = facts.user {
            asked.principal.set(&Utf8(user));
        }
        match facts.framed {
            Some(address) => asked.target.set(&address),
            None => facts.name_server(&mut asked.target),
        }
        match facts.status {
            Some(status) => match attributes::status_type(status) {
                Some(name) => asked.detail.set(&name),
                None => asked.detail.set(&status),
            },
            None => asked.detail.set(&"Accounting-Request"),
        }
        if let Some(seconds) = facts.seconds {
            asked.add_detail(&format_args!("{seconds} s"));
        }
    }

    /// Whether the request was seen before. Another one under the same identifier ends the
    /// waiting of the earlier.
    fn is_retransmission(&mut self, key: Key, view: &View<'_>, out: &mut dyn Observer) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = view.authenticator();
        let authenticator = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if let Some((_, known)) = self.recent.iter_mut().find(|(known, _)| *known == key) {
            if *known == authenticator {
                return true;
            }
            *known = authenticator;
            self.waiting.answer(key, Outcome::Unanswered, out);
        } else if self.recent.len() < WAITING_MAX {
            self.recent.push((key, authenticator));
        } else {
            if let Some(oldest) = self.recent.get_mut(self.next) {
                *oldest = (key, authenticator);
            }
            self.next = (self.next + 1) % WAITING_MAX;
        }
        false
    }
}

impl Dialogue for Exchange {
    fn gap(&mut self, _side: Side) {}

    fn is_idle(&self) -> bool {
        self.recent.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.waiting.finish(out);
    }

    fn reset(&mut self) {
        self.waiting.reset();
        self.recent.clear();
        self.next = 0;
    }

    fn memory(&self) -> usize {
        self.waiting.memory() + self.recent.capacity() * size_of::<(Key, u64)>()
    }
}

/// FNV-1a, 64 bits: tells states apart that a server chose to be different.
fn hash(state: &[u8]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    state.iter().fold(BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

/// What logons and sessions are made of, gathered in one walk.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Facts<'a> {
    user: Option<&'a [u8]>,
    server_name: Option<&'a [u8]>,
    server: Option<Ipv4Addr>,
    server6: Option<Ipv6Addr>,
    framed: Option<Ipv4Addr>,
    state: Option<&'a [u8]>,
    status: Option<u32>,
    seconds: Option<u32>,
    method: Option<&'static str>,
}

impl<'a> Facts<'a> {
    /// Takes one more attribute.
    #[inline]
    pub fn take(&mut self, attribute: Attribute<'a>) {
        let bytes = attribute.bytes;
        match attribute.kind {
            super::USER_NAME => self.user = Some(bytes),
            super::USER_PASSWORD => self.method = self.method.or(Some("Access-Request PAP")),
            super::CHAP_PASSWORD => self.method = self.method.or(Some("Access-Request CHAP")),
            super::EAP_MESSAGE => self.method = Some("Access-Request EAP"),
            super::VENDOR_SPECIFIC => self.method = self.method.or_else(|| microsoft(attribute)),
            super::NAS_IP_ADDRESS => self.server = attribute.address(),
            super::NAS_IPV6_ADDRESS => {
                self.server6 = <[u8; 16]>::try_from(bytes).ok().map(Ipv6Addr::from);
            }
            super::NAS_IDENTIFIER => self.server_name = Some(bytes),
            super::FRAMED_IP_ADDRESS => self.framed = attribute.address(),
            super::STATE => self.state = Some(bytes),
            super::ACCT_STATUS_TYPE => self.status = attribute.integer(),
            super::ACCT_SESSION_TIME => self.seconds = attribute.integer(),
            _ => {}
        }
    }

    /// Sets `name` to the network access server's.
    fn name_server(&self, name: &mut crate::proto::Held) {
        match (self.server_name, self.server, self.server6) {
            (Some(text), ..) => name.set(&Utf8(text)),
            (_, Some(address), _) => name.set(&address),
            (_, _, Some(address)) => name.set(&address),
            _ => {}
        }
    }
}

/// How Microsoft's attributes authenticate, RFC 2548 sections 2.1.3 and 2.3.2.
fn microsoft(attribute: Attribute<'_>) -> Option<&'static str> {
    let bytes = attribute.bytes.strip_prefix(&attributes::VENDOR_MICROSOFT.to_be_bytes())?;
    match bytes.first() {
        Some(1) => Some("Access-Request MS-CHAP"),
        Some(25) => Some("Access-Request MS-CHAP-V2"),
        _ => None,
    }
}
