//! Conversations and what is told of them.

use super::epm::{self, Endpoint, Tower};
use super::ndr::{HANDLE, StubWriter};
use super::pdu::{
    Address, Body, FIRST_FRAGMENT, LAST_FRAGMENT, Limits, OfferParts, Request, Response, Verdict,
    Verifier,
};
use super::samples::datagram;
use super::syntax::{Syntax, Uuid, auth_type};
use super::*;
use crate::base::{Random, Timestamp};
use crate::proto::{Activity, Dialogue, Hint, Id, Message, Outcome, Quality, Side, Tally, ntlmssp};

/// Writes down what it is told.
#[derive(Default)]
struct Told {
    packets: Vec<String>,
    activities: Vec<String>,
    hints: Vec<bool>,
    malformed: usize,
    /// What an endpoint mapper has told.
    endpoint: Option<Syntax>,
}

impl Observer for Told {
    fn message(&mut self, _: &Context, message: &Message<'_>, tally: Tally) {
        let Message::Dcerpc(view) = message else { return };
        let name = Dcerpc::operation(tally.operation).unwrap();
        let side = if tally.is_answer { "<" } else { ">" };
        let parts = (view.is_first(), view.is_last());
        let parts = if parts == (true, true) { String::new() } else { format!(" {parts:?}") };
        self.packets.push(format!("{side} {name} {:?}{parts}", tally.quality));
    }
    fn activity(&mut self, activity: &Activity<'_>) {
        let text = |name: Option<&dyn std::fmt::Display>| {
            name.map_or_else(|| "-".to_owned(), ToString::to_string)
        };
        let outcome = match activity.outcome {
            Outcome::Failure { name, .. } => name.to_owned(),
            other => format!("{other:?}"),
        };
        let (principal, target) = (text(activity.principal), text(activity.target));
        let (kind, detail) = (activity.kind, text(activity.detail));
        self.activities.push(format!("{kind:?} {principal} {target} {detail}: {outcome}"));
    }
    fn hint(&mut self, _: &Context, hint: Hint<'_>) {
        if let Hint::Resolution(_, None, answered) = hint {
            self.hints.push(answered);
        }
    }
    fn malformed(&mut self, _: Id, _: WireError) {
        self.malformed += 1;
    }
    fn endpoint(&mut self) -> Option<Syntax> {
        self.endpoint
    }
}

/// One association and who listens.
#[derive(Default)]
struct Talk {
    association: Association,
    told: Told,
}

const LIMITS: Limits = Limits { transmit: 4280, receive: 4280, group: 0 };

fn context(side: Side, transport: Transport, length: usize) -> Context {
    Context { transport, side, time: Timestamp::from_nanos(7), length, is_cut: false }
}

fn bytes(fragment: &Fragment<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    fragment.emit(&mut Writer::new(&mut bytes));
    bytes
}

impl Talk {
    fn say(&mut self, side: Side, fragment: &Fragment<'_>) -> &mut Self {
        let bytes = bytes(fragment);
        let context = context(side, Transport::Tcp, bytes.len());
        Dcerpc::observe(&bytes, &context, &mut self.association, &mut self.told).unwrap();
        self
    }

    fn client(&mut self, fragment: &Fragment<'_>) -> &mut Self {
        self.say(Side::Client, fragment)
    }

    fn server(&mut self, fragment: &Fragment<'_>) -> &mut Self {
        self.say(Side::Server, fragment)
    }

    fn bind(&mut self, service: Service) -> &mut Self {
        self.client(&bind(service, None)).server(&accept(None))
    }

    fn finish(mut self) -> Told {
        self.association.finish(&mut self.told);
        self.told
    }
}

fn bind<'a>(service: Service, verifier: Option<Verifier<'a>>) -> Fragment<'a> {
    let interface = Syntax { uuid: service.uuid(), version: 1, minor: 0 };
    let offers = [Syntax::NDR, Syntax::NDR64]
        .into_iter()
        .zip([0, 1])
        .map(|(transfer, id)| OfferParts { id, interface, transfers: vec![transfer], reserved: 0 });
    let body = Body::Offers(kind::BIND, LIMITS, offers.collect(), ([0; 3], &[]));
    Fragment { verifier, ..Fragment::new(1, body) }
}

