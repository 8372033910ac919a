//! Announcements of the browser service, to everybody in the subnet: \[MS-BRWS\] section 2.2.

use super::{is_near, to_everybody};
use crate::proto::nbds::{
    Announcement, BROWSE, Body, Browser, DIRECT_GROUP, DOMAIN_ANNOUNCEMENT, Election,
    HOST_ANNOUNCEMENT, Header, LOCAL_MASTER_ANNOUNCEMENT, Mailslot, Message, Payload, SmbHead,
};
use crate::proto::nbns::NetBiosName;
use crate::proto::smb1::command::TRANSACTION;
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::activity::dns::draw_id;
use crate::synth::{Stage, Words};
use crate::wire::Writer;

/// Port of the datagram service, RFC 1002 section 4.4.
const PORT: u16 = 138;
/// Flags of a datagram: first, and from a mixed node, as Windows' hybrid ones say (RFC 1002
/// section 4.4.1).
const FLAGS: u8 = 0x0a;
/// What all hosts of a domain that keep a list are called, \[MS-BRWS\] section 2.1.1.1.
const MASTERS: &str = "\u{1}\u{2}__MSBROWSE__\u{2}";
/// What a name means, \[MS-BRWS\] section 2.1.1.1: workstation, server, the master of the
/// subnet, those who elect it, those who announce domains.
const WORKSTATION: u8 = 0x00;
const MASTER: u8 = 0x1d;
const ELECTORS: u8 = 0x1e;
const DOMAINS: u8 = 0x01;

/// Shares of elections, announcements of the domain and of its master; the others are hosts'. A
/// host announces itself every 12 minutes, a master itself and its domain every 15, elections are
/// rare (\[MS-BRWS\] sections 3.1.6 and 3.3.6). Assumed for some ten hosts to a subnet.
const ELECTION_SHARE: f64 = 0.02;
const DOMAIN_SHARE: f64 = 0.06;
const MASTER_SHARE: f64 = 0.06;

/// Milliseconds until the next announcement: of hosts, \[MS-BRWS\] section 3.1.6, and of masters.
const HOST_PERIOD_MS: u32 = 720_000;
const MASTER_PERIOD_MS: u32 = 900_000;
/// Bits of \[MS-BRWS\] section 2.2.1: workstation, server, NT, potential browser; master browser;
/// domain enumeration.
const HOST: u32 = 0x1 | 0x2 | 0x1000 | 0x1_0000;
const IS_MASTER: u32 = 0x4_0000;
const IS_DOMAIN: u32 = 0x8000_0000;
/// Windows 10 and its servers.
const OS_VERSION: [u8; 2] = [10, 0];
/// Version of the protocol, \[MS-BRWS\] section 2.2.1: 15.1 as its minor and major part.
const BROWSER_VERSION: [u8; 2] = [15, 1];
/// \[MS-BRWS\] section 2.2.1.
const SIGNATURE: u16 = 0xaa55;
/// \[MS-BRWS\] section 2.2.3: version of elections, and criteria of an NT workstation with that
/// version of the protocol.
const ELECTION_VERSION: u8 = 1;
const CRITERIA: u32 = 0x1001_0f03;
/// Timeout and class of mailslots as Windows writes them.
const TIMEOUT_MS: u32 = 1_000;
const WITHOUT_PROMISE: u16 = 2;
/// What the operations of browser messages are counted above: \[MS-BRWS\] commands.
const BROWSER_OPERATION: u32 = 0x1_0000;

