//! Messages to and from the key distribution center, as Windows fills them.

use super::{Service, Ticket, Who, of_account};
use crate::base::{Random, Timestamp};
use crate::proto::kerberos::{
    AccessRequest, Cipher, ErrorParts, KdcReply, KdcRequest, Options, Principal, TicketParts,
    Typed, method_data,
};
use crate::synth::Cast;
use crate::wire::Writer;
use crate::wire::ber::{self, Element};

/// Port of the key distribution center, RFC 4120 section 7.2.
pub const KERBEROS_PORT: u16 = 88;
/// aes256-cts-hmac-sha1-96, RFC 3962 section 7: what domains use since Windows 7.
const ETYPE: i32 = 18;
/// Its name in activities.
pub const ETYPE_NAME: &str = "aes256-cts-hmac-sha1-96";
/// Types that a Windows client takes, in its order: AES, then RC4 and its weak forms.
const ETYPES: [i32; 5] = [18, 17, 23, 24, -135];
/// What Windows asks for as end of a ticket's life.
const NEVER: &[u8] = b"20370913024805Z";
/// Options of AS-REQ and TGS-REQ: forwardable, renewable, canonicalize, and of the first
/// renewable-ok; measured.
const LOGON_OPTIONS: u32 = 0x4081_0010;
const TICKET_OPTIONS: u32 = 0x4081_0000;
/// Types of names, RFC 4120 section 6.2: principal, and service with instance.
const NT_PRINCIPAL: i32 = 1;
const NT_SRV_INST: i32 = 2;
/// Types of PA-DATA, RFC 4120 section 7.5.2, RFC 4556, \[MS-KILE\] 2.2.10.
const PA_TGS_REQ: i32 = 1;
const PA_ENC_TIMESTAMP: i32 = 2;
const PA_PK_AS_REP_OLD: i32 = 15;
const PA_PK_AS_REQ: i32 = 16;
/// Content of CMS that is only bytes, 1.2.840.113549.1.7.1 (RFC 5652 section 4).
const CMS_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const PA_PK_AS_REP: i32 = 17;
const PA_ETYPE_INFO2: i32 = 19;
const PA_PAC_REQUEST: i32 = 128;
const PA_PAC_OPTIONS: i32 = 167;
/// A PAC, please: KERB-PA-PAC-REQUEST, \[MS-KILE\] 2.2.3.
const WITH_PAC: &[u8] = b"\x30\x05\xa0\x03\x01\x01\xff";
/// Branch aware: PA-PAC-OPTIONS, \[MS-KILE\] 2.2.10.
const BRANCH_AWARE: &[u8] = b"\x30\x09\xa0\x07\x03\x05\x00\x40\x00\x00\x00";
/// NetBIOS address, RFC 4120 section 7.5.3.
const NETBIOS: i32 = 20;
/// Universal tag of GeneralString.
const GENERAL_STRING: u8 = 0x1b;

/// Encrypted bytes of an encrypted timestamp, of the part of AS-REP and TGS-REP that only the
/// client reads, of the authenticator and the authorization data in a TGS-REQ. Measured.
const TIMESTAMP_BYTES: usize = 56;
const LOGON_SECRET_BYTES: usize = 321;
const TICKET_SECRET_BYTES: usize = 297;
const AUTHENTICATOR_BYTES: usize = 140;
const AUTHORIZATION_BYTES: usize = 136;
/// Encrypted bytes of a ticket-granting ticket of an account without groups: measured 1,020 with
/// the groups of an administrator in a new domain.
const TICKET_BYTES: usize = 900;
/// What a service ticket has more: signatures of the service and groups of its domain. Measured:
/// 93 to 154.
const SERVICE_BYTES: usize = 110;
/// Bytes in a PAC of a group of the domain, of another one: the token formula 1200 + 40 d + 8 s.
const GROUP_BYTES: f64 = 8.0;
const OTHER_GROUP_BYTES: f64 = 40.0;
/// Share of groups that are universal, of another domain or local. Assumed.
const OTHER_GROUP_SHARE: f64 = 0.2;
/// Groups of a person: Pareto with this exponent and least number, mean 15, as Samba's load
/// generator populates a directory; none has more than about 500.
const GROUPS_ALPHA: f64 = 1.75;
const GROUPS_LEAST: f64 = 15.0 * (GROUPS_ALPHA - 1.0) / GROUPS_ALPHA;
const GROUPS_MAX: f64 = 500.0;
/// Groups of a computer at most, beside its primary one. Assumed.
const COMPUTER_GROUPS_MAX: u32 = 4;
/// Bytes of a PKINIT request and reply: certificate, signature, Diffie-Hellman key; 2.5 to 4 kB
/// in all. Assumed.
const PKINIT_REQUEST_BYTES: f64 = 2_900.0;
const PKINIT_REPLY_BYTES: f64 = 1_700.0;