fn accept(verifier: Option<Verifier<'_>>) -> Fragment<'_> {
    let accepted = |transfer| Verdict { result: 0, reason: 0, transfer };
    let verdicts = vec![accepted(Syntax::NDR), accepted(Syntax::NDR64)];
    let body =
        Body::Verdicts(kind::BIND_ACK, LIMITS, Address::new(b"135\0"), verdicts, ([0; 3], &[]));
    Fragment { verifier, ..Fragment::new(1, body) }
}

fn call(id: u32, opnum: u16, stub: &[u8]) -> Fragment<'_> {
    let (hint, context, object) = (0, 0, None);
    Fragment::new(id, Body::Request(Request { hint, context, opnum, object, stub }))
}

fn reply(id: u32, kind: u8, stub: &[u8]) -> Fragment<'_> {
    let (hint, context, cancels, reserved) = (0, 0, 0, 0);
    Fragment::new(id, Body::Response(kind, Response { hint, context, cancels, reserved, stub }))
}

fn vouched(kind: u8, level: u8, token: &[u8]) -> Option<Verifier<'_>> {
    Some(Verifier { kind, level, padding: &[], reserved: 0, context: 9, token })
}

fn connect(is_wide: bool) -> Vec<u8> {
    let mut stub = StubWriter::new(Order::Little, is_wide);
    stub.unique_text(Some(r"\\DC1")).long(0x30);
    stub.finish()
}

const DENIED: &[u8] = b"\x22\0\0\xc0";
const FAULT_DENIED: &[u8] = b"\x05\0\0\0\0\0\0\0";

#[test]
fn a_call_is_told_by_name_with_what_it_was_done_to_and_what_it_returned() {
    let mut talk = Talk::default();
    talk.bind(Service::Samr).client(&call(2, 64, &connect(false)));
    talk.server(&reply(2, kind::RESPONSE, DENIED));
    let told = talk.finish();
    assert_eq!(
        told.packets,
        [
            "> bind Parsed",
            "< bind_ack Parsed",
            "> samr.SamrConnect5 Parsed",
            "< samr.SamrConnect5 Parsed"
        ]
    );
    assert_eq!(told.activities, [r"SamrQuery - \\DC1 SamrConnect5: STATUS_ACCESS_DENIED"]);
}

#[test]
fn the_encoding_of_the_context_decides_how_arguments_are_read() {
    let mut talk = Talk::default();
    let stub = connect(true);
    let (hint, context, opnum, object) = (0, 1, 64, None);
    let body = Body::Request(Request { hint, context, opnum, object, stub: &stub });
    talk.bind(Service::Samr).client(&Fragment::new(2, body));
    talk.server(&reply(2, kind::RESPONSE, &[0; 4]));
    assert_eq!(talk.finish().activities, [r"SamrQuery - \\DC1 SamrConnect5: Success"]);
}

#[test]
fn a_call_in_fragments_is_one_call_and_its_last_octets_tell_the_outcome() {
    let mut talk = Talk::default();
    let stub = connect(false);
    let part = |mut fragment: Fragment<'static>, flags| {
        fragment.flags = flags;
        fragment
    };
    talk.bind(Service::Samr);
    talk.client(&Fragment { flags: FIRST_FRAGMENT, ..call(2, 64, &stub) });
    talk.client(&part(call(2, 64, b"more"), 0));
    talk.client(&part(call(2, 64, b"rest"), LAST_FRAGMENT));
    talk.server(&part(reply(2, kind::RESPONSE, DENIED), FIRST_FRAGMENT));
    talk.server(&part(reply(2, kind::RESPONSE, &[0; 8]), LAST_FRAGMENT));
    let told = talk.finish();
    assert_eq!(told.packets.len(), 7);
    assert_eq!(told.activities, [r"SamrQuery - \\DC1 SamrConnect5: Success"]);
}

#[test]
fn what_is_sealed_is_opaque_and_its_outcome_unknown() {
    let mut talk = Talk::default();
    let (stub, sealed) = (connect(false), vouched(auth_type::NTLM, 6, b"signature"));
    talk.bind(Service::Samr).client(&Fragment { verifier: sealed, ..call(2, 64, &stub) });
    talk.server(&Fragment { verifier: sealed, ..reply(2, kind::RESPONSE, DENIED) });
    let told = talk.finish();
    assert_eq!(told.packets[2..], ["> samr.SamrConnect5 Opaque", "< samr.SamrConnect5 Opaque"]);
    assert_eq!(told.activities, ["SamrQuery - - SamrConnect5: Unknown"]);
}

