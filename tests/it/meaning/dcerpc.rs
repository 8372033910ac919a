//! Facts of dcerpc: packets by type and carrier, contexts offered, security contexts, and calls
//! by interface and operation.

use headroom::proto::dcerpc::syntax::kind;
use headroom::proto::dcerpc::{Carrier, Service, View};
use headroom::proto::{Context, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts, rows};

const MORNING: &str = "dc-morning.pcapng";
const MAPI: &str = "zeek__mapi.pcap";

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[
    unmatched("dssetup|0"),
    unmatched("lsarpc|44"),
    unmatched("lsarpc|46"),
    reset("operations", -13),
    reset("calls", 0),
    reset("request pdus", 0),
    utility("auth", "10|2", 10),
    utility("calls", "unbound|2", 3),
    utility("pdus", "request", 5),
    utility("pdus", "response", 5),
    utility("request pdus", "unbound|2", 3),
    utility("transports", "tcp", 10),
    unasked("pdus", "bind_ack"),
    unasked("transports", "smb"),
    secured(MORNING, "calls", "12345678-1234-abcd-ef00-01234567cffb|12", 1),
    secured(MORNING, "calls", "12345678-1234-abcd-ef00-01234567cffb|39", 2),
    secured(MORNING, "calls", "unbound|12", -1),
    secured(MORNING, "calls", "unbound|39", -2),
    secured(MORNING, "operations", "netlogon|12", 2),
    secured(MORNING, "operations", "netlogon|39", 4),
    secured(MORNING, "request pdus", "12345678-1234-abcd-ef00-01234567cffb|12", 1),
    secured(MORNING, "request pdus", "12345678-1234-abcd-ef00-01234567cffb|39", 2),
    secured(MORNING, "request pdus", "unbound|12", -1),
    secured(MORNING, "request pdus", "unbound|39", -2),
    secured(MAPI, "calls", "12345678-1234-abcd-ef00-01234567cffb|2", 2),
    secured(MAPI, "operations", "netlogon|2", 4),
    secured(MAPI, "request pdus", "12345678-1234-abcd-ef00-01234567cffb|2", 2),
];

const fn secured(
    file: &'static str,
    category: &'static str,
    value: &'static str,
    surplus: i64,
) -> Explained {
    Explained { file, category, value, fault: Fault::Theirs, surplus, why: SECURED }
}

const fn reset(category: &'static str, surplus: i64) -> Explained {
    let (file, value) = ("BruteShark__Kerberos_-_v5_UDP.pcap", "*");
    Explained { file, category, value, fault: Fault::Ours, surplus, why: RESET }
}

const fn unmatched(value: &'static str) -> Explained {
    let (file, category) = ("BruteShark__Kerberos_-_v5_UDP.pcap", "operations");
    Explained { file, category, value, fault: Fault::Theirs, surplus: 1, why: UNMATCHED }
}

const fn utility(category: &'static str, value: &'static str, surplus: i64) -> Explained {
    Explained { file: MAPI, category, value, fault: Fault::Theirs, surplus, why: UTILITY }
}

const fn unasked(category: &'static str, value: &'static str) -> Explained {
    let file = "PCAP-ATTACK__Discovery_privgroups_domain_admins_samr_lookupnames_req.pcapng";
    Explained { file, category, value, fault: Fault::Ours, surplus: -2, why: UNASKED }
}

const RESET: &str = "segments with RST stand in the midst of TCP connections that go on. At a \
                     reset (RFC 9293 section 3.10.7.4) we forget what was bound, so that calls behind \
                     it that the secure channel does not seal are of an unknown interface; tshark \
                     reads on as if there were none";
const UNMATCHED: &str = "the responses in frames 971, 1004 and 1013 repeat the call identifiers of \
                         the requests in frames 965, 998 and 1007 of the same pipe, which makes \
                         them their answers (C706 section 12.6.4.10); tshark reads them as \
                         responses and does not find their requests";
const UTILITY: &str = "tshark gives TCP port 1153 to ANSI C12.22 and calls stream 12 malformed. Its \
                       payloads begin 05 00 00 or 05 00 02 (C706 section 12.6.1: version 5.0, \
                       request, response), and bytes 8 and 9 are the payload's length; told to \
                       decode the port as DCE/RPC, tshark finds the same 10 packets. Two calls \
                       less are unbound because who seals them tells their interface";
const SECURED: &str = "the association was bound before the capture began. Its calls are sealed by the \
                       secure channel's package (authentication type 68), which seals calls of \
                       Netlogon ([MS-NRPC] section 3.3) and two of LSA ([MS-LSAT] section 2.1) \
                       alone; tshark leaves their interface open";
