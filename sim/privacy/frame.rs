//! Headers of a frame: kept but for addresses and what may hide in options; where the payload of
//! TCP or UDP lies. What is no known header stays blank.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::Pseudonyms;
use super::checksum::{Fix, Pseudo};
use super::control;
use super::sheet::Sheet;
use crate::base::LinkType;
use crate::proto::Transport;

/// Layers looked at in one frame; real mirror traffic has about six.
const LAYERS_MAX: usize = 16;
/// IPv6 extension headers; RFC 8200 section 4.1 names seven.
const EXTENSIONS_MAX: usize = 12;

/// Link types, <https://www.tcpdump.org/linktypes.html>.
const ETHERNET: u16 = 1;
const PPP: u16 = 9;
const LINUX_SLL: u16 = 113;
const LINUX_SLL2: u16 = 276;
const LOOPBACK: [u16; 2] = [0, 108];
const RAW: [u16; 5] = [12, 14, 101, 228, 229];
const PPP_HDLC: u16 = 50;
const PPP_ETHER: u16 = 51;

/// EtherTypes, RFC 9542.
const TYPE_IP: [usize; 2] = [0x0800, 0x86dd];
const TYPE_ARP: usize = 0x0806;
const TYPE_VLAN: [usize; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];
const TYPE_VNTAG: usize = 0x8926;
const TYPE_PPPOE: usize = 0x8864;
const TYPE_MIN: usize = 0x0600;

/// IP protocol numbers.
const TCP: usize = 6;
const UDP: usize = 17;
const GRE: usize = 47;
const ICMP: usize = 1;
const IGMP: usize = 2;
const ICMP_V6: usize = 58;
const AUTHENTICATION: usize = 51;
const FRAGMENT: usize = 44;
const ROUTING: usize = 43;
const IP_IN_IP: [usize; 2] = [4, 41];

/// Ports of VXLAN: RFC 7348 section 5, and the one Linux used before it was assigned.
const VXLAN: [u16; 2] = [4789, 8472];

/// What TCP or UDP carries in a frame.
#[derive(Debug)]
pub(super) struct Segment {
    pub transport: Transport,
    pub source: (IpAddr, u16),
    pub destination: (IpAddr, u16),
    /// TCP only.
    pub sequence: u32,
    /// TCP only: it opens a direction.
    pub is_syn: bool,
    pub payload: Range<usize>,
}

/// A part of a datagram, RFC 791 section 3.2 and RFC 8200 section 4.5.
#[derive(Debug)]
pub(super) struct Fragment {
    /// Whose datagram it is, and which.
    pub key: ((IpAddr, IpAddr), u32),
    /// Where its data belong in the datagram.
    pub offset: usize,
    pub is_last: bool,
    pub data: Range<usize>,
}

/// What was found above the headers.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub segment: Option<Segment>,
    /// Part of a UDP datagram; the segment is then that of the first part only.
    pub fragment: Option<Fragment>,
}

/// What the next layer is.
enum Layer {
    Ethernet,
    Type(usize),
    Ip,
    Ppp,
    Transport(usize),
    End,
}

/// A frame while its layers are rewritten.
pub(super) struct Peel<'a, 'b> {
    pub sheet: &'a mut Sheet<'b>,
    pub names: &'a mut Pseudonyms,
    pub fixes: &'a mut Vec<Fix>,
    /// Offset of the next layer.
    pub at: usize,
    /// Where the packet ends as its headers say; may lie behind the captured bytes.
    pub end: usize,
    /// Only a part of the datagram is here, so that nothing can be said of its checksum.
    is_fragment: bool,
    addresses: Option<(IpAddr, IpAddr)>,
    /// Where the addresses of the last IP header lie.
    pub pseudo: Pseudo,
    found: Found,
}