#[test]
fn a_cut_packet_tells_its_operation_and_reads_no_arguments_that_may_be_sealed() {
    let (stub, sealed) = (connect(false), vouched(auth_type::NTLM, 6, b"signature"));
    for (verifier, target) in [(None, r"\\DC1"), (sealed, "-")] {
        let mut talk = Talk::default();
        talk.bind(Service::Samr);
        let whole = bytes(&Fragment { verifier, ..call(2, 64, &stub) });
        let input = &whole[..whole.len() - 1];
        let context =
            Context { is_cut: true, ..context(Side::Client, Transport::Tcp, whole.len()) };
        Dcerpc::observe(input, &context, &mut talk.association, &mut talk.told).unwrap();
        let told = talk.finish();
        assert_eq!(told.packets[2], "> samr.SamrConnect5 Cut");
        assert_eq!(told.activities, [format!("SamrQuery - {target} SamrConnect5: Unanswered")]);
    }
}

#[test]
fn calls_without_a_bind_are_of_an_unknown_interface() {
    let mut talk = Talk::default();
    talk.client(&call(2, 64, &connect(false))).server(&reply(2, kind::RESPONSE, DENIED));
    let told = talk.finish();
    assert_eq!(told.packets, ["> unknown interface Opaque", "< unknown interface Opaque"]);
    let call = "RemoteCall - - opnum 64 of an unknown interface: Unknown";
    assert_eq!(told.activities, [call]);
}

#[test]
fn who_seals_a_call_without_a_bind_tells_its_interface_or_which_it_is_not() {
    let activity = |told: Option<Service>, package: Option<u8>, opnum: u16| {
        let syntax = |service: Service| Syntax { uuid: service.uuid(), version: 1, minor: 0 };
        let mut talk = Talk::default();
        talk.told.endpoint = told.map(syntax);
        let verifier = package.and_then(|package| vouched(package, 6, b"signature"));
        let stub = connect(false);
        talk.client(&Fragment { verifier, ..call(2, opnum, &stub) });
        talk.finish().activities.remove(0)
    };
    let (netlogon, negotiate) = (Some(auth_type::NETLOGON), Some(auth_type::NEGOTIATE));
    for told in [None, Some(Service::Samr)] {
        assert_eq!(
            activity(told, netlogon, 39),
            "CredentialValidation - - NetrLogonSamLogonEx: Unanswered"
        );
        assert_eq!(activity(told, netlogon, 77), "LsaLookup - - LsarLookupNames4: Unanswered");
    }
    // Replication with the port of the two: not theirs, although the mapper told no other.
    for told in [None, Some(Service::Netlogon), Some(Service::Lsarpc)] {
        let unknown = "RemoteCall - - opnum 3 of an unknown interface: Unanswered";
        assert_eq!(activity(told, negotiate, 3), unknown);
    }
    let told = Some(Service::Drsuapi);
    assert_eq!(activity(told, negotiate, 3), "Replication - - IDL_DRSGetNCChanges: Unanswered");
    // In the clear, but whether it is encoded in 32 or 64 bits nobody knows.
    let told = Some(Service::Samr);
    assert_eq!(activity(told, None, 64), "SamrQuery - - SamrConnect5: Unanswered");
}

#[test]
fn an_answer_without_its_request_is_of_the_interface() {
    let mut talk = Talk::default();
    talk.bind(Service::Samr).server(&reply(2, kind::RESPONSE, DENIED));
    assert_eq!(talk.finish().packets[2], "< samr Parsed");
}

#[test]
fn the_mapper_says_where_the_interface_is() {
    let interface = Syntax { uuid: Service::Drsuapi.uuid(), version: 4, minor: 0 };
    let address = Some(std::net::Ipv4Addr::new(192, 0, 2, 10));
    let there = Tower { interface, endpoint: Endpoint::Tcp(49667), address };
    let ask = epm::ask(&there, Order::Little, false);
    let answer = epm::answer(&[there], 0, Order::Little, false);
    let nowhere = epm::answer(&[], 0x16c9_a0d6, Order::Little, false);
    let mut talk = Talk::default();
    talk.bind(Service::Epm).client(&call(2, 3, &ask));
    talk.server(&reply(2, kind::RESPONSE, &answer));
    talk.client(&call(3, 3, &ask)).server(&reply(3, kind::RESPONSE, &nowhere));
    assert_eq!(
        talk.finish().activities,
        [
            "RemoteCall - drsuapi ept_map 192.0.2.10:49667: Success",
            "RemoteCall - drsuapi ept_map: ept_s_not_registered"
        ]
    );
}