const UNASKED: &str = "two reads of the pipe were not captured, only their responses: without the \
                       request a response names no pipe. tshark guesses by the bytes";

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, _tally: &Tally, facts: &mut Facts) {
    let Message::Dcerpc(view) = message else { return };
    facts.add("pdus", view.kind_name(), 1);
    facts.add("transports", carrier(view.carrier), 1);
    for offer in view.offers().into_iter().flatten() {
        let (uuid, version) = (offer.interface.uuid, offer.interface.version);
        facts.add("binds", format!("{uuid}|{version}|{}", carrier(view.carrier)), 1);
    }
    if let Some(verifier) = view.verifier() {
        facts.add("auth", format!("{}|{}", verifier.kind, verifier.level), 1);
    }
    if view.kind() == kind::REQUEST {
        call(view, facts);
    }
    if matches!(view.kind(), kind::REQUEST | kind::RESPONSE)
        && view.is_last()
        && let (Some(dissector), Some(opnum)) = (view.service().and_then(dissector), view.opnum)
    {
        facts.add("operations", format!("{dissector}|{opnum}"), 1);
    }
}

/// What tshark calls the interfaces whose operations it names, both of requests and of responses:
/// of the last fragment, which completes them.
const DISSECTORS: &[(Service, &str)] = &[
    (Service::Epm, "epm"),
    (Service::Netlogon, "netlogon"),
    (Service::Samr, "samr"),
    (Service::Lsarpc, "lsarpc"),
    (Service::Drsuapi, "drsuapi"),
    (Service::Svcctl, "svcctl"),
    (Service::Srvsvc, "srvsvc"),
    (Service::Wkssvc, "wkssvc"),
    (Service::Winreg, "winreg"),
    (Service::Atsvc, "atsvc"),
    (Service::Spoolss, "spoolss"),
    (Service::ScmActivator, "isystemactivator"),
    (Service::RemUnknown, "remunk"),
    (Service::ObjectExporter, "oxid"),
    (Service::Eventlog, "eventlog"),
    (Service::Efsrpc, "efs"),
    (Service::DnsServer, "dnsserver"),
    (Service::Mgmt, "mgmt"),
    (Service::Netdfs, "netdfs"),
    (Service::TaskScheduler, "taskschedulerservice"),
    (Service::InitShutdown, "initshutdown"),
    (Service::Dssetup, "dssetup"),
    (Service::Browser, "rpc_browser"),
];

fn dissector(service: Service) -> Option<&'static str> {
    DISSECTORS.iter().find(|(known, _)| *known == service).map(|(_, name)| *name)
}

fn call(view: &View<'_>, facts: &mut Facts) {
    let interface = view.interface.map_or("unbound".to_owned(), |known| known.uuid.to_string());
    let opnum = view.opnum.unwrap_or_default();
    facts.add("request pdus", format!("{interface}|{opnum}"), 1);
    facts.add("calls", format!("{interface}|{opnum}"), u64::from(view.is_first()));
}

/// Both versions of SMB carry pipes; a pipe does not know in which it is.
fn carrier(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Connection => "tcp",
        Carrier::Pipe => "smb",
        Carrier::Datagram => "udp",
    }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    let plain = |transport: &str| transport.trim_end_matches(['1', '2']).to_owned();
    for (kind, count) in counts(truth, "/dcerpc/pdus") {
        facts.add("pdus", kind, count);
    }
    for (transport, count) in counts(truth, "/dcerpc/transports") {
        facts.add("transports", plain(&transport), count);
    }
    for (bind, count) in rows(truth, "/dcerpc/binds", &["uuid", "version", "transport"]) {
        facts.add("binds", plain(&bind), count);
    }
    for (auth, count) in rows(truth, "/dcerpc/auth", &["auth_type", "auth_level"]) {
        facts.add("auth", auth, count);
    }
    for (_, dissector) in DISSECTORS {
        for (opnum, count) in counts(truth, &format!("/dcerpc/tshark_opnums/{dissector}")) {
            facts.add("operations", format!("{dissector}|{opnum}"), count);
        }
    }
    let interfaces = truth.pointer("/dcerpc/interfaces").and_then(Value::as_object);
    for (uuid, _) in interfaces.into_iter().flatten() {
        for (category, name) in [("request pdus", "request_pdus"), ("calls", "calls")] {
            let pointer = format!("/dcerpc/interfaces/{uuid}/{name}");
            for (opnum, count) in counts(truth, &pointer) {
                facts.add(category, format!("{uuid}|{opnum}"), count);
            }
        }
    }
}
