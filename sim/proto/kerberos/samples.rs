//! Messages made by hand from RFC 4120 sections 5.3 to 5.9, with names of our own.

use super::parts::{
    AccessRequest, Cipher, ErrorParts, KdcReply, KdcRequest, Parts, PasswordParts, Principal, Safe,
    TicketParts, Typed, method_data,
};
use super::{Options, SET_PASSWORD};

const REALM: &[u8] = b"LAB.EXAMPLE";

fn cipher(etype: i32, key_version: Option<i32>, length: usize) -> Cipher {
    Cipher { etype, key_version, cipher: vec![0xe7; length] }
}

fn ticket(service: &[&str]) -> TicketParts {
    let (realm, sname) = (REALM.to_vec(), Principal::new(2, service));
    TicketParts { realm, sname, enc_part: cipher(18, Some(3), 140) }
}

fn typed(kind: i32, value: &[u8]) -> Typed {
    Typed { kind, value: value.to_vec() }
}

fn access(service: &[&str]) -> AccessRequest {
    AccessRequest {
        options: 0x2000_0000, // mutual authentication
        ticket: ticket(service),
        authenticator: cipher(18, None, 60),
    }
}

pub(super) fn logon() -> KdcRequest {
    KdcRequest {
        is_logon: true,
        padata: vec![typed(2, &[0x2e; 20]), typed(128, b"\x30\x05\xa0\x03\x01\x01\xff")],
        options: Options(0x4081_0010),
        cname: Some(Principal::new(1, &["alice"])),
        realm: REALM.to_vec(),
        sname: Some(Principal::new(2, &["krbtgt", "LAB.EXAMPLE"])),
        from: Some(b"20260101060000Z".to_vec()),
        till: b"20370913024805Z".to_vec(),
        rtime: Some(b"20370913024806Z".to_vec()),
        nonce: 0xfedc_ba98,
        etypes: vec![18, 17, 23, -135],
        addresses: vec![typed(20, b"WS07            ")],
        authorization: None,
        tickets: Vec::new(),
    }
}

/// A service asks for a ticket in the name of a user who has not given it one, and shows a
/// second ticket.
pub(super) fn delegated() -> KdcRequest {
    let user = b"\x30\x2b\xa0\x10\x30\x0e\xa0\x03\x02\x01\x0a\xa1\x07\x30\x05\x1b\x03bob\
        \xa1\x0d\x1b\x0bLAB.EXAMPLE\xa2\x04\x30\x02\x05\x00\xa3\x02\x1b\x00";
    let ticket_granting = access(&["krbtgt", "LAB.EXAMPLE"]);
    KdcRequest {
        is_logon: false,
        padata: vec![typed(1, &ticket_granting.encode()), typed(129, user)],
        options: Options(0x4083_0008),
        cname: None,
        sname: Some(Principal::new(2, &["http", "web01.lab.example"])),
        authorization: Some(cipher(18, None, 33)),
        tickets: vec![ticket(&["http", "web01.lab.example"])],
        ..logon()
    }
}

pub(super) fn reply(is_logon: bool, service: &[&str]) -> KdcReply {
    KdcReply {
        is_logon,
        padata: vec![typed(19, b"\x30\x05\x30\x03\xa0\x01\x12")],
        crealm: REALM.to_vec(),
        cname: Principal::new(1, &["alice"]),
        ticket: ticket(service),
        enc_part: cipher(18, Some(7), 120),
    }
}

pub(super) fn error(code: i32, service: &[&str], data: &[u8]) -> ErrorParts {
    ErrorParts {
        time: b"20260101060001Z".to_vec(),
        microseconds: 123_456,
        code,
        crealm: Some(REALM.to_vec()),
        cname: Some(Principal::new(1, &["alice"])),
        realm: REALM.to_vec(),
        sname: Principal::new(2, service),
        text: Some(b"why".to_vec()),
        data: Some(data.to_vec()),
    }
}

/// What a KDC answers who does not authenticate: the ways to do so.
pub(super) fn challenged() -> ErrorParts {
    let methods = [typed(19, b"\x30\x05\x30\x03\xa0\x01\x12"), typed(2, b""), typed(136, b"")];
    error(25, &["krbtgt", "LAB.EXAMPLE"], &method_data(&methods))
}

pub(super) fn password(version: u16) -> PasswordParts {
    PasswordParts {
        version,
        authentication: access(&["kadmin", "changepw"]).encode(),
        body: Parts::Private(cipher(18, None, 90)).encode(),
    }
}

/// The answer to a request for a password; an error where it was refused for `result`.
pub(super) fn password_reply(result: Option<u16>) -> PasswordParts {
    let (authentication, body) = match result {
        Some(result) => {
            let data = [&result.to_be_bytes()[..], b"no"].concat();
            (Vec::new(), error(60, &["kadmin", "changepw"], &data).encode())
        }
        None => {
            let [first, second] = [40, 50].map(|length| cipher(18, None, length));
            (Parts::AccessReply(first).encode(), Parts::Private(second).encode())
        }
    };
    PasswordParts { version: 1, authentication, body }
}

/// Messages of every type.
pub(super) fn all() -> Vec<Vec<u8>> {
    let ticket_granting = ["krbtgt", "LAB.EXAMPLE"];
    let parts = [
        Parts::Request(logon()),
        Parts::Reply(reply(true, &ticket_granting)),
        Parts::Request(delegated()),
        Parts::Reply(reply(false, &["http", "web01.lab.example"])),
        Parts::Access(access(&["cifs", "dc01.lab.example"])),
        Parts::AccessReply(cipher(18, None, 88)),
        Parts::Safe(Safe {
            data: b"in the clear".to_vec(),
            sender: typed(2, &[198, 51, 100, 7]),
            checksum: typed(16, &[0xc5; 12]),
        }),
        Parts::Private(cipher(23, None, 70)),
        Parts::Credentials(vec![ticket(&ticket_granting)], cipher(18, None, 200)),
        Parts::Error(challenged()),
        Parts::Password(password(SET_PASSWORD)),
        Parts::Password(password(1)),
        Parts::Password(password_reply(None)),
        Parts::Password(password_reply(Some(4))),
    ];
    parts.iter().map(Parts::encode).collect()
}

/// TGS-REP whose lengths take the long form where the short one would do, as Windows writes
/// LDAP, and whose fields end early.
pub(super) fn otherwise() -> Vec<u8> {
    let mut reply = b"\x6d\x81\x95\x30\x81\x92\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0d".to_vec();
    reply.extend(b"\xa6\x81\x85");
    reply.extend([0xe7; 0x85]);
    reply
}