/// NTLM tokens that name somebody.
fn tokens() -> Vec<Vec<u8>> {
    let samples = ntlmssp::Ntlmssp::samples().into_iter().map(|sample| sample.bytes);
    let mut tokens: Vec<_> = samples.collect();
    tokens.sort_by_key(|token| token[8]);
    tokens.dedup_by_key(|token| token[8]);
    assert_eq!(tokens.iter().map(|token| token[8]).collect::<Vec<_>>(), [1, 2, 3]);
    tokens
}

/// A logon on an association whose only call is answered by `reply`.
fn logon(answer: &Fragment<'_>) -> Told {
    let tokens = tokens();
    let verifier = |at: usize| vouched(auth_type::NTLM, 2, &tokens[at]);
    let mut talk = Talk::default();
    talk.client(&bind(Service::Epm, verifier(0))).server(&accept(verifier(1)));
    let third = Fragment::new(1, Body::Other(kind::AUTH3, b"\0\0\0\0"));
    talk.client(&Fragment { verifier: verifier(2), ..third });
    talk.client(&call(2, 2, &[])).server(answer);
    talk.finish()
}

#[test]
fn an_answered_call_proves_the_logon_and_a_refused_one_fails_it() {
    let good = logon(&reply(2, kind::RESPONSE, &[0; 4]));
    let refused = logon(&reply(2, kind::FAULT, FAULT_DENIED));
    let logon = |told: &Told| {
        let of_ntlm = |told: &&String| told.starts_with("NtlmLogon");
        told.activities.iter().find(of_ntlm).unwrap().rsplit(": ").next().unwrap().to_owned()
    };
    assert_eq!(logon(&good), "Success");
    assert_eq!(logon(&refused), "ERROR_ACCESS_DENIED");
    assert!(
        refused.activities.iter().any(|told| told.ends_with("ept_lookup: ERROR_ACCESS_DENIED"))
    );
    assert_eq!((good.hints, good.malformed), (vec![true], 0));
}

#[test]
fn a_probe_that_gets_no_challenge_is_unanswered() {
    let tokens = tokens();
    let mut talk = Talk::default();
    talk.client(&bind(Service::Epm, vouched(auth_type::NTLM, 2, &tokens[0])));
    assert_eq!(talk.finish().hints, [false]);
    let mut refused = Talk::default();
    refused.client(&bind(Service::Epm, vouched(auth_type::NTLM, 2, &tokens[0])));
    refused.server(&Fragment::new(1, Body::Other(kind::BIND_NAK, b"\x08\0\0\0")));
    assert_eq!(refused.finish().hints, [false]);
    let mut other = Talk::default();
    other.client(&bind(Service::Drsuapi, vouched(auth_type::NTLM, 2, &tokens[0])));
    assert!(other.finish().hints.is_empty(), "not at the mapper's port");
}

#[test]
fn a_secure_channel_names_the_computer() {
    let token = b"\0\0\0\0\x03\0\0\0LAB\0WS1\0";
    let mut talk = Talk::default();
    talk.client(&bind(Service::Netlogon, vouched(auth_type::NETLOGON, 6, token)));
    let sealed = vouched(auth_type::NETLOGON, 6, b"signature");
    talk.client(&Fragment { verifier: sealed, ..call(2, 39, b"sealed") });
    let activities = talk.finish().activities;
    assert_eq!(activities, [r"CredentialValidation LAB\WS1$ - NetrLogonSamLogonEx: Unanswered"]);
}

#[test]
fn a_call_that_nobody_vouches_for_is_of_the_account_that_opened_the_pipe() {
    let mut talk = Talk::default();
    talk.association.set_account(&r"LAB\alice");
    talk.bind(Service::Samr).client(&call(2, 64, &connect(false)));
    assert_eq!(talk.finish().activities, [r"SamrQuery LAB\alice \\DC1 SamrConnect5: Unanswered"]);
    let mut other = Talk::default();
    other.association.set_account(&r"LAB\alice");
    let token = b"\0\0\0\0\x03\0\0\0LAB\0WS1\0";
    other.client(&bind(Service::Samr, vouched(auth_type::NETLOGON, 6, token)));
    other.client(&call(2, 64, &connect(false)));
    assert_eq!(other.finish().activities, [r"SamrQuery LAB\WS1$ \\DC1 SamrConnect5: Unanswered"]);
    // Somebody who cannot be read vouches for this one.
    let mut unread = Talk::default();
    unread.association.set_account(&r"LAB\alice");
    unread.client(&bind(Service::Samr, vouched(auth_type::KERBEROS, 6, b"unreadable")));
    unread.client(&call(2, 64, &connect(false)));
    assert_eq!(unread.finish().activities, [r"SamrQuery - \\DC1 SamrConnect5: Unanswered"]);
}

