//! From tshark's fields to our operation numbers.
//!
//! tshark lists the values of a field in a frame one after the other, and not to which message
//! they belong: where a message has several fields, their lists are walked side by side, and it
//! is an error if one is too short or something is left.

use std::collections::BTreeMap;

use headroom::proto::dcerpc::Service;
use headroom::proto::dcerpc::syntax::{Uuid, kind};
use headroom::proto::{Id, http, ldap, smb2, tls};

use super::fields::Row;

/// What [`Tally`](headroom::proto::Tally) adds to commands inside datagrams of NetBIOS.
const BROWSER: u32 = 0x1_0000;
const NETLOGON: u32 = 0x2_0000;
/// Operation of calls of unknown interfaces.
pub const UNKNOWN_INTERFACE: u32 = 0xffff_0000;
/// Methods of HTTP in the order of our numbers, from 1.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/// Packets of DCE/RPC that answer, C706 section 12.6.
const ANSWERS: [u8; 9] = [
    kind::RESPONSE,
    kind::FAULT,
    kind::WORKING,
    kind::NOCALL,
    kind::REJECT,
    kind::CANCEL_ACK,
    kind::BIND_ACK,
    kind::BIND_NAK,
    kind::ALTER_CONTEXT_RESP,
];

/// Protocol, operation, whether an answer.
pub type Key = (Id, u32, bool);

/// Counts messages frame by frame.
#[derive(Debug, Default)]
pub struct Counter {
    /// How many of each.
    pub messages: BTreeMap<Key, u64>,
    /// Frames whose fields do not fit together.
    pub wrong: Vec<String>,
    /// Interfaces by stream, pipe and context.
    contexts: BTreeMap<(u32, String, u32), Uuid>,
}

impl Counter {
    /// Counts the messages of a frame.
    pub fn frame(&mut self, row: &Row) {
        self.names(row);
        self.netbios(row);
        self.smb(row);
        self.tokens(row);
        self.rpc(row);
        self.directory(row);
        self.rest(row);
    }

    /// Counts the TLS of a frame alone.
    pub fn tls(&mut self, row: &Row) {
        let ports = [row.first("tcp.srcport"), row.first("tcp.dstport")];
        let is_ldaps = ports.iter().flatten().any(|port| matches!(port, 636 | 3269));
        let id = if is_ldaps { Id::Ldaps } else { Id::Tls };
        // A record of TLS 1.3 says that it is opaque instead of its type.
        for field in ["tls.record.content_type", "tls.record.opaque_type"] {
            row.numbers(field).into_iter().for_each(|kind| self.add(id, kind, false));
        }
        let is_answer = ports[0] < ports[1];
        for kind in row.numbers("tls.handshake.type") {
            self.add(id, tls::HANDSHAKE_OPERATION | kind, is_answer);
        }
    }

    fn add(&mut self, id: Id, operation: u32, is_answer: bool) {
        *self.messages.entry((id, operation, is_answer)).or_default() += 1;
    }

    fn misfit(&mut self, row: &Row, what: &str) {
        let number = row.texts("frame.number").concat();
        self.wrong.push(format!("frame {number}: {what}"));
    }

    /// DNS and its relatives: the opcode, and of queries the type, above it.
    fn names(&mut self, row: &Row) {
        let id = match () {
            () if row.has("mdns") => Id::Mdns,
            () if row.has("llmnr") => Id::Llmnr,
            () => Id::Dns,
        };
        let (opcodes, answers) = (row.numbers("dns.flags.opcode"), row.flags("dns.flags.response"));
        let mut kinds = row.numbers("dns.qry.type");
        if kinds.is_empty() {
            kinds = row.numbers("dns.resp.type");
        }
        // Several messages in one segment have one question each.
        if opcodes.len() > 1 && kinds.len() != opcodes.len() {
            self.misfit(row, "messages and questions of DNS");
        }
        for (at, (opcode, is_answer)) in opcodes.iter().zip(answers).enumerate() {
            let kind = kinds.get(at).copied().filter(|_| *opcode == 0).unwrap_or(0);
            self.add(id, opcode << 16 | kind, is_answer);
        }
        let (opcodes, answers) =
            (row.numbers("nbns.flags.opcode"), row.flags("nbns.flags.response"));
        for (opcode, is_answer) in opcodes.iter().zip(answers) {
            // NULL, with which a negative answer says that there is no such name, counts as NB.
            let kind = row.first("nbns.type").map(|kind| if kind == 10 { 32 } else { kind });
            let kind = kind.filter(|_| *opcode == 0).unwrap_or(0);
            self.add(Id::Nbns, opcode << 16 | kind, is_answer);
        }
    }