/// A client announces itself to the browser service; now and then the domain, or an election.
pub fn browser(stage: &mut Stage<'_>) {
    if !is_near(stage) {
        return;
    }
    let host = stage.cast.host_name(stage.item.client).to_uppercase();
    let domain = stage.cast.forest.netbios_name.clone();
    let drawn = stage.random.unit();
    let announcement = |name: &str, period_milliseconds, server_type| Announcement {
        update_count: 0,
        period_milliseconds,
        name: padded(name),
        os_version: OS_VERSION,
        server_type,
        browser_version: BROWSER_VERSION,
        signature: SIGNATURE,
    };
    let is = |share: f64| drawn < share;
    if is(ELECTION_SHARE) {
        let uptime_milliseconds = stage.random.below(864_000_000);
        let (version, criteria) = (ELECTION_VERSION, CRITERIA);
        let election = Election { version, criteria, uptime_milliseconds, unused: 0 };
        let message = Browser::Election(election, host.as_bytes());
        return announce(stage, &host, (&domain, ELECTORS), &message, None);
    }
    if is(ELECTION_SHARE + DOMAIN_SHARE) {
        let said = announcement(&domain, MASTER_PERIOD_MS, IS_DOMAIN | 0x1000);
        let message = Browser::Announcement(DOMAIN_ANNOUNCEMENT, said, host.as_bytes());
        let told = Some((&*domain, "DomainAnnouncement"));
        return announce(stage, &host, (MASTERS, DOMAINS), &message, told);
    }
    if is(ELECTION_SHARE + DOMAIN_SHARE + MASTER_SHARE) {
        let said = announcement(&host, MASTER_PERIOD_MS, HOST | IS_MASTER);
        let message = Browser::Announcement(LOCAL_MASTER_ANNOUNCEMENT, said, b"");
        let told = Some((&*host, "LocalMasterAnnouncement"));
        return announce(stage, &host, (&domain, ELECTORS), &message, told);
    }
    let said = announcement(&host, HOST_PERIOD_MS, HOST);
    let message = Browser::Announcement(HOST_ANNOUNCEMENT, said, b"");
    let told = Some((&*host, "HostAnnouncement"));
    announce(stage, &host, (&domain, MASTER), &message, told);
}

/// Sends a message to all who have the name `to`; `told` is who says what of itself.
fn announce(
    stage: &mut Stage<'_>,
    host: &str,
    to: (&str, u8),
    message: &Browser<'_>,
    told: Option<(&str, &str)>,
) {
    let source = NetBiosName::new(host, WORKSTATION).and_then(|name| name.encode(""));
    let destination = NetBiosName::new(to.0, to.1).and_then(|name| name.encode(""));
    let (Ok(source), Ok(destination)) = (source, destination) else { return };
    let mut data = Vec::new();
    message.emit(&mut Writer::new(&mut data));
    let mut flow = to_everybody(stage, PORT);
    let header = Header {
        kind: DIRECT_GROUP,
        flags: FLAGS,
        id: draw_id(stage),
        source_address: stage.cast.client(stage.item.client).v4.octets(),
        source_port: PORT,
    };
    let mailslot = Mailslot {
        head: SMB_HEAD,
        timeout_milliseconds: TIMEOUT_MS,
        priority: 1,
        class: WITHOUT_PROMISE,
        name: BROWSE,
        data: &data,
    };
    let body = Body::Data {
        packet_offset: 0,
        source: source.name(),
        destination: destination.name(),
        payload: Payload::Mailslot(mailslot),
    };
    let message_time =
        stage.datagram(&mut flow, Side::Client, |w| Message { header, body }.emit(w));
    stage.told(Id::Nbds, BROWSER_OPERATION | u32::from(message.command()), false);
    stage.told(Id::Smb1, TRANSACTION.into(), false);
    let Some((name, detail)) = told else { return };
    stage.did(&flow, message_time, Kind::LocalNameQuery, Outcome::Unknown, || Words {
        target: Some(name.to_owned()),
        detail: Some(detail.to_owned()),
        ..Words::default()
    });
}

/// A transaction without a session, as mailslots have it.
const SMB_HEAD: SmbHead = SmbHead {
    status: 0,
    flags: 0,
    flags2: 0,
    process_high: 0,
    signature: [0; 10],
    tree: 0,
    process_low: 0,
    user: 0,
    multiplex: 0,
};

/// A name filled up with zeros; what is longer than names are allowed to be is cut.
fn padded(name: &str) -> [u8; 16] {
    let mut padded = [0; 16];
    padded.iter_mut().zip(name.bytes().take(15)).for_each(|(to, byte)| *to = byte);
    padded
}
