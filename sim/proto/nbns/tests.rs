use super::*;
use crate::proto::Side;

#[test]
fn a_name_that_is_not_encoded_contradicts() {
    let mut bytes = Nbns::samples().remove(0).bytes;
    assert_eq!(bytes[12], ENCODED_NAME);
    bytes[20] = b'Q';
    assert_eq!(Nbns::probe(&bytes, Transport::Udp), Probe::No);
}

#[test]
fn node_status_queries_ask_for_the_wildcard() {
    // `*` and fifteen zero bytes, type NBSTAT, RFC 1002 section 4.2.17.
    let mut bytes = b"\x00\x7b\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x20CK".to_vec();
    bytes.extend([b'A'; 30]);
    bytes.extend(b"\x00\x00\x21\x00\x01");
    assert_eq!(Nbns::probe(&bytes, Transport::Udp), Probe::Certain);
}

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

/// All that is told of a conversation but the messages.
fn told(messages: &[(Side, i64, &[u8])]) -> Vec<String> {
    let mut said = crate::proto::dns::tests::told::<Nbns>(Transport::Udp, messages);
    said.retain(|line| line.contains("Name") || line.contains("NetBios"));
    said
}

#[test]
fn a_query_to_all_is_told_once() {
    let query = Nbns::samples().remove(0).bytes;
    let said = told(&[(CLIENT, 1, &query), (CLIENT, 2, &query), (CLIENT, 3, &query)]);
    assert_eq!(said, ["1 Client LocalNameQuery HERON<1c> query NB: Unknown"]);
}

#[test]
fn an_answer_alone_tells_what_was_asked() {
    let samples = Nbns::samples();
    assert_eq!(
        told(&[(SERVER, 4, &samples[1].bytes)]),
        ["4 Client LocalNameQuery HERON<1c> query NB: Success"]
    );
    assert_eq!(
        told(&[(SERVER, 4, &samples[5].bytes)]),
        ["4 Client LocalNameQuery WS07<20> query NB: 3 NAM_ERR"]
    );
}

#[test]
fn a_node_status_is_a_resolution_with_or_without_an_answer() {
    let samples = Nbns::samples();
    let (request, response) = (&samples[3].bytes, &samples[4].bytes);
    assert_eq!(
        told(&[(CLIENT, 1, request), (SERVER, 2, response)]),
        ["1 Client LocalNameQuery *<00> query NBSTAT: Success", "NetBios None true"]
    );
    assert_eq!(
        told(&[(CLIENT, 1, request)]),
        ["1 Client LocalNameQuery *<00> query NBSTAT: Unanswered", "NetBios None false"]
    );
}

#[test]
fn a_wait_is_no_answer() {
    let samples = Nbns::samples();
    let (release, wait) = (&samples[7].bytes, &samples[9].bytes);
    assert_eq!(
        told(&[(CLIENT, 1, release), (SERVER, 2, wait)]),
        ["1 Client LocalNameQuery WS07<20> release: Unanswered"]
    );
}

#[test]
fn a_node_tells_its_names_and_its_address() {
    let bytes = Nbns::samples().remove(4).bytes;
    let view = View(dns::View::new(&bytes).unwrap());
    let names: Vec<_> =
        view.node_names().map(|node| (node.name.to_string(), node.is_group())).collect();
    let want = [("WS07<00>", false), ("HERON<00>", true), ("WS07<20>", false)];
    assert_eq!(names, want.map(|(name, is_group)| (name.to_owned(), is_group)));
    assert_eq!(view.hardware_address(), Some([0x02, 0x00, 0x5e, 0x10, 0x00, 0x63]));
}

#[test]
fn operations_have_names() {
    let names: Vec<_> = Nbns::samples()
        .iter()
        .map(|sample| {
            let view = dns::View::new(&sample.bytes).unwrap();
            let survey = Survey::of(&view);
            Nbns::operation(dns::types::operation(view.opcode(), asked_type(&survey))).unwrap()
        })
        .collect();
    let want = [
        "query NB",
        "query NB",
        "registration",
        "query NBSTAT",
        "query NBSTAT",
        "query NB",
        "refresh",
        "release",
        "multi-homed registration",
        "wait",
    ];
    assert_eq!(names, want);
}
