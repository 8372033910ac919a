//! tshark as a child process: a capture in, the wanted fields of each frame out.

use std::path::Path;
use std::process::Command;

/// Fields that are asked for.
const FIELDS: &[&str] = &[
    "frame.number",
    "frame.protocols",
    "_ws.malformed",
    "_ws.expert.severity",
    "_ws.expert.message",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "dns.flags.response",
    "dns.flags.opcode",
    "dns.qry.type",
    "dns.resp.type",
    "nbns.flags.response",
    "nbns.flags.opcode",
    "nbns.type",
    "nbdgm.type",
    "browser.command",
    "smb_netlogon.command",
    "nbss.type",
    "smb.server_component",
    "smb.cmd",
    "smb.flags.response",
    "smb2.cmd",
    "smb2.flags.response",
    "smb2.fid",
    "smb2.header.transform.msg_size",
    "ntlmssp.messagetype",
    "dcerpc.pkt_type",
    "dcerpc.cn_num_ctx_items",
    "dcerpc.cn_ctx_id",
    "dcerpc.cn_bind_to_uuid",
    "dcerpc.opnum",
    "kerberos.msg_type",
    "kpasswd.version",
    "ldap",
    "ldap.protocolOp",
    "ldap.sasl_buffer_length",
    "radius.code",
    "tpkt.version",
    "cotp.type",
    "tls.record.content_type",
    "tls.record.opaque_type",
    "tls.handshake.type",
    "http.request.method",
    "http.response.code",
    "http.chunk_size",
    "ntp.flags.mode",
    "dhcp.type",
    "dhcp.option.dhcp",
];

/// Between values of one field: a character that no value has.
const BETWEEN: char = '\u{1f}';

/// One frame in tshark's eyes.
#[derive(Debug)]
pub struct Row(Vec<String>);

impl Row {
    /// The values of a field, in order.
    pub fn texts(&self, field: &str) -> Vec<&str> {
        let at = FIELDS.iter().position(|known| *known == field);
        let cell = &self.0[at.unwrap_or_else(|| panic!("{field} is not asked for"))];
        if cell.is_empty() { Vec::new() } else { cell.split(BETWEEN).collect() }
    }

    /// The values of a numeric field, in order.
    pub fn numbers(&self, field: &str) -> Vec<u32> {
        let texts = self.texts(field).into_iter();
        texts.map(|text| number(text).unwrap_or_else(|| panic!("{field}: {text:?}"))).collect()
    }

    /// The first value of a numeric field.
    pub fn first(&self, field: &str) -> Option<u32> {
        self.numbers(field).first().copied()
    }

    /// The values of a flag.
    pub fn flags(&self, field: &str) -> Vec<bool> {
        self.texts(field).iter().map(|text| matches!(*text, "1" | "True")).collect()
    }

    /// Whether a protocol is in the frame.
    pub fn has(&self, protocol: &str) -> bool {
        let protocols = self.texts("frame.protocols");
        protocols.iter().any(|all| all.split(':').any(|one| one == protocol))
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// First line of its version; `None` where it is not installed.
pub fn version() -> Option<String> {
    let output = Command::new("tshark").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}

/// Reads a capture with checksums validated and the preferences of nobody, and with `extra`
/// arguments.
pub fn read(capture: &Path, extra: &[&str]) -> Vec<Row> {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("tshark");
    command.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path()).env("TZ", "UTC");
    command.arg("-n").arg("-r").arg(capture);
    for preference in [
        "ip.check_checksum:TRUE",
        "tcp.check_checksum:TRUE",
        "udp.check_checksum:TRUE",
        "tcp.reassemble_out_of_order:TRUE",
    ] {
        command.args(["-o", preference]);
    }
    command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]);
    command.arg("-E").arg(format!("aggregator={BETWEEN}")).args(extra);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark: {errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    let rows = text.lines().map(|line| {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        assert_eq!(cells.len(), FIELDS.len(), "{line:?}");
        Row(cells)
    });
    rows.collect()
}
