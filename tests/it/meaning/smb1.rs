//! Facts of smb1.

use headroom::proto::smb1::{Pdu, Words, command};
use headroom::proto::{Context, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts, rows};

const NETBEUI: &str = "SMB over NetBEUI (LLC): there is no IP, no port and no flow";
const SEVEN_WORDS: &str = "the request has 7 words; [MS-CIFS] 2.2.4.53.1 defines 13 and 10, [MS-SMB] \
                           2.2.4.6.1 defines 12: where strings begin is not known, and tshark \
                           takes the second one for the account";
const NO_VALUE: &str = "tshark's fields leave out names of no characters";
const FUZZED: &str = "damaged on purpose: tshark looks for SMB in datagrams whose NetBIOS header \
                      contradicts it";

const fn row(
    file: &'static str,
    category: &'static str,
    value: &'static str,
    surplus: i64,
    why: &'static str,
) -> Explained {
    Explained { file, category, value, fault: Fault::Convention, surplus, why }
}

/// The capture of NetBEUI.
const WIN98: &str = "nDPI__dos_win98_smb_netbeui.pcap";
/// The capture of seven words.
const PLAIN: &str = "BruteShark__SMB_-_NTLM_cifs_SessionSetupAndX_NTLM_Plain.pcapng";

/// Of the trees of a frame tshark also lists the one it follows, and the truth takes the first.
const FIRST_TREE: &str = "tshark lists the tree that is already connected before the one that is \
                          asked for, and the truth takes the first of the frame";

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[
    row(WIN98, "command", "*", -76, NETBEUI),
    row(WIN98, "chained", "*", -2, NETBEUI),
    row(WIN98, "dialect", "*", -5, NETBEUI),
    row(WIN98, "file", "*", -2, NETBEUI),
    row(WIN98, "session", "*", -1, NETBEUI),
    row(WIN98, "tree", "*", -1, NETBEUI),
    Explained { fault: Fault::Theirs, ..row(PLAIN, "session", "Unix|?", -1, SEVEN_WORDS) },
    Explained { fault: Fault::Theirs, ..row(PLAIN, "native os", "MU", -1, SEVEN_WORDS) },
    row("dc-netbios.pcap", "tree", "*", 0, FIRST_TREE),
    row("dc-smb.pcapng", "tree", "*", 0, FIRST_TREE),
    row("*", "session", "|", 2, NO_VALUE),
    row("*", "native os", "", 2, NO_VALUE),
    row("nDPI__fuzz-2006-06-26-2594.pcap", "command", "*", -2, FUZZED),
];

/// tshark's names, as the truth has them, where they are not those of the specification.
const NAMES: [(u8, &str); 7] = [
    (command::CREATE_DIRECTORY, "MKDIR"),
    (command::DELETE_DIRECTORY, "0x1"),
    (command::QUERY_INFORMATION, "QUERY_INFO"),
    (command::QUERY_INFORMATION_DISK, "QUERY_INFO_DISK"),
    (command::SEARCH, "0x81"),
    (command::FIND, "0x82"),
    (command::FIND_CLOSE, "0x84"),
];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, _tally: &Tally, facts: &mut Facts) {
    let Message::Smb1(pdu) = message else { return };
    let code = pdu.command;
    let named = NAMES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name);
    let name = named.or_else(|| command::name(code.into()));
    let name = name.map_or(format!("{code:#x}"), str::to_owned);
    let direction = if pdu.header.is_response() { "response" } else { "request" };
    let category = if pdu.is_chained { "chained" } else { "command" };
    facts.add(category, format!("{name}|{direction}"), 1);
    names(pdu, facts);
}

fn names(pdu: &Pdu<'_>, facts: &mut Facts) {
    if let Some(path) = pdu.tree_path() {
        facts.add("tree", path, 1);
    }
    if matches!(
        pdu.words,
        Words::NtCreateRequest(_) | Words::OpenAndxRequest(_) | Words::OpenRequest(_)
    ) && let Some(name) = pdu.file_name()
    {
        facts.add("file", name, 1);
    }
    pdu.dialects().for_each(|dialect| facts.add("dialect", dialect, 1));
    let Some(session) = pdu.session() else { return };
    if let Some(os) = session.native_os {
        facts.add("native os", os, 1);
    }
    let Some(account) = session.account else { return };
    let domain = session.primary_domain.map(|domain| domain.to_string()).unwrap_or_default();
    facts.add("session", format!("{domain}|{account}"), 1);
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (value, count) in rows(truth, "/smb1/commands", &["cmd", "dir"]) {
        facts.add("command", value, count);
    }
    for (value, count) in rows(truth, "/smb1/andx_chained", &["cmd", "dir"]) {
        facts.add("chained", value, count);
    }
    for (value, count) in rows(truth, "/smb1/tree_connect_paths", &["path"]) {
        facts.add("tree", value, count);
    }
    for (value, count) in rows(truth, "/smb1/open_files", &["name"]) {
        facts.add("file", value, count);
    }
    for (value, count) in rows(truth, "/smb1/session_setup", &["primary_domain", "account"]) {
        facts.add("session", value, count);
    }
    for (value, count) in counts(truth, "/smb1/native_os") {
        facts.add("native os", value, count);
    }
    for (value, count) in counts(truth, "/smb1/offered_dialects") {
        facts.add("dialect", value, count);
    }
}
