//! A client registers its address: RFC 2136, and signed with GSS-TSIG (RFC 3645, \[MS-GSSA\]).
//!
//! Zones of the directory take signed updates alone. Windows tries without first, is refused,
//! and agrees on a key over TCP.

use super::draw_id;
use super::exchange::{ANSWER, AUTHORITY, IN, PORT, REFUSED, Zone, exchange, put};
use crate::base::Timestamp;
use crate::proto::dns::types::{self, A, CNAME, SOA, TKEY};
use crate::proto::dns::{
    Data, Entry, NameBuf, Question, Section, Sheet, TKEY_MODE_GSS, Tkey, TkeyHead, Tsig, TsigHead,
    TsigTail,
};
use crate::proto::{Id, Kind, Outcome, Side, Transport};
use crate::synth::tickets::{Service, Who};
use crate::synth::{Close, Stage, Words};

/// Classes of what must be or become, RFC 2136 sections 2.4 and 2.5: none of it, all of it.
const NONE: u16 = 254;
const ANY: u16 = 255;
/// Flags of an update and its answer, RFC 2136 section 2.2.
const UPDATE: u16 = (types::OPCODE_UPDATE as u16) << 11;
const UPDATED: u16 = 0x8000 | UPDATE;
/// Answer and recursion available, as Windows' server answers an exchange of keys.
const KEYED: u16 = 0x8080;
/// Time to live of what clients register, in seconds: `RegistrationTtl`, Windows' default.
const TTL_SECONDS: u32 = 1_200;
/// Seconds for which Windows asks a key to be valid: a day.
const KEY_SECONDS: u32 = 86_400;
/// Seconds by which clocks may differ, as Windows writes them: ten hours.
const FUDGE_SECONDS: u16 = 36_000;
/// Bytes of a signature: a MIC token with AES, RFC 4121 sections 4.2.4 and 4.2.6.1.
const MAC_BYTES: usize = 28;

/// The names of one update.
struct Update {
    own: NameBuf,
    zone: NameBuf,
    address: std::net::Ipv4Addr,
    key: NameBuf,
    algorithm: NameBuf,
}

/// A client registers its name: refused unsigned, then signed.
pub fn update(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let Some(update) = Update::of(stage) else { return };
    let sheet = &mut Sheet::default();
    update.find_zone(stage, sheet);
    update.send(stage, sheet, false);
    // A ticket for the server, asked for where there is none yet.
    let ticket = stage.ticket(Who::Computer, Service::Dns);
    let flow = stage.to_dc(PORT);
    let mut tcp = stage.connect(flow);
    let id = draw_id(stage);
    let token = stage.spnego(&ticket);
    update.put_key(sheet, (id, 0), Section::Additional, (&token, stage.now()));
    let asked = stage.say(&mut tcp, Side::Client, |w| sheet.emit(Transport::Tcp, w));
    stage.told(Id::Dns, types::operation(types::OPCODE_QUERY, TKEY), false);
    let token = stage.spnego_answer();
    update.put_key(sheet, (id, KEYED), Section::Answer, (&token, stage.now()));
    update.sign(stage, sheet, id);
    stage.say(&mut tcp, Side::Server, |w| sheet.emit(Transport::Tcp, w));
    stage.told(Id::Dns, types::operation(types::OPCODE_QUERY, TKEY), true);
    stage.close(tcp, Close::Client);
    stage.did(&flow, asked, Kind::DnsLookup, Outcome::Success, || Words {
        target: Some(update.key.name().to_string()),
        detail: Some("TKEY".to_owned()),
        ..Words::default()
    });
    stage.accessed(&flow, asked, &ticket, Outcome::Success);
    update.send(stage, sheet, true);
}

impl Update {
    fn of(stage: &mut Stage<'_>) -> Option<Self> {
        let client = stage.item.client;
        // Windows makes names of keys from a counter, its uptime and a GUID.
        let drawn = stage.random.next_u64();
        let ([a, b, c, d, e, f, g, h], count) = (drawn.to_be_bytes(), 1 + stage.random.below(8));
        let guid = format!("{a:02x}{b:02x}{c:02x}{d:02x}-{e:02x}{f:02x}-11f0-{g:02x}{h:02x}");
        let uptime = stage.random.below(1 << 24);
        let key = format!("{count}-ms-7.{count}-{uptime:x}.{guid}-{drawn:012.12x}");
        Some(Self {
            own: NameBuf::from_text(&stage.cast.dns_name(client)).ok()?,
            zone: NameBuf::from_text(&stage.cast.forest.dns_name).ok()?,
            address: stage.cast.client(client).v4,
            key: NameBuf::from_text(&key).ok()?,
            algorithm: NameBuf::from_text("gss-tsig").ok()?,
        })
    }