    fn netbios(&mut self, row: &Row) {
        for kind in row.numbers("nbdgm.type") {
            let browser = row.first("browser.command").map(|command| BROWSER | command);
            let netlogon = row.first("smb_netlogon.command").map(|command| NETLOGON | command);
            let operation = browser.or(netlogon).unwrap_or(kind);
            self.add(Id::Nbds, operation, matches!(kind, 0x15 | 0x16));
        }
        // What carries SMB is not counted apart from it.
        for kind in row.numbers("nbss.type").into_iter().filter(|kind| *kind != 0) {
            self.add(Id::Nbss, kind, matches!(kind, 0x82..=0x84));
        }
    }

    fn smb(&mut self, row: &Row) {
        let (commands, answers) = (row.numbers("smb.cmd"), row.flags("smb.flags.response"));
        match row.texts("smb.server_component").len() {
            0 => {}
            1 => {
                // The header's command, then those chained to it; 0xff ends the chain.
                for command in commands.into_iter().filter(|command| *command != 0xff) {
                    self.add(Id::Smb1, command, answers[0]);
                }
            }
            _ => self.misfit(row, "several headers of SMB1"),
        }
        let (commands, answers) = (row.numbers("smb2.cmd"), row.flags("smb2.flags.response"));
        if commands.len() != answers.len() {
            self.misfit(row, "commands and flags of SMB2");
        }
        for (command, is_answer) in commands.into_iter().zip(answers) {
            self.add(Id::Smb2, command, is_answer);
        }
        for _ in row.texts("smb2.header.transform.msg_size") {
            let is_answer = row.first("tcp.srcport") == Some(445);
            self.add(Id::Smb2, smb2::command::OPAQUE, is_answer);
        }
    }

    /// Tokens of NTLM and Kerberos, in whatever protocol, and the KDC's messages.
    fn tokens(&mut self, row: &Row) {
        for kind in row.numbers("ntlmssp.messagetype") {
            self.add(Id::Ntlmssp, kind, kind == 2);
        }
        let ports: Vec<u32> = ["tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"]
            .iter()
            .filter_map(|field| row.first(field))
            .collect();
        let is_kdc = ports.contains(&88);
        let kinds = row.numbers("kerberos.msg_type");
        for version in row.numbers("kpasswd.version") {
            self.add(Id::Kerberos, version, !kinds.contains(&14));
        }
        for kind in kinds {
            // Inside a request to the KDC an AP-REQ is pre-authentication or armour.
            if !(is_kdc && kind == 14) {
                self.add(Id::Kerberos, kind, matches!(kind, 11 | 13 | 15 | 17 | 30));
            }
        }
    }