/// Rewrites the headers of a frame; the payload above them stays blank.
pub(super) fn headers(
    sheet: &mut Sheet<'_>,
    link: LinkType,
    wire_length: u32,
    names: &mut Pseudonyms,
    fixes: &mut Vec<Fix>,
) -> Found {
    let end = usize::try_from(wire_length).unwrap_or(usize::MAX).max(sheet.len());
    let mut peel = Peel {
        sheet,
        names,
        fixes,
        at: 0,
        end,
        is_fragment: false,
        addresses: None,
        pseudo: Pseudo::None,
        found: Found::default(),
    };
    let mut layer = peel.first(link);
    for _ in 0..LAYERS_MAX {
        layer = match layer {
            Layer::Ethernet => peel.ethernet(),
            Layer::Type(number) => peel.ether_type(number),
            Layer::Ip => peel.ip(),
            Layer::Ppp => peel.ppp(),
            Layer::Transport(number) => peel.transport(number),
            Layer::End => break,
        };
    }
    peel.found
}

impl Peel<'_, '_> {
    fn first(&mut self, link: LinkType) -> Layer {
        match link.0 {
            ETHERNET => Layer::Ethernet,
            number if RAW.contains(&number) => Layer::Ip,
            number if LOOPBACK.contains(&number) => {
                self.keep(4);
                Layer::Ip
            }
            LINUX_SLL => self.cooked(6, 14, 16),
            LINUX_SLL2 => self.cooked(12, 0, 20),
            PPP | PPP_HDLC => self.framed_ppp(),
            PPP_ETHER => self.pppoe(),
            _ => Layer::End,
        }
    }

    /// Keeps the next `length` bytes and steps over them.
    fn keep(&mut self, length: usize) {
        self.sheet.keep(self.at..self.at + length);
        self.at += length;
    }

    /// The EtherType at the next place, kept and stepped over.
    fn next_type(&mut self) -> Layer {
        let next = self.sheet.be16(self.at);
        self.keep(2);
        next.map_or(Layer::End, Layer::Type)
    }

    fn ethernet(&mut self) -> Layer {
        self.sheet.mac(self.at, self.names);
        self.sheet.mac(self.at + 6, self.names);
        self.at += 12;
        self.next_type()
    }

    /// Linux cooked capture: a hardware address of up to eight bytes and an EtherType.
    fn cooked(&mut self, address_at: usize, type_at: usize, length: usize) -> Layer {
        let next = self.sheet.be16(type_at);
        self.sheet.keep(0..length);
        self.sheet.blank(address_at..address_at + 8);
        self.sheet.mac(address_at, self.names);
        self.at = length;
        if type_at >= address_at + 8 {
            self.sheet.keep(type_at..type_at + 2);
        }
        next.map_or(Layer::End, Layer::Type)
    }

    fn ether_type(&mut self, number: usize) -> Layer {
        match number {
            number if TYPE_IP.contains(&number) => Layer::Ip,
            TYPE_ARP => self.arp(),
            TYPE_PPPOE => self.pppoe(),
            TYPE_VNTAG => {
                self.keep(4);
                self.next_type()
            }
            number if TYPE_VLAN.contains(&number) => {
                self.keep(2);
                self.next_type()
            }
            length if length < TYPE_MIN => self.llc(),
            _ => Layer::End,
        }
    }

    /// RFC 826.
    fn arp(&mut self) -> Layer {
        let at = self.at;
        self.keep(8);
        if self.sheet.get(at + 4..at + 6) == Some(&[6, 4]) {
            for party in [at + 8, at + 18] {
                self.sheet.mac(party, self.names);
                self.sheet.v4(party + 6, self.names);
            }
        }
        Layer::End
    }

    /// IEEE 802.2; only the SNAP form (RFC 1042) can carry IP.
    fn llc(&mut self) -> Layer {
        const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
        let is_snap = self.sheet.array::<6>(self.at) == Some(SNAP);
        self.keep(if is_snap { SNAP.len() } else { 3 });
        if is_snap { self.next_type() } else { Layer::End }
    }