    /// Asks where the own name belongs: the answer names the zone and its master.
    fn find_zone(&self, stage: &mut Stage<'_>, sheet: &mut Sheet) {
        let zone = Zone::of_domain(stage);
        let master = match stage.cast.dc_v4.address {
            std::net::IpAddr::V4(v4) => Some(v4),
            std::net::IpAddr::V6(_) => None,
        };
        exchange(stage, sheet, (&self.own, SOA), ANSWER | AUTHORITY, |sheet| {
            zone.put_soa(sheet, Section::Authority);
            if let Some(master) = master {
                put(sheet, Section::Additional, zone.server, TTL_SECONDS, Data::A(master));
            }
        });
    }

    /// The update and its answer, which repeats it.
    fn send(&self, stage: &mut Stage<'_>, sheet: &mut Sheet, is_signed: bool) {
        let mut flow = stage.to_dc(PORT);
        let id = draw_id(stage);
        let rcode = if is_signed { 0 } else { REFUSED };
        let operation = types::operation(types::OPCODE_UPDATE, 0);
        let mut first = None;
        for (side, flags) in [(Side::Client, UPDATE), (Side::Server, UPDATED | rcode)] {
            self.put_change(sheet, (id, flags));
            if is_signed {
                self.sign(stage, sheet, id);
            }
            let time = stage.datagram(&mut flow, side, |w| sheet.emit(Transport::Udp, w));
            first.get_or_insert(time);
            stage.told(Id::Dns, operation, side == Side::Server);
        }
        let outcome = Outcome::of(rcode.into(), types::rcode_name);
        let first = first.unwrap_or(stage.now());
        stage.did(&flow, first, Kind::DnsUpdate, outcome, || Words {
            target: Some(self.own.name().to_string()),
            detail: Some("A".to_owned()),
            ..Words::default()
        });
    }

    /// There must be no alias of that name; its addresses go, and the own one comes.
    fn put_change(&self, sheet: &mut Sheet, (id, flags): (u16, u16)) {
        sheet.begin(id, flags);
        sheet.question(&Question { name: self.zone.name(), kind: SOA, class: IN });
        let name = self.own.name();
        let nothing = |class, kind| {
            let data = Data::Other(kind, b"");
            Entry { name, class, ttl_seconds: 0, data }
        };
        sheet.record(Section::Answer, &nothing(NONE, CNAME));
        sheet.record(Section::Authority, &nothing(ANY, A));
        put(sheet, Section::Authority, &self.own, TTL_SECONDS, Data::A(self.address));
    }

    /// The exchange of keys, RFC 3645 section 3.1: asked for, or answered.
    fn put_key(
        &self,
        sheet: &mut Sheet,
        (id, flags): (u16, u16),
        section: Section,
        (token, now): (&[u8], Timestamp),
    ) {
        sheet.begin(id, flags);
        let name = self.key.name();
        sheet.question(&Question { name, kind: TKEY, class: ANY });
        let inception_seconds = seconds(now);
        let head = TkeyHead {
            inception_seconds,
            expiration_seconds: inception_seconds.wrapping_add(KEY_SECONDS),
            mode: TKEY_MODE_GSS,
            error: 0,
        };
        let algorithm = self.algorithm.name();
        let data = Data::Tkey(Tkey { algorithm, head, key: token, other: b"" });
        sheet.record(section, &Entry { name, class: ANY, ttl_seconds: 0, data });
    }

    /// Signs what is written, RFC 3645 section 3.2.
    fn sign(&self, stage: &mut Stage<'_>, sheet: &mut Sheet, id: u16) {
        let mut mac = [0; MAC_BYTES];
        stage.random.fill(&mut mac);
        let [a, b, c, d] = seconds(stage.now()).to_be_bytes();
        let head = TsigHead { signed_seconds: [0, 0, a, b, c, d], fudge_seconds: FUDGE_SECONDS };
        let tail = TsigTail { original_id: id, error: 0 };
        let algorithm = self.algorithm.name();
        let data = Data::Tsig(Tsig { algorithm, head, mac: &mac, tail, other: b"" });
        let entry = Entry { name: self.key.name(), class: ANY, ttl_seconds: 0, data };
        sheet.record(Section::Additional, &entry);
    }
}

/// Seconds since 1970, in 32 bits (RFC 2930 section 2.3).
fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.nanos() / 1_000_000_000).unwrap_or_default()
}
