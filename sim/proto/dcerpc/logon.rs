//! Who authenticates on an association, and what becomes of it.

use std::fmt::{Display, Write as _};

use super::pdu::Verifier;
use super::syntax::auth_type;
use crate::proto::gss::Handshake;
use crate::proto::{Context, Held, Hint, Method, Observer, Outcome, Utf8};

/// Security contexts followed on one association: Windows uses one for each account and level.
const LOGONS_MAX: usize = 4;

/// Security contexts of one association.
#[derive(Debug, Default)]
pub struct Logons {
    /// The first `used` are in use; the rest are memory for others.
    slots: Vec<Logon>,
    used: usize,
    /// NTLM was begun with a service of the endpoint mapper's port; what it gets is not known.
    is_probing: bool,
    /// Where the last token was found.
    last: Option<Context>,
}

#[derive(Debug, Default)]
struct Logon {
    id: u32,
    handshake: Handshake,
    /// Account of a secure channel.
    machine: Held,
}

impl Logons {
    /// Reads the token of a bind, of its answer, or of what follows. `is_mapper` says that it
    /// is for a service of the endpoint mapper's port.
    pub fn token(
        &mut self,
        verifier: &Verifier<'_>,
        is_mapper: bool,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        self.last = Some(*context);
        let Some(at) = self.place(verifier.context, context, out) else { return };
        let Some(logon) = self.slots.get_mut(at) else { return };
        match verifier.kind {
            auth_type::NEGOTIATE | auth_type::NTLM | auth_type::KERBEROS => {
                logon.handshake.token(verifier.token, context, out);
            }
            auth_type::NETLOGON => set_machine(verifier.token, &mut logon.machine),
            _ => {}
        }
        match ntlm_type(verifier.token) {
            Some(NEGOTIATE) if is_mapper => self.is_probing = true,
            Some(CHALLENGE) => self.probed(true, context, out),
            _ => {}
        }
    }

    /// Whether a probe that was under way got an answer.
    fn probed(&mut self, answered: bool, context: &Context, out: &mut dyn Observer) {
        if std::mem::take(&mut self.is_probing) {
            out.hint(context, Hint::Resolution(Method::RpcNtlm, None, answered));
        }
    }

    /// Place of the security context `id`, a new one where there is none.
    fn place(&mut self, id: u32, context: &Context, out: &mut dyn Observer) -> Option<usize> {
        if let Some(at) = self.find(id) {
            return Some(at);
        }
        if self.used == LOGONS_MAX {
            let oldest = self.slots.first_mut()?;
            oldest.handshake.conclude(Outcome::Unknown, None, context, out);
            self.slots.rotate_left(1);
            self.used -= 1;
        }
        if self.used == self.slots.len() {
            self.slots.push(Logon::default());
        }
        let logon = self.slots.get_mut(self.used)?;
        logon.id = id;
        logon.handshake.reset();
        logon.machine.clear();
        self.used += 1;
        Some(self.used - 1)
    }

    fn find(&self, id: u32) -> Option<usize> {
        self.slots.iter().take(self.used).position(|logon| logon.id == id)
    }

    /// Account in whose name a packet with this verifier is sent. One without a verifier is of
    /// the only security context, if there is one: level "connect" vouches for no packets.
    pub fn principal(&self, verifier: Option<&Verifier<'_>>) -> Option<&Held> {
        let at = match verifier {
            Some(verifier) => self.find(verifier.context)?,
            None if self.used == 1 => 0,
            None => return None,
        };
        let logon = self.slots.get(at)?;
        let named = [logon.handshake.principal(), &logon.machine];
        named.into_iter().find(|name| !name.is_empty())
    }

    /// A call was answered: it says what became of the logon that it was made with.
    pub fn answered(
        &mut self,
        verifier: Option<&Verifier<'_>>,
        (outcome, target): (Outcome, Option<&dyn Display>),
        context: &Context,
        out: &mut dyn Observer,
    ) {
        for logon in self.slots.iter_mut().take(self.used) {
            let is_meant = verifier.is_none_or(|verifier| verifier.context == logon.id);
            if is_meant && logon.handshake.is_pending() {
                logon.handshake.conclude(outcome, target, context, out);
            }
        }
    }

    /// The association was refused.
    pub fn refused(&mut self, outcome: Outcome, context: &Context, out: &mut dyn Observer) {
        self.probed(false, context, out);
        self.answered(None, (outcome, None), context, out);
    }

    /// Whether nothing waits for an outcome.
    pub fn is_idle(&self) -> bool {
        self.used == 0
    }

    /// The flow is over.
    pub fn finish(&mut self, out: &mut dyn Observer) {
        let Some(context) = self.last.take() else { return };
        self.probed(false, &context, out);
        self.answered(None, (Outcome::Unknown, None), &context, out);
    }

    /// Bytes of memory, used or not.
    pub fn memory(&self) -> usize {
        let names = |logon: &Logon| logon.handshake.memory() + logon.machine.memory();
        let own = self.slots.capacity() * size_of::<Logon>();
        own + self.slots.iter().map(names).sum::<usize>()
    }

    /// As new, memory kept.
    pub fn reset(&mut self) {
        (self.used, self.is_probing, self.last) = (0, false, None);
    }
}

/// Types of NTLM messages, \[MS-NLMP\] section 2.2.1.
const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;

/// Type of the NTLM message in a token, bare or inside SPNEGO.
fn ntlm_type(token: &[u8]) -> Option<u32> {
    /// \[MS-NLMP\] section 2.2.1.1.
    const SIGNATURE: &[u8] = b"NTLMSSP\0";
    /// SPNEGO's wrapping is shorter: list of mechanisms and lengths.
    const WRAPPING_MAX: usize = 256;
    let window = token.get(..token.len().min(WRAPPING_MAX))?;
    let at = window.windows(SIGNATURE.len()).position(|bytes| bytes == SIGNATURE)?;
    let kind = token.get(at + SIGNATURE.len()..)?.first_chunk()?;
    Some(u32::from_le_bytes(*kind))
}

/// Reads the names in an `NL_AUTH_MESSAGE`, \[MS-NRPC\] section 2.2.1.3.1: the domain's and the
/// computer's, where the flags say that they are there.
fn set_machine(token: &[u8], machine: &mut Held) {
    const REQUEST: [u8; 4] = [0; 4];
    const HAS_DOMAIN: u8 = 0x01;
    const HAS_COMPUTER: u8 = 0x02;
    let Some((&[k0, k1, k2, k3, flags, ..], names)) = token.split_first_chunk::<8>() else {
        return;
    };
    if [k0, k1, k2, k3] != REQUEST || flags & HAS_COMPUTER == 0 {
        return;
    }
    let mut names = names.split(|&byte| byte == 0);
    let domain = if flags & HAS_DOMAIN != 0 { names.next() } else { None };
    let Some(computer) = names.next() else { return };
    machine.clear();
    // What is longer than a name can be is cut.
    let _ = match domain {
        Some(domain) => write!(machine, "{}\\{}$", Utf8(domain), Utf8(computer)),
        None => write!(machine, "{}$", Utf8(computer)),
    };
}