    fn pppoe(&mut self) -> Layer {
        let length = self.sheet.be16(self.at + 4).unwrap_or(0);
        self.keep(6);
        self.end = self.end.min(self.at + length);
        Layer::Ppp
    }

    /// PPP or Cisco's HDLC.
    fn framed_ppp(&mut self) -> Layer {
        match self.sheet.byte(self.at) {
            Some(0x0f | 0x8f) => {
                self.keep(2);
                self.next_type()
            }
            Some(0xff) => {
                self.keep(2);
                Layer::Ppp
            }
            _ => Layer::Ppp,
        }
    }

    fn ppp(&mut self) -> Layer {
        let Some(first) = self.sheet.byte(self.at) else { return Layer::End };
        let is_short = first & 1 != 0;
        let number = if is_short { Some(first) } else { self.sheet.be16(self.at) };
        self.keep(if is_short { 1 } else { 2 });
        if matches!(number, Some(0x21 | 0x57)) { Layer::Ip } else { Layer::End }
    }

    fn ip(&mut self) -> Layer {
        match self.sheet.byte(self.at).map(|first| first >> 4) {
            Some(4) => self.ipv4(),
            Some(6) => self.ipv6(),
            _ => Layer::End,
        }
    }

    /// RFC 791 section 3.1.
    fn ipv4(&mut self) -> Layer {
        let start = self.at;
        let Some((length, protocol)) = header_v4(self.sheet, start, self.names) else {
            return Layer::End;
        };
        self.fixes.push(Fix::new(start..start + length, start + 10, Pseudo::None));
        let total = self.sheet.be16(start + 2).unwrap_or(0);
        if total >= length {
            self.end = self.end.min(start + total); // 0: offload
        }
        self.at += length;
        let of = |at| self.sheet.array(at).map(|octets: [u8; 4]| Ipv4Addr::from(octets).into());
        self.addresses = of(start + 12).zip(of(start + 16));
        self.pseudo = Pseudo::V4(start + 12);
        let fragment = self.sheet.be16(start + 6).unwrap_or(0);
        self.is_fragment = fragment & 0x3fff != 0;
        if self.is_fragment {
            let id = self.sheet.be16(start + 4).unwrap_or(0);
            let (offset, is_last) = ((fragment & 0x1fff) * 8, fragment & 0x2000 == 0);
            self.fragment(protocol, id, offset, is_last);
        }
        // Only the first fragment begins with a header.
        if fragment & 0x1fff == 0 { Layer::Transport(protocol) } else { Layer::End }
    }

    /// RFC 8200 sections 3 and 4.
    fn ipv6(&mut self) -> Layer {
        let start = self.at;
        let (Some(length), Some(mut next)) =
            (self.sheet.be16(start + 4), self.sheet.byte(start + 6))
        else {
            return Layer::End;
        };
        header_v6(self.sheet, start, self.names);
        self.at += 40;
        if length > 0 {
            self.end = self.end.min(self.at + length);
        }
        let of = |at| self.sheet.array(at).map(|octets: [u8; 16]| Ipv6Addr::from(octets).into());
        self.addresses = of(start + 8).zip(of(start + 24));
        self.pseudo = Pseudo::V6(start + 8);
        self.is_fragment = false;
        for _ in 0..EXTENSIONS_MAX {
            let Some(following) = self.sheet.byte(self.at) else { return Layer::End };
            let units = self.sheet.byte(self.at + 1).unwrap_or(0);
            let size = match next {
                0 | 60 | 135 | 139 | 140 | ROUTING => (units + 1) * 8,
                FRAGMENT => 8,
                AUTHENTICATION => (units + 2) * 4,
                other => return Layer::Transport(other),
            };
            // Options of one unit cannot hold an address; of longer ones zeros remain, which
            // are padding.
            let kept = match next {
                AUTHENTICATION => 12,
                _ if size == 8 => 8,
                ROUTING => 8,
                _ => 2,
            };
            self.sheet.keep(self.at..self.at + kept);
            if next == ROUTING {
                (self.at + 8..self.at + size)
                    .step_by(16)
                    .for_each(|at| self.sheet.v6(at, self.names));
            }
            let offset = self.sheet.be16(self.at + 2).unwrap_or(0);
            self.at += size;
            if next == FRAGMENT && offset & 0xfff9 != 0 {
                self.is_fragment = true;
                let id = self.sheet.array(self.at - 4).map_or(0, u32::from_be_bytes);
                let id = usize::try_from(id).unwrap_or(0);
                self.fragment(following, id, offset & 0xfff8, offset & 1 == 0);
                if offset & 0xfff8 != 0 {
                    return Layer::End;
                }
            }
            next = following;
        }
        Layer::End
    }