/// A conversation as it passes through a pipe.
fn piped() -> Vec<(Side, Vec<u8>)> {
    let stub = connect(false);
    vec![
        (Side::Client, bytes(&bind(Service::Samr, None))),
        (Side::Server, bytes(&accept(None))),
        (Side::Client, bytes(&call(2, 64, &stub))),
        (Side::Server, bytes(&reply(2, kind::RESPONSE, DENIED))),
        (Side::Client, [bytes(&call(3, 1, &[0; HANDLE])), bytes(&call(4, 6, b"more"))].concat()),
        (Side::Server, bytes(&reply(3, kind::RESPONSE, &[0; 4]))),
    ]
}

#[test]
fn a_pipe_may_be_read_and_written_in_any_pieces() {
    let listen = |piece: usize| {
        let mut talk = Talk::default();
        for (side, bytes) in piped() {
            for bytes in bytes.chunks(piece) {
                let context = context(side, Transport::Tcp, 9_999);
                talk.association.bytes(bytes, &context, &mut talk.told);
            }
        }
        talk.finish()
    };
    let whole = listen(usize::MAX);
    assert_eq!((whole.packets.len(), whole.malformed), (7, 0));
    assert_eq!(whole.activities.len(), 3);
    for piece in 1..200 {
        let told = listen(piece);
        assert_eq!(told.packets, whole.packets, "pieces of {piece} octets");
        assert_eq!((told.activities, told.malformed), (whole.activities.clone(), 0));
    }
}

#[test]
fn what_was_lost_is_not_joined_and_the_next_packet_is_read() {
    let stub = connect(false);
    let request = bytes(&call(2, 64, &stub));
    let mut talk = Talk::default();
    let context = context(Side::Client, Transport::Tcp, 0);
    let first = bytes(&bind(Service::Samr, None));
    talk.association.bytes(&first, &context, &mut talk.told);
    talk.association.bytes(&request[..20], &context, &mut talk.told);
    talk.association.gap(Side::Client);
    talk.association.bytes(&request, &context, &mut talk.told);
    // What is cut is told as such, and its rest is not waited for.
    let cut = Context { is_cut: true, ..context };
    talk.association.bytes(&request[..26], &cut, &mut talk.told);
    talk.association.bytes(&request, &context, &mut talk.told);
    let told = talk.finish();
    assert_eq!(
        told.packets,
        [
            "> bind Parsed",
            "> samr.SamrConnect5 Parsed",
            "> samr.SamrConnect5 Cut",
            "> samr.SamrConnect5 Parsed"
        ]
    );
    assert_eq!(told.malformed, 0);
}

#[test]
fn what_is_no_rpc_is_malformed_only_behind_rpc() {
    let mut talk = Talk::default();
    let context = context(Side::Client, Transport::Tcp, 0);
    talk.association.bytes(b"some other protocol of a pipe", &context, &mut talk.told);
    assert_eq!((talk.told.malformed, talk.told.packets.len()), (0, 0));
    talk.association.bytes(&bytes(&bind(Service::Samr, None)), &context, &mut talk.told);
    talk.association.bytes(b"some other protocol of a pipe", &context, &mut talk.told);
    assert_eq!((talk.told.malformed, talk.told.packets.len()), (1, 1));
}

#[test]
fn datagrams_are_told_with_their_interface_and_answered() {
    let mut talk = Talk::default();
    let mut say = |side, kind, body: &[u8]| {
        let mut bytes = datagram(kind, body);
        bytes[24..40].copy_from_slice(&Order::Little.put_uuid(Service::Epm.uuid()));
        bytes[68..70].copy_from_slice(&2_u16.to_le_bytes());
        let context = context(side, Transport::Udp, bytes.len());
        Dcerpc::observe(&bytes, &context, &mut talk.association, &mut talk.told).unwrap();
        talk.association.is_idle()
    };
    assert!(!say(Side::Client, kind::REQUEST, b"stub"));
    assert!(!say(Side::Server, kind::WORKING, b""));
    assert!(say(Side::Server, kind::FAULT, b"\x03\0\x01\x1c"));
    let told = talk.finish();
    assert_eq!(told.packets, ["> epm.ept_lookup Parsed", "< working Parsed", "< fault Parsed"]);
    assert_eq!(told.activities, ["RemoteCall - - ept_lookup: nca_s_unk_if"]);
}

