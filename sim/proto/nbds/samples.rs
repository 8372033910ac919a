//! One datagram of each kind, made from RFC 1002 section 4.4, \[MS-BRWS\] section 2.2 and
//! \[MS-ADTS\] section 6.3.1 with names of our own.

use super::browser::{Announcement, Browser, Election, HOST_ANNOUNCEMENT};
use super::netlogon::Netlogon;
use super::{
    BROADCAST, BROWSE, Body, DIRECT_GROUP, Header, LOCAL_MASTER_ANNOUNCEMENT, Mailslot, Message,
    NETLOGON, Payload, SmbHead,
};
use crate::proto::nbns::NetBiosName;
use crate::proto::{Sample, Utf16};
use crate::wire::Writer;

/// All of them.
pub fn all() -> Vec<Sample> {
    let workstation = b"\x20FHFDDADHCACACACACACACACACACACAAA\x00";
    let domain = b"\x20EIEFFCEPEOCACACACACACACACACACABN\x00";
    // Data for the domain's master browser that are no transaction.
    let mut data = b"\x11\x0e\x81\x23\x0a\x14\x1e\x63\x00\x8a\x00\x49\x00\x05".to_vec();
    data.extend(workstation);
    data.extend(domain);
    data.extend(b"\xffSMB%");
    let error = b"\x13\x02\x81\x24\x0a\x14\x1e\x63\x00\x8a\x82".to_vec();
    let mut query = b"\x14\x02\x81\x25\x0a\x14\x1e\x63\x00\x8a".to_vec();
    query.extend(domain);
    let mut samples = vec![Sample::udp(data), Sample::udp(error), Sample::udp(query)];
    samples.extend(browsing().iter().map(|message| to_mailslot(DIRECT_GROUP, BROWSE, message)));
    samples.extend(searching().iter().map(|message| to_mailslot(BROADCAST, NETLOGON, message)));
    samples
}

/// What the browser says, one of each.
pub fn browsing() -> Vec<Vec<u8>> {
    let announcement = Announcement {
        update_count: 3,
        period_milliseconds: 720_000,
        name: *b"WS07\0rubbish\0\0\0\0",
        os_version: [10, 0],
        server_type: 0x0000_1003, // workstation, server, NT
        browser_version: [0x0f, 0x01],
        signature: 0xaa55,
    };
    let election =
        Election { version: 1, criteria: 0x2001_0f23, uptime_milliseconds: 86_400_000, unused: 0 };
    let messages = [
        Browser::Announcement(HOST_ANNOUNCEMENT, announcement, b"in the workshop"),
        Browser::Announcement(LOCAL_MASTER_ANNOUNCEMENT, announcement, b""),
        Browser::AnnouncementRequest(0, b"WS07"),
        Browser::Election(election, b"WS07"),
        Browser::BackupListRequest(4, 0x0102_0304),
        Browser::BackupListResponse(2, 0x0102_0304, b"DC1\0WS07\0"),
        Browser::BecomeBackup(b"WS07"),
        Browser::MasterAnnouncement(b"WS07"),
        Browser::ResetState(2),
    ];
    messages.iter().map(|message| emitted(|w| message.emit(w))).collect()
}

/// Who looks for a domain controller.
pub fn searching() -> Vec<Vec<u8>> {
    let (computer, user) = (utf16("WS07"), utf16("WS07$"));
    let messages = [
        Netlogon::PrimaryQuery {
            computer: b"WS07",
            mailslot: b"\\MAILSLOT\\NET\\GETDC512",
            rest: b"\x0b\x00\x00\x00\xff\xff\xff\xff",
        },
        Netlogon::SamLogonRequest {
            request_count: 1,
            computer: Utf16(&computer),
            user: Utf16(&user),
            mailslot: b"\\MAILSLOT\\NET\\GETDC513",
            rest: b"\x80\x00\x00\x00\x00\x00\x00\x00\x0b\x00\x00\x00\xff\xff\xff\xff",
        },
    ];
    messages.iter().map(|message| emitted(|w| message.emit(w))).collect()
}

fn to_mailslot(kind: u8, name: &[u8], data: &[u8]) -> Sample {
    let encoded = |name, suffix| {
        let name = NetBiosName::new(name, suffix).expect("short");
        name.encode("").expect("without scope")
    };
    let (source, destination) = (encoded("WS07", 0x00), encoded("HERON", 0x1d));
    let head = SmbHead {
        status: 0,
        flags: 0,
        flags2: 0,
        process_high: 0,
        signature: [0; 10],
        tree: 0,
        process_low: 0xfeff,
        user: 0,
        multiplex: 0x0102,
    };
    let message = Message {
        header: Header {
            kind,
            flags: 0x0e,
            id: 0x8126,
            source_address: [10, 20, 30, 99],
            source_port: 138,
        },
        body: Body::Data {
            packet_offset: 0,
            source: source.name(),
            destination: destination.name(),
            payload: Payload::Mailslot(Mailslot {
                head,
                timeout_milliseconds: 1_000,
                priority: 1,
                class: 2,
                name,
                data,
            }),
        },
    };
    Sample::udp(emitted(|w| message.emit(w).expect("shorter than 64 KiB")))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn emitted(emit: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit(&mut Writer::new(&mut bytes));
    bytes
}