    /// Notes that the rest of the packet is a part of a datagram.
    fn fragment(&mut self, protocol: usize, id: usize, offset: usize, is_last: bool) {
        let data = self.sheet.clip(self.at..self.end);
        let is_whole = self.end == data.end;
        let (Some(addresses), Ok(id)) = (self.addresses, u32::try_from(id)) else { return };
        if protocol == UDP && is_whole {
            let key = (addresses, id);
            self.found.fragment = Some(Fragment { key, offset, is_last, data });
        }
    }

    fn transport(&mut self, number: usize) -> Layer {
        match number {
            TCP => self.tcp(),
            UDP => self.udp(),
            ICMP | ICMP_V6 | IGMP => {
                let with_addresses = number == ICMP_V6;
                self.checksum(self.at + 2, self.end, number, with_addresses);
                control::message(self, number == ICMP_V6, number == IGMP);
                Layer::End
            }
            GRE => self.gre(),
            number if IP_IN_IP.contains(&number) => Layer::Ip,
            _ => Layer::End,
        }
    }

    /// Notes the checksum at `field` of what lies between here and `end`.
    fn checksum(&mut self, field: usize, end: usize, protocol: usize, with_addresses: bool) {
        let pseudo = if with_addresses { self.pseudo } else { Pseudo::None };
        let mut fix = Fix::new(self.at..end, field, pseudo);
        fix.protocol = u8::try_from(protocol).unwrap_or(0);
        fix.is_partly_here = self.is_fragment;
        self.fixes.push(fix);
    }

    fn ports(&self) -> Option<(u16, u16)> {
        let [a, b, c, d] = self.sheet.array(self.at)?;
        Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }

    fn tcp(&mut self) -> Layer {
        let start = self.at;
        self.checksum(start + 16, self.end, TCP, true);
        self.sheet.keep(start..start + 20);
        let (Some(offset), Some(flags)) =
            (self.sheet.byte(start + 12), self.sheet.byte(start + 13))
        else {
            return Layer::End;
        };
        let length = (offset >> 4) * 4;
        if length < 20 {
            return Layer::End;
        }
        options(self.sheet, start + 20..start + length);
        if let (Some((from, to)), Some((source, destination))) = (self.addresses, self.ports()) {
            let sequence = self.sheet.array(start + 4).map_or(0, u32::from_be_bytes);
            self.found.segment = Some(Segment {
                transport: Transport::Tcp,
                source: (from, source),
                destination: (to, destination),
                sequence,
                is_syn: flags & 0x02 != 0,
                payload: self.sheet.clip(start + length..self.end),
            });
        }
        Layer::End
    }

    fn udp(&mut self) -> Layer {
        let start = self.at;
        let length = self.sheet.be16(start + 4).unwrap_or(0);
        let end = if length >= 8 { self.end.min(start + length) } else { self.end };
        self.checksum(start + 6, end, UDP, true);
        self.keep(8);
        let (Some((from, to)), Some((source, destination))) =
            (self.addresses, ports_at(self.sheet, start))
        else {
            return Layer::End;
        };
        if VXLAN.contains(&destination) && self.sheet.byte(self.at).is_some_and(|b| b & 8 != 0) {
            self.keep(8);
            return Layer::Ethernet;
        }
        self.found.segment = Some(Segment {
            transport: Transport::Udp,
            source: (from, source),
            destination: (to, destination),
            sequence: 0,
            is_syn: false,
            payload: self.sheet.clip(self.at..end),
        });
        Layer::End
    }

