//! Authentication by tokens inside other protocols: GSS-API (RFC 2743), SPNEGO (RFC 4178,
//! \[MS-SPNG\]), Kerberos (RFC 4121) and NTLMSSP (\[MS-NLMP\]) bare or inside them.

use std::fmt::Display;

use super::text::Held;
use super::{Context, Observer, Outcome};

/// How somebody authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// \[MS-NLMP\].
    Ntlm,
    /// RFC 4121.
    Kerberos,
}

/// One authentication, from its first token to what its carrier says became of it.
#[derive(Debug, Default)]
pub struct Handshake {
    mechanism: Option<Mechanism>,
    principal: Held,
}

impl Handshake {
    /// Reads a token that `context.side` sent, tells the messages in it, and remembers who
    /// authenticates to what.
    pub fn token(&mut self, _token: &[u8], _context: &Context, _out: &mut dyn Observer) {}

    /// Tells the logon, now that the carrier knows its outcome, and starts over. `target` is
    /// what the carrier knows of it. Tells nothing where no token named anybody.
    pub fn conclude(
        &mut self,
        _outcome: Outcome,
        _target: Option<&dyn Display>,
        _context: &Context,
        _out: &mut dyn Observer,
    ) {
        self.reset();
    }

    /// What the last token with a known mechanism belonged to; kept after the conclusion.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanism
    }

    /// Who authenticated, `DOMAIN\user` or `user@REALM`; kept after the conclusion, empty where
    /// it cannot be read.
    pub fn principal(&self) -> &Held {
        &self.principal
    }

    /// Whether somebody was named whose outcome is not known yet.
    pub fn is_pending(&self) -> bool {
        false
    }

    /// As new, memory kept.
    pub fn reset(&mut self) {
        self.mechanism = None;
        self.principal.clear();
    }
}