/// An account as Kerberos shows it: `name@REALM`.
pub fn account(cast: &Cast, client: u32, who: Who) -> String {
    format!("{}@{}", account_name(cast, client, who), cast.realm())
}

/// Its name without realm.
fn account_name(cast: &Cast, client: u32, who: Who) -> String {
    match who {
        Who::Computer => {
            let mut name = cast.host_name(client).to_uppercase();
            name.push('$');
            name
        }
        Who::Person => cast.user_name(client),
    }
}

/// The realm in bytes.
pub fn realm_of(cast: &Cast) -> Vec<u8> {
    cast.realm().into_bytes()
}

/// Encrypted bytes of a ticket: the same of an account whenever it gets one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few kilobytes, above zero"
)]
pub fn ticket_bytes(cast: &Cast, client: u32, who: Who, service: Service) -> usize {
    let mut random = of_account(cast, client, who);
    let groups = match who {
        Who::Person => random.pareto(GROUPS_LEAST, GROUPS_ALPHA).min(GROUPS_MAX),
        Who::Computer => f64::from(1 + random.below(COMPUTER_GROUPS_MAX)),
    };
    let each = GROUP_BYTES + OTHER_GROUP_SHARE * (OTHER_GROUP_BYTES - GROUP_BYTES);
    let more = if service == Service::Krbtgt { 0 } else { SERVICE_BYTES };
    // A PAC is a multiple of eight bytes.
    TICKET_BYTES + more + (groups * each / 8.0) as usize * 8
}

/// Random bytes as something encrypted.
pub fn cipher(random: &mut Random, key_version: Option<i32>, length: usize) -> Cipher {
    let mut cipher = vec![0; length];
    random.fill(&mut cipher);
    Cipher { etype: ETYPE, key_version, cipher }
}

/// The ticket's bytes: the same whenever it is shown.
pub fn ticket_parts(cast: &Cast, ticket: &Ticket) -> TicketParts {
    let length = ticket_bytes(cast, ticket.client, ticket.who, ticket.service);
    let enc_part = cipher(&mut Random::new(ticket.seed), Some(key_version(ticket)), length);
    TicketParts { realm: realm_of(cast), sname: service_name(cast, ticket.service), enc_part }
}

/// Version of the service's key: krbtgt's is changed rarely, those of computers each month.
const fn key_version(ticket: &Ticket) -> i32 {
    match ticket.service {
        Service::Krbtgt | Service::Password => 2,
        Service::At(server, _) => 3 + (server % 40) as i32,
        _ => 9,
    }
}

fn service_name(cast: &Cast, service: Service) -> Principal {
    let parts = service.name(cast).into_iter().map(String::into_bytes).collect();
    Principal { kind: NT_SRV_INST, parts }
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Not yet: it asks what is wanted.
    None,
    /// By its password.
    Timestamp,
    /// By a certificate, as Windows Hello for Business does, RFC 4556.
    Certificate,
}

impl Proof {
    /// Its name in activities.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "no pre-authentication",
            Self::Timestamp => "PA-ENC-TIMESTAMP",
            Self::Certificate => "PA-PK-AS-REQ",
        }
    }
}

/// AS-REQ for a service, RFC 4120 section 5.4.1.
pub fn logon(cast: &Cast, wanted: &Ticket, proof: Proof, random: &mut Random) -> KdcRequest {
    let Ticket { client, who, service, .. } = *wanted;
    let mut padata = Vec::with_capacity(2);
    match proof {
        Proof::None => {}
        Proof::Timestamp => padata.push(Typed {
            kind: PA_ENC_TIMESTAMP,
            value: cipher(random, None, TIMESTAMP_BYTES).encode(),
        }),
        Proof::Certificate => {
            padata
                .push(Typed { kind: PA_PK_AS_REQ, value: certified(random, PKINIT_REQUEST_BYTES) });
        }
    }
    padata.push(Typed { kind: PA_PAC_REQUEST, value: WITH_PAC.to_vec() });
    let host = format!("{:15} ", cast.host_name(client).to_uppercase());
    KdcRequest {
        is_logon: true,
        padata,
        options: Options(LOGON_OPTIONS),
        cname: Some(client_name(cast, client, who)),
        rtime: Some(NEVER.to_vec()),
        addresses: vec![Typed { kind: NETBIOS, value: host.into_bytes() }],
        ..request(cast, service, random)
    }
}