    /// RFC 2784, RFC 2890, RFC 2637; ERSPAN (draft-foschiano-erspan-03). A checksum over the
    /// payload, which nobody uses, is blank.
    fn gre(&mut self) -> Layer {
        let (Some(flags), Some(protocol)) =
            (self.sheet.be16(self.at), self.sheet.be16(self.at + 2))
        else {
            return Layer::End;
        };
        let has = |flag| if flags & flag != 0 { 4 } else { 0 };
        self.keep(4);
        self.at += has(0x8000);
        self.keep(has(0x2000) + has(0x1000) + if flags & 7 == 1 { has(0x0080) } else { 0 });
        match protocol {
            _ if flags & 0x4000 != 0 => Layer::End,
            0x6558 => Layer::Ethernet,
            0x88be if flags & 0x1000 == 0 => Layer::Ethernet,
            0x88be => {
                self.keep(8);
                Layer::Ethernet
            }
            0x22eb => {
                let optional = self.sheet.byte(self.at + 11).is_some_and(|byte| byte & 1 != 0);
                self.keep(if optional { 20 } else { 12 });
                Layer::Ethernet
            }
            0x880b => Layer::Ppp,
            other => Layer::Type(other),
        }
    }
}

fn ports_at(sheet: &Sheet<'_>, at: usize) -> Option<(u16, u16)> {
    let [a, b, c, d] = sheet.array(at)?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// Rewrites an IPv4 header; its length and protocol.
pub(super) fn header_v4(
    sheet: &mut Sheet<'_>,
    at: usize,
    names: &mut Pseudonyms,
) -> Option<(usize, usize)> {
    const ROUTER_ALERT: usize = 148;
    let length = (sheet.byte(at)? & 15) * 4;
    let protocol = sheet.byte(at + 9)?;
    if length < 20 {
        return None;
    }
    sheet.keep(at..at + 12);
    sheet.v4(at + 12, names);
    sheet.v4(at + 16, names);
    // Options may record routes: their data stay blank.
    let mut option = at + 20;
    while option < at + length {
        match (sheet.byte(option)?, sheet.byte(option + 1)) {
            (0, _) => break,
            (1, _) => {
                sheet.keep(option..option + 1);
                option += 1;
            }
            (kind, Some(size)) if size >= 2 => {
                sheet.keep(option..option + if kind == ROUTER_ALERT { 4 } else { 2 });
                option += size;
            }
            _ => break,
        }
    }
    Some((length, protocol))
}

/// Rewrites an IPv6 header without its extensions.
pub(super) fn header_v6(sheet: &mut Sheet<'_>, at: usize, names: &mut Pseudonyms) {
    sheet.keep(at..at + 8);
    sheet.v6(at + 8, names);
    sheet.v6(at + 24, names);
}

/// TCP options, RFC 9293 section 3.2: those whose meaning is known stay whole (sizes, scale,
/// acknowledgements, times), others keep kind and length.
fn options(sheet: &mut Sheet<'_>, range: Range<usize>) {
    const KNOWN: [usize; 5] = [2, 3, 4, 5, 8];
    let mut at = range.start;
    while at < range.end {
        match (sheet.byte(at), sheet.byte(at + 1)) {
            (Some(0) | None, _) => return,
            (Some(1), _) => {
                sheet.keep(at..at + 1);
                at += 1;
            }
            (Some(kind), Some(size)) if size >= 2 => {
                let kept = if KNOWN.contains(&kind) { size } else { 2 };
                sheet.keep(at..(at + kept).min(range.end));
                at += size;
            }
            _ => return,
        }
    }
}