#[test]
fn a_body_that_is_shorter_than_its_type_is_malformed() {
    let short = Fragment::new(1, Body::Other(kind::REQUEST, b"short"));
    let bytes = bytes(&short);
    let mut talk = Talk::default();
    let context = context(Side::Client, Transport::Tcp, bytes.len());
    let read = Dcerpc::observe(&bytes, &context, &mut talk.association, &mut talk.told);
    assert_eq!(
        read.unwrap_err().to_string(),
        "dcerpc::Request at byte 4: needs 2 bytes, 1 present"
    );
    assert!(talk.told.packets.is_empty());
}

#[test]
fn memory_is_bounded_whatever_is_sent() {
    const SEED: u64 = 0x7270_6321;
    let mut random = Random::new(SEED);
    let mut talk = Talk::default();
    let samples = Dcerpc::samples();
    for round in 0..20_000_u32 {
        let sample = &samples[random.below(u32::try_from(samples.len()).unwrap()) as usize];
        let mut bytes = sample.bytes.clone();
        for _ in 0..random.below(4) {
            let at = random.below(u32::try_from(bytes.len()).unwrap()) as usize;
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        if let Some(id) = bytes.get_mut(12..16) {
            id.copy_from_slice(&round.to_le_bytes());
        }
        let side = if random.below(2) == 0 { Side::Client } else { Side::Server };
        let context = context(side, sample.transport, bytes.len());
        let (association, told) = (&mut talk.association, &mut talk.told);
        let _ = Dcerpc::observe(&bytes, &context, association, told); // malformed: as expected
        association.bytes(&bytes, &context, told);
        association.assert_bounded();
    }
    talk.association.reset();
    assert!(talk.association.is_idle());
}

#[test]
fn quality_of_an_unknown_interface_is_opaque_though_nothing_is_sealed() {
    let mut talk = Talk::default();
    let interface = Syntax { uuid: Uuid(0x1234), version: 1, minor: 0 };
    let offer = OfferParts { id: 0, interface, transfers: vec![Syntax::NDR], reserved: 0 };
    let body = Body::Offers(kind::BIND, LIMITS, vec![offer], ([0; 3], &[]));
    talk.client(&Fragment::new(1, body)).client(&call(2, 5, b"stub"));
    let told = talk.finish();
    assert_eq!(told.packets[1], format!("> unknown interface {:?}", Quality::Opaque));
}

#[test]
fn a_cut_answer_does_not_tell_what_was_returned() {
    let mut talk = Talk::default();
    talk.bind(Service::Samr).client(&call(2, 64, &connect(false)));
    let whole = bytes(&reply(2, kind::RESPONSE, b"results\0\0\0\0\0status"));
    let input = &whole[..whole.len() - 6];
    let context = Context { is_cut: true, ..context(Side::Server, Transport::Tcp, whole.len()) };
    Dcerpc::observe(input, &context, &mut talk.association, &mut talk.told).unwrap();
    assert_eq!(talk.finish().activities, [r"SamrQuery - \\DC1 SamrConnect5: Unknown"]);
}

#[test]
fn an_interface_is_read_in_the_order_of_octets_that_the_packet_says() {
    let bind = &Dcerpc::samples()[0].bytes;
    let offers: Vec<_> = pdu::Pdu::parse(bind).unwrap().offers().collect();
    let mapper = Syntax { uuid: Service::Epm.uuid(), version: 3, minor: 0 };
    assert_eq!(
        offers.iter().map(|offer| (offer.id, offer.interface)).collect::<Vec<_>>(),
        [(1, mapper)]
    );
    assert_eq!(offers[0].transfers(Order::Little).collect::<Vec<_>>(), [Syntax::NDR]);
    // C706 appendix A: the fields of an identifier in the order in which they are written.
    let written = *b"\xe1\xaf\x83\x08\x5d\x1f\x11\xc9\x91\xa4\x08\x00\x2b\x14\xa0\xfa";
    assert_eq!(Order::Big.get_uuid(written), mapper.uuid);
    assert_eq!(Order::Big.put_uuid(mapper.uuid), written);
}