/// TGS-REQ that shows `granting` and wants a ticket for `service`. With `options` beside those of
/// every request.
pub fn ticket(
    cast: &Cast,
    granting: &Ticket,
    service: Service,
    options: Options,
    random: &mut Random,
) -> KdcRequest {
    let access = AccessRequest {
        options: 0,
        ticket: ticket_parts(cast, granting),
        authenticator: cipher(random, None, AUTHENTICATOR_BYTES),
    };
    let padata = vec![
        Typed { kind: PA_TGS_REQ, value: access.encode() },
        Typed { kind: PA_PAC_OPTIONS, value: BRANCH_AWARE.to_vec() },
    ];
    // Which restrictions apply is told to services, not to the ticket-granting service.
    let is_service = service != Service::Krbtgt;
    let authorization = is_service.then(|| cipher(random, None, AUTHORIZATION_BYTES));
    KdcRequest {
        is_logon: false,
        padata,
        options: Options(TICKET_OPTIONS | options.0),
        authorization,
        ..request(cast, service, random)
    }
}

/// What all requests have in common.
fn request(cast: &Cast, service: Service, random: &mut Random) -> KdcRequest {
    KdcRequest {
        is_logon: false,
        padata: Vec::new(),
        options: Options(0),
        cname: None,
        realm: realm_of(cast),
        sname: Some(service_name(cast, service)),
        from: None,
        till: NEVER.to_vec(),
        rtime: None,
        // Windows' nonces have 31 bits.
        nonce: (random.next_u64() >> 33) as u32,
        etypes: ETYPES.to_vec(),
        addresses: Vec::new(),
        authorization: None,
        tickets: Vec::new(),
    }
}

/// AS-REP or TGS-REP with a ticket, RFC 4120 section 5.4.2.
pub fn reply(cast: &Cast, given: &Ticket, proof: Option<Proof>, random: &mut Random) -> KdcReply {
    let (client, who) = (given.client, given.who);
    let padata = match proof {
        None => Vec::new(),
        Some(Proof::Certificate) => {
            vec![Typed { kind: PA_PK_AS_REP, value: certified(random, PKINIT_REPLY_BYTES) }]
        }
        Some(_) => vec![etype_info(cast, client, who, false)],
    };
    let (version, length) = match proof {
        None => (None, TICKET_SECRET_BYTES),
        // The key of a certificate's exchange has no version.
        Some(Proof::Certificate) => (None, LOGON_SECRET_BYTES),
        Some(_) => (Some(1), LOGON_SECRET_BYTES),
    };
    KdcReply {
        is_logon: proof.is_some(),
        padata,
        crealm: realm_of(cast),
        cname: client_name(cast, client, who),
        ticket: ticket_parts(cast, given),
        enc_part: cipher(random, version, length),
    }
}

/// KRB-ERROR of the key distribution center at `time`.
pub fn error(
    cast: &Cast,
    service: Service,
    code: u32,
    data: Option<Vec<u8>>,
    time: Timestamp,
) -> ErrorParts {
    let micros = time.nanos().rem_euclid(1_000_000_000) / 1_000;
    ErrorParts {
        time: general_time(time).to_vec(),
        microseconds: i32::try_from(micros).unwrap_or(0),
        code: i32::try_from(code).unwrap_or(0),
        crealm: None,
        cname: None,
        realm: realm_of(cast),
        sname: service_name(cast, service),
        text: None,
        data,
    }
}

/// What a client may prove itself with: data of KDC_ERR_PREAUTH_REQUIRED and
/// KDC_ERR_PREAUTH_FAILED.
pub fn ways(cast: &Cast, wanted: &Ticket) -> Vec<u8> {
    let empty = |kind| Typed { kind, value: Vec::new() };
    let info = etype_info(cast, wanted.client, wanted.who, true);
    method_data(&[info, empty(PA_ENC_TIMESTAMP), empty(PA_PK_AS_REQ), empty(PA_PK_AS_REP_OLD)])
}

/// Why the account may not log on: KERB-ERROR-DATA with an extended error, \[MS-KILE\] 2.2.1,
/// 2.2.2.
pub fn extended(status: u32) -> Vec<u8> {
    let [a, b, c, d] = status.to_le_bytes();
    let error = [a, b, c, d, 0, 0, 0, 0, 1, 0, 0, 0];
    let kind = element(0xa1, &[ber::INTEGER, 1, 3]);
    let value = element(0xa2, &element(ber::OCTET_STRING, &error));
    element(ber::SEQUENCE, &[kind, value].concat())
}

