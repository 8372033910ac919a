//! One question on the wire, and its answer: over UDP or TCP, of a client or of the server
//! itself.

use std::sync::LazyLock;

use super::draw_id;
use crate::base::Timestamp;
use crate::proto::dns::types::{self, TypeName};
use crate::proto::dns::{Data, Entry, NameBuf, Question, Section, Sheet, SoaTimes};
use crate::proto::{Id, Kind, Outcome, Side, Transport};
use crate::synth::cast::Way;
use crate::synth::{Close, Flow, Peer, Stage, Words};

/// Port of DNS, RFC 1035 section 4.2.
pub const PORT: u16 = 53;
/// Class of the Internet, RFC 1035 section 3.2.4.
pub const IN: u16 = 1;
/// Recursion desired, RFC 1035 section 4.1.1.
pub const QUERY: u16 = 0x0100;
/// Answer, recursion desired and available; response codes are added.
pub const ANSWER: u16 = 0x8180;
/// Bit of an answer out of a zone of the server's own, RFC 1035 section 4.1.1.
pub const AUTHORITY: u16 = 0x0400;
/// Bit of an answer that did not fit, RFC 1035 section 4.1.1.
pub const TRUNCATED: u16 = 0x0200;
/// Response codes, RFC 1035 section 4.1.1.
pub const SERVFAIL: u16 = 2;
/// There is no such name.
pub const NXDOMAIN: u16 = 3;
/// The server does not want to.
pub const REFUSED: u16 = 5;
/// Bits of the response code.
const RCODE: u16 = 0x000f;
/// Longest message over UDP without EDNS, RFC 1035 section 4.2.1.
pub const UDP_MAX: usize = 512;

/// Size of datagrams that Windows' server takes: `MaximumUdpPacketSize`, \[MS-DNSP\] section
/// 3.1.1.1.1. It asks others with EDNS (`EnableEDnsProbes` there); Windows' clients do not.
const SERVER_UDP_MAX: u16 = 4_000;
/// DNSSEC wanted, RFC 3225 section 3, in the place of an OPT record's time to live.
const DNSSEC_OK: u32 = 0x8000;

/// Zones of the directory, as Windows makes them: refresh, retry, expire, minimum in seconds, the
/// last also being the time to live of their SOA records.
const ZONE_TIMES: [u32; 4] = [900, 600, 86_400, 3_600];

/// The root of all names.
static ROOT: LazyLock<NameBuf> =
    LazyLock::new(|| NameBuf::from_text("").expect("the root is a name"));

/// A question, asked or about to be.
pub struct Asked<'n> {
    /// Between whom.
    pub flow: Flow,
    name: &'n NameBuf,
    kind: u16,
    id: u16,
    /// When it was asked first.
    first: Option<Timestamp>,
    is_server: bool,
}

impl<'n> Asked<'n> {
    /// A question of this client to the domain controller.
    pub fn by_client(stage: &mut Stage<'_>, name: &'n NameBuf, kind: u16) -> Self {
        let flow = stage.to_dc(PORT);
        Self { flow, name, kind, id: draw_id(stage), first: None, is_server: false }
    }

    /// A question of the domain controller to a forwarder, `round_trip_ns` away.
    pub fn by_server(
        stage: &mut Stage<'_>,
        forwarder: Peer,
        round_trip_ns: i64,
        name: &'n NameBuf,
        kind: u16,
    ) -> Self {
        let way = stage.cast.way_outside(&forwarder);
        let flow = stage.from_dc(forwarder, PORT, Way { round_trip_ns, ..way });
        Self { flow, name, kind, id: draw_id(stage), first: None, is_server: true }
    }

    /// Asks, over UDP; also again.
    pub fn ask(&mut self, stage: &mut Stage<'_>, sheet: &mut Sheet) {
        self.begin(sheet, QUERY);
        let time = stage.datagram(&mut self.flow, Side::Client, |w| sheet.emit(Transport::Udp, w));
        self.first.get_or_insert(time);
        stage.told(Id::Dns, u32::from(self.kind), false);
    }

    /// Answers, over UDP, with what `fill` adds.
    pub fn answer(
        self,
        stage: &mut Stage<'_>,
        sheet: &mut Sheet,
        flags: u16,
        fill: impl FnOnce(&mut Sheet),
    ) {
        self.begin(sheet, flags);
        fill(sheet);
        if self.is_server {
            opt(sheet);
        }
        self.send_answer(stage, sheet, flags);
    }

    /// Sends the answer that was written.
    fn send_answer(mut self, stage: &mut Stage<'_>, sheet: &Sheet, flags: u16) {
        stage.datagram(&mut self.flow, Side::Server, |w| sheet.emit(Transport::Udp, w));
        stage.told(Id::Dns, u32::from(self.kind), true);
        self.conclude(stage, outcome(flags));
    }