    /// Packets of DCE/RPC: calls by interface and operation, others by their type.
    fn rpc(&mut self, row: &Row) {
        let stream = row.first("tcp.stream").unwrap_or_default();
        let pipe = row.texts("smb2.fid").first().map_or(String::new(), |fid| (*fid).to_owned());
        let mut items = row.numbers("dcerpc.cn_num_ctx_items").into_iter();
        let mut contexts = row.numbers("dcerpc.cn_ctx_id").into_iter();
        let mut offers = row.texts("dcerpc.cn_bind_to_uuid").into_iter();
        let mut numbers = row.numbers("dcerpc.opnum").into_iter();
        let mut missing = 0;
        for packet in row.numbers("dcerpc.pkt_type") {
            let code = u8::try_from(packet).unwrap_or(u8::MAX);
            let mut operation = packet;
            if matches!(code, kind::BIND | kind::ALTER_CONTEXT) {
                for _ in 0..items.next().unwrap_or(0) {
                    let offer = contexts.next().zip(offers.next());
                    let Some((context, offer)) = offer else {
                        missing += 1;
                        continue;
                    };
                    let uuid = u128::from_str_radix(&offer.replace('-', ""), 16).unwrap();
                    self.contexts.insert((stream, pipe.clone(), context), Uuid(uuid));
                }
            } else if matches!(code, kind::REQUEST | kind::RESPONSE | kind::FAULT) {
                let Some(context) = contexts.next() else {
                    missing += 1;
                    continue;
                };
                let uuid = self.contexts.get(&(stream, pipe.clone(), context));
                // Without their bind tshark tells no operations of answers.
                let is_numbered = uuid.is_some() || code == kind::REQUEST;
                let number = if is_numbered { numbers.next() } else { None };
                missing += usize::from(is_numbered && number.is_none());
                if code != kind::FAULT {
                    let service = uuid.and_then(|uuid| Service::of(*uuid));
                    let number = number.and_then(|number| u16::try_from(number).ok());
                    operation = service.map_or(UNKNOWN_INTERFACE, |s| s.code(number));
                }
            }
            self.add(Id::Dcerpc, operation, ANSWERS.contains(&code));
        }
        if missing > 0 || contexts.next().is_some() || numbers.next().is_some() {
            self.misfit(row, "packets, contexts and operations of DCE/RPC");
        }
    }

    fn directory(&mut self, row: &Row) {
        let id = if row.has("cldap") { Id::Cldap } else { Id::Ldap };
        let operations = row.numbers("ldap.protocolOp");
        let mut buffers = row.texts("ldap.sasl_buffer_length").len();
        if operations.is_empty() && buffers == 0 {
            // Where a bind ends without credentials from the server, as with NTLM, tshark does
            // not learn that buffers follow: it finds their ends, and shows nothing of them.
            buffers = row.texts("ldap").len();
        }
        for operation in operations {
            let is_answer = matches!(operation, 1 | 4 | 5 | 7 | 9 | 11 | 13 | 15 | 19 | 24 | 25);
            self.add(id, operation, is_answer);
        }
        (0..buffers).for_each(|_| self.add(id, ldap::SEALED, false));
    }

    fn rest(&mut self, row: &Row) {
        for code in row.numbers("radius.code") {
            self.add(Id::Radius, code, matches!(code, 2 | 3 | 5 | 11));
        }
        // Now and then ciphertext looks like a TPKT, without X.224 behind it.
        let packets = row.texts("cotp.type").len();
        if packets > 0 && row.texts("tpkt.version").len() != packets {
            self.misfit(row, "TPKT and X.224");
        }
        for kind in row.numbers("cotp.type") {
            self.add(Id::Rdp, kind << 4, kind == 0x0d);
        }
        self.tls(row);
        for method in row.texts("http.request.method") {
            let place = METHODS.iter().position(|known| *known == method);
            let operation = place.and_then(|place| u32::try_from(place + 1).ok());
            self.add(Id::Http, operation.unwrap_or(http::OTHER_METHOD), false);
        }
        for status in row.numbers("http.response.code") {
            self.add(Id::Http, status, true);
        }
        for _ in row.texts("http.chunk_size") {
            self.add(Id::Http, http::CHUNK, false);
        }
        for mode in row.numbers("ntp.flags.mode") {
            self.add(Id::Ntp, mode, matches!(mode, 2 | 4));
        }
        let answers = row.numbers("dhcp.type").into_iter().map(|operation| operation == 2);
        for (kind, is_answer) in row.numbers("dhcp.option.dhcp").into_iter().zip(answers) {
            self.add(Id::Dhcp, kind, is_answer);
        }
    }
}
