//! What of a message is structure, by protocol: framing, types, codes, lengths and counts are
//! kept, names and addresses become pseudonyms of the same length, everything else stays blank.
//!
//! Written apart from the parsers in `proto`: these read what is right, this must survive what
//! is wrong and never keep what it does not know. A message may be cut anywhere; what is there
//! is rewritten as far as it can be walked.

mod asn1;
mod dns;
mod http;
mod local;
mod ntlm;
mod radius;
mod rpc;
mod smb;
mod smb1;
mod tls;

use super::Pseudonyms;
use super::sheet::Sheet;
use crate::proto::{Id, Transport};

/// Bytes of the length before a DNS message in a stream, RFC 1035 section 4.2.2.
const DNS_PREFIX: usize = 2;
/// Record mark of Kerberos in a stream, RFC 4120 section 7.2.2.
const KERBEROS_MARK: usize = 4;

/// Copies to the sheet what may be seen of one message of protocol `id`.
pub(super) fn rewrite(id: Id, transport: Transport, sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    let is_stream = transport == Transport::Tcp;
    match id {
        Id::Dns | Id::Mdns | Id::Llmnr | Id::Nbns => {
            let start = if is_stream { DNS_PREFIX } else { 0 };
            sheet.keep(0..start);
            dns::message(&mut sheet.from(start), names);
        }
        Id::Nbds => local::netbios_datagram(sheet, names),
        Id::Nbss | Id::Smb1 | Id::Smb2 => smb::session(sheet, names),
        Id::Ntlmssp => ntlm::token(sheet, names),
        Id::Dcerpc if is_stream => rpc::connection(sheet, names),
        Id::Dcerpc => rpc::datagram(sheet, names),
        Id::Kerberos => {
            let start = if is_stream { KERBEROS_MARK } else { 0 };
            sheet.keep(0..start);
            asn1::kerberos(&mut sheet.from(start), names);
        }
        Id::Ldap | Id::Cldap => asn1::ldap(sheet, names),
        Id::Ldaps | Id::Tls => tls::record(sheet, names),
        Id::Radius => radius::packet(sheet, names),
        Id::Rdp => local::remote_desktop(sheet, names),
        Id::Ntp => local::time(sheet, names),
        Id::Dhcp => local::dhcp(sheet, names),
        Id::Http => http::message(sheet),
        Id::Other => {}
    }
}

/// First bytes of an NTLMSSP token, \[MS-NLMP\] section 2.2.1.
const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";

/// Header of a Kerberos seal or signature.
const KERBEROS_SEAL: usize = 16;

/// A security token, wherever it is carried: NTLMSSP, SPNEGO, Kerberos; anything else is opaque.
fn token(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    match sheet.old {
        old if old.starts_with(NTLM_SIGNATURE) => ntlm::token(sheet, names),
        [0x30 | 0x60..=0x7f | 0xa0..=0xa3, ..] => asn1::token(sheet, names),
        // Seals and signatures: their header, RFC 4121 section 4.2.6, and the version of NTLM's,
        // [MS-NLMP] section 2.2.2.9.
        [0x04 | 0x05, 0x04, ..] => sheet.keep(0..KERBEROS_SEAL),
        [1, 0, 0, 0, ..] => sheet.keep(0..4),
        _ => {}
    }
}