    /// Tells what became of it.
    pub fn conclude(self, stage: &mut Stage<'_>, outcome: Outcome) {
        let is_watched = types::WATCHED.contains(&self.kind);
        let kind = if is_watched { Kind::DnsQuery } else { Kind::DnsLookup };
        let time = self.first.unwrap_or(stage.now());
        stage.did(&self.flow, time, kind, outcome, || Words {
            target: Some(self.name.name().to_string()),
            detail: Some(TypeName(self.kind).to_string()),
            ..Words::default()
        });
    }

    /// Asks and answers over TCP instead; the client closes.
    pub fn over_tcp(
        mut self,
        stage: &mut Stage<'_>,
        sheet: &mut Sheet,
        flags: u16,
        fill: impl FnOnce(&mut Sheet),
    ) {
        let mut tcp = stage.connect(self.flow);
        self.begin(sheet, QUERY);
        let time = stage.say(&mut tcp, Side::Client, |w| sheet.emit(Transport::Tcp, w));
        self.first = Some(time);
        stage.told(Id::Dns, u32::from(self.kind), false);
        self.begin(sheet, flags);
        fill(sheet);
        stage.say(&mut tcp, Side::Server, |w| sheet.emit(Transport::Tcp, w));
        stage.told(Id::Dns, u32::from(self.kind), true);
        stage.close(tcp, Close::Client);
        self.conclude(stage, outcome(flags));
    }

    fn begin(&self, sheet: &mut Sheet, flags: u16) {
        sheet.begin(self.id, flags);
        let (name, kind) = (self.name.name(), self.kind);
        sheet.question(&Question { name, kind, class: IN });
        if self.is_server && flags == QUERY {
            opt(sheet);
        }
    }
}

/// Asks the domain controller over UDP and has it answered; where the answer does not fit, once
/// more over TCP.
pub fn exchange(
    stage: &mut Stage<'_>,
    sheet: &mut Sheet,
    (name, kind): (&NameBuf, u16),
    flags: u16,
    fill: impl Fn(&mut Sheet),
) {
    let mut asked = Asked::by_client(stage, name, kind);
    asked.ask(stage, sheet);
    finish(asked, stage, sheet, flags, fill);
}

/// Answers a client over UDP; where the answer does not fit, it asks again over TCP.
pub fn finish(
    asked: Asked<'_>,
    stage: &mut Stage<'_>,
    sheet: &mut Sheet,
    flags: u16,
    fill: impl Fn(&mut Sheet),
) {
    asked.begin(sheet, flags);
    fill(sheet);
    if sheet.length() <= UDP_MAX {
        return asked.send_answer(stage, sheet, flags);
    }
    let (name, kind) = (asked.name, asked.kind);
    asked.answer(stage, sheet, flags | TRUNCATED, |_| {});
    let asked = Asked::by_client(stage, name, kind);
    asked.over_tcp(stage, sheet, flags, fill);
}

/// Adds an answer.
pub fn put(sheet: &mut Sheet, section: Section, name: &NameBuf, ttl_seconds: u32, data: Data<'_>) {
    sheet.record(section, &Entry { name: name.name(), class: IN, ttl_seconds, data });
}

/// A zone, for the answers that there is nothing.
#[derive(Debug, Clone, Copy)]
pub struct Zone<'a> {
    name: &'a NameBuf,
    /// Its server.
    pub server: &'a NameBuf,
    mailbox: &'a NameBuf,
    serial: u32,
}

impl<'a> Zone<'a> {
    /// The domain's zone in the directory.
    pub fn of_domain(stage: &Stage<'a>) -> Self {
        let [domain, ..] = stage.cast.zone_names();
        Self::of_directory(stage, domain)
    }

    /// The zone of that name in the directory, of which every server is master: it names itself.
    pub fn of_directory(stage: &Stage<'a>, name: &'a NameBuf) -> Self {
        let [_, server, mailbox] = stage.cast.zone_names();
        // Counts changes. One a minute, assumed: it grows and is the same for all who ask.
        let minutes = stage.now().nanos() / 60_000_000_000;
        let serial = u32::try_from(minutes).unwrap_or_default();
        Self { name, server, mailbox, serial }
    }

    /// Adds its SOA record.
    pub fn put_soa(&self, sheet: &mut Sheet, section: Section) {
        let [refresh_seconds, retry_seconds, expire_seconds, minimum_seconds] = ZONE_TIMES;
        let serial = self.serial;
        let times =
            SoaTimes { serial, refresh_seconds, retry_seconds, expire_seconds, minimum_seconds };
        let data = Data::Soa(self.server.name(), self.mailbox.name(), times);
        put(sheet, section, self.name, minimum_seconds, data);
    }
}

fn opt(sheet: &mut Sheet) {
    let (name, data) = (ROOT.name(), Data::Opt(b""));
    let entry = Entry { name, class: SERVER_UDP_MAX, ttl_seconds: DNSSEC_OK, data };
    sheet.record(Section::Additional, &entry);
}

fn outcome(flags: u16) -> Outcome {
    Outcome::of(u32::from(flags & RCODE), types::rcode_name)
}