/// PA-ETYPE-INFO2: the types of the account's keys and what its password was salted with,
/// \[MS-KILE\] 3.1.1.2. `with_rc4` also the one without salt.
fn etype_info(cast: &Cast, client: u32, who: Who, with_rc4: bool) -> Typed {
    let realm = cast.realm();
    let salt = match who {
        Who::Person => format!("{realm}{}", cast.user_name(client)),
        Who::Computer => format!("{realm}host{}", cast.dns_name(client)),
    };
    let salt = element(0xa1, &element(GENERAL_STRING, salt.as_bytes()));
    let mut entries =
        element(ber::SEQUENCE, &[&[0xa0, 3, ber::INTEGER, 1, 18][..], &salt].concat());
    if with_rc4 {
        entries.extend(element(ber::SEQUENCE, &[0xa0, 3, ber::INTEGER, 1, 23]));
    }
    Typed { kind: PA_ETYPE_INFO2, value: element(ber::SEQUENCE, &entries) }
}

fn client_name(cast: &Cast, client: u32, who: Who) -> Principal {
    Principal { kind: NT_PRINCIPAL, parts: vec![account_name(cast, client, who).into_bytes()] }
}

/// A sequence whose first field holds about `median` random bytes: PA-PK-AS-REQ and PA-PK-AS-REP,
/// RFC 4556 section 3.2, whose signed data none looks into.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few kilobytes, above zero"
)]
fn certified(random: &mut Random, median: f64) -> Vec<u8> {
    let mut bytes = vec![0; random.lognormal(median, 0.05) as usize];
    random.fill(&mut bytes);
    // Readers of CMS look at the outermost structure, RFC 5652 section 3, and some look for the
    // headers of a mail inside: a colon would be one.
    bytes.iter_mut().filter(|byte| **byte == b':').for_each(|byte| *byte = b';');
    let content = element(0xa0, &element(ber::OCTET_STRING, &bytes));
    let info = element(ber::SEQUENCE, &[&element(0x06, CMS_DATA)[..], &content].concat());
    element(ber::SEQUENCE, &element(0x80, &info))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 4);
    Element::new(tag, content).emit(&mut Writer::new(&mut bytes));
    bytes
}

/// `YYYYMMDDHHMMSSZ`, RFC 4120 section 5.2.3.
fn general_time(time: Timestamp) -> [u8; 15] {
    let seconds = time.nanos().div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let mut text = *b"00000000000000Z";
    let numbers = [
        (year, 4),
        (month, 2),
        (day, 2),
        (second / 3_600, 2),
        (second / 60 % 60, 2),
        (second % 60, 2),
    ];
    let mut at = 0;
    for (mut number, digits) in numbers {
        for place in text.iter_mut().skip(at).take(digits).rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        at += digits;
    }
    text
}

/// Year, month and day of a day counted from 1970-01-01 in the Gregorian calendar: years begin in
/// March, so that the leap day comes last.
const fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097; // days in 400 years
    const TO_MARCH: i64 = 719_468; // days from 0000-03-01 to 1970-01-01
    let shifted = days + TO_MARCH;
    let (era, day_of_era) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
    let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// GUID of a domain controller's directory service, as its DNS alias shows it.
pub fn directory_guid(cast: &Cast, dc: usize) -> String {
    const LABEL: u64 = 0x6e74_6473 << 32;
    guid(&mut Random::fork(cast.seed, LABEL | u64::try_from(dc).unwrap_or(0)))
}

/// A random GUID in lower case, RFC 9562 section 5.4.
pub fn guid(random: &mut Random) -> String {
    let (high, low) = (random.next_u64(), random.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 50) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kerberos_wants() {
        let text = |seconds| general_time(Timestamp::from_parts(seconds, 5)).to_vec();
        assert_eq!(text(0), b"19700101000000Z");
        assert_eq!(text(951_782_399), b"20000228235959Z");
        assert_eq!(text(951_782_400), b"20000229000000Z");
        assert_eq!(text(1_768_204_801), b"20260112080001Z");
        assert_eq!(text(2_136_509_285), b"20370914024805Z");
    }

    #[test]
    fn what_an_extended_error_says_is_read_by_the_core() {
        let want =
            b"\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x34\x02\x00\xc0\0\0\0\0\x01\0\0\0";
        assert_eq!(extended(0xc000_0234), want);
    }
}
