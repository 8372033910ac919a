//! IPv4, IPv6 with extension headers, and the tunnels a mirror port uses.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::decode::{Layer, Peel, ports};
use super::{Address, Flag, Transport};

/// IP protocol numbers, <https://www.iana.org/assignments/protocol-numbers>.
pub const IP_TCP: u8 = 6;
/// User Datagram Protocol.
pub const IP_UDP: u8 = 17;
const IP_IPV4: u8 = 4;
const IP_IPV6: u8 = 41;
const IP_GRE: u8 = 47;
const IP_AUTH: u8 = 51;
/// IPv6 hop-by-hop, routing, destination, mobility, HIP, shim6: next header, length in units
/// of eight bytes beyond the first eight (RFC 8200 section 4.2, RFC 6564).
const IP6_EXTENSIONS: [u8; 6] = [0, 43, 60, 135, 139, 140];
const IP6_FRAGMENT: u8 = 44;
/// RFC 8200 section 4.7.
const IP6_NONE: u8 = 59;

/// Extension headers read in one packet; RFC 8200 section 4.1 names seven.
const EXTENSIONS_MAX: usize = 12;

/// VXLAN's port (RFC 7348 section 5) and the one Linux used before it was assigned.
#[inline]
pub const fn is_vxlan(destination_port: u16) -> bool {
    matches!(destination_port, 4789 | 8472)
}

/// IPv4 or IPv6 by the version nibble, which no link type can contradict.
pub(super) fn ip(state: &mut Peel<'_>) -> Layer {
    match state.rest().first().map(|byte| byte >> 4) {
        Some(4) => ipv4(state),
        Some(6) => ipv6(state),
        _ => Layer::End(true),
    }
}

/// Takes over the addresses of an IP header. Inside a tunnel the inner ones count.
fn adopt(state: &mut Peel<'_>, source: Address, destination: Address, v6: bool) {
    state.sender = state.mac.take();
    let packet = &mut state.packet;
    if packet.has(Flag::Ip) {
        packet.set(Flag::Tunnelled);
    }
    packet.set(Flag::Ip);
    packet.flags &= !(Flag::V6 as u16);
    if v6 {
        packet.set(Flag::V6);
    }
    packet.source = source;
    packet.destination = destination;
}

/// Cuts the packet to the length its header states and remembers the outermost length.
fn limit(state: &mut Peel<'_>, length: usize) {
    state.end = state.end.min(state.at.saturating_add(length));
    if state.network_length == 0 {
        state.network_length = u32::try_from(length).unwrap_or(u32::MAX);
    }
}

/// Bytes from here to the end of the frame as it was on the wire.
fn rest_on_wire(state: &Peel<'_>) -> usize {
    (state.packet.original_length as usize).saturating_sub(state.at)
}

/// RFC 791 section 3.1.
fn ipv4(state: &mut Peel<'_>) -> Layer {
    let Ok(header) = Ipv4HeaderSlice::from_slice(state.rest()) else {
        return Layer::End(true);
    };
    let header_length = header.slice().len();
    adopt(state, Address::v4(header.source()), Address::v4(header.destination()), false);
    // Segmentation offload writes 0 where the packet is larger than the field can say.
    let total_length = match usize::from(header.total_len()) {
        0 => rest_on_wire(state),
        length => length,
    };
    if total_length < header_length {
        return Layer::End(true);
    }
    limit(state, total_length);
    state.at += header_length;
    let protocol = header.protocol().0;
    if header.is_fragmenting_payload() {
        let offset = u32::from(header.fragments_offset().value()) * 8;
        return fragment(
            state,
            protocol,
            header.identification().into(),
            offset,
            header.more_fragments(),
        );
    }
    Layer::Transport(protocol)
}

/// RFC 8200 section 3.
fn ipv6(state: &mut Peel<'_>) -> Layer {
    let Ok(header) = Ipv6HeaderSlice::from_slice(state.rest()) else {
        return Layer::End(true);
    };
    let header_length = header.slice().len();
    adopt(state, Address::v6(header.source()), Address::v6(header.destination()), true);
    let next = header.next_header().0;
    let length = match usize::from(header.payload_length()) {
        // Offload again; or a jumbogram (RFC 2675), which no DC speaks.
        0 if next != IP6_NONE => rest_on_wire(state),
        length => header_length + length,
    };
    limit(state, length);
    state.at += header_length;
    extensions(state, next)
}

/// Steps over extension headers to the transport or a fragment.
fn extensions(state: &mut Peel<'_>, first: u8) -> Layer {
    let mut next = first;
    for _ in 0..EXTENSIONS_MAX {
        let Some(&[following, length]) = state.rest().first_chunk::<2>() else {
            return Layer::Transport(next);
        };
        if next == IP6_FRAGMENT {
            return fragment_header(state);
        }
        let step = match next {
            IP_AUTH => (usize::from(length) + 2) * 4, // RFC 4302 section 2.2
            kind if IP6_EXTENSIONS.contains(&kind) => (usize::from(length) + 1) * 8,
            _ => return Layer::Transport(next),
        };
        if state.rest().len() < step {
            return Layer::End(true);
        }
        state.at += step;
        next = following;
    }
    Layer::End(true)
}

/// RFC 8200 section 4.5.
fn fragment_header(state: &mut Peel<'_>) -> Layer {
    let Some(&[next, _, o0, o1, i0, i1, i2, i3]) = state.rest().first_chunk::<8>() else {
        return Layer::End(true);
    };
    state.at += 8;
    let field = u16::from_be_bytes([o0, o1]);
    let (offset, more) = (u32::from(field & 0xfff8), field & 1 != 0);
    if offset == 0 && !more {
        return extensions(state, next); // atomic fragment, RFC 6946
    }
    fragment(state, next, u32::from_be_bytes([i0, i1, i2, i3]), offset, more)
}

/// Notes a fragment for the reassembler; its ports are not known here.
fn fragment(state: &mut Peel<'_>, protocol: u8, id: u32, offset: u32, more: bool) -> Layer {
    let packet = &mut state.packet;
    packet.set(Flag::Fragment);
    if more {
        packet.set(Flag::MoreFragments);
    }
    packet.tcp_flags = protocol;
    packet.sequence = offset;
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of 32 bits")]
    let (high, low) = ((id >> 16) as u16, id as u16);
    packet.source_port = high;
    packet.destination_port = low;
    Layer::End(false)
}

/// TCP and UDP end the walk; tunnels go on inside. Extension headers come here behind IPv4
/// (authentication, RFC 4302) and in datagrams put together from fragments.
pub(super) fn transport(state: &mut Peel<'_>, number: u8) -> Layer {
    match number {
        IP_TCP => end_with_ports(state, Transport::Tcp),
        IP_UDP => end_with_ports(state, Transport::Udp),
        IP_IPV4 | IP_IPV6 => Layer::Ip,
        IP_GRE => gre(state),
        IP_AUTH => extensions(state, number),
        kind if IP6_EXTENSIONS.contains(&kind) && state.packet.has(Flag::V6) => {
            extensions(state, kind)
        }
        _ => Layer::End(false),
    }
}

fn end_with_ports(state: &mut Peel<'_>, transport: Transport) -> Layer {
    let rest = state.rest();
    let whole = ports(&mut state.packet, transport, rest);
    state.at += whole.unwrap_or(rest.len());
    if transport == Transport::Udp && is_vxlan(state.packet.destination_port) && whole.is_some() {
        return vxlan(state);
    }
    // A cut header is counted by its ports all the same, as analysers do.
    Layer::End(whole.is_none())
}

/// RFC 7348 section 5: eight bytes with the I flag set, then Ethernet.
fn vxlan(state: &mut Peel<'_>) -> Layer {
    const HEADER: usize = 8;
    const FLAG_VNI: u8 = 0x08;
    let rest = state.rest();
    let inside = rest.get(HEADER..).filter(|inner| carries_ip(inner));
    if rest.first().is_some_and(|flags| flags & FLAG_VNI != 0) && inside.is_some() {
        state.at += HEADER;
        return into_tunnel(state, Layer::Ethernet);
    }
    Layer::End(false) // some other use of the port
}

/// Does an Ethernet frame lead to IP, so that going inside loses nothing?
fn carries_ip(ethernet: &[u8]) -> bool {
    let ether_type = ethernet.get(12..14).and_then(<[u8]>::first_chunk::<2>);
    ether_type
        .is_some_and(|pair| matches!(u16::from_be_bytes(*pair), 0x0800 | 0x86dd | 0x8100 | 0x88a8))
}

/// Forgets the ports of the outer packet; its addresses are replaced by the next IP header.
fn into_tunnel(state: &mut Peel<'_>, layer: Layer) -> Layer {
    let packet = &mut state.packet;
    packet.transport = Transport::None;
    (packet.source_port, packet.destination_port) = (0, 0);
    layer
}

/// RFC 2784 and RFC 2890; version 1 carries PPP (RFC 2637 section 4.1). ERSPAN types I to III
/// are EtherTypes of it (draft-foschiano-erspan-03).
fn gre(state: &mut Peel<'_>) -> Layer {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGE: u16 = 0x0080;
    const VERSION: u16 = 0x0007;
    const TRANSPARENT_ETHERNET: u16 = 0x6558;
    const GRE_PPP: u16 = 0x880b;
    const ERSPAN: u16 = 0x88be;
    const ERSPAN_3: u16 = 0x22eb;
    let (Some(flags), Some(protocol)) = (state.be16(0), state.be16(2)) else {
        return Layer::End(true);
    };
    let has = |flag: u16| usize::from(flags & flag != 0) * 4;
    let mut length = 4 + has(CHECKSUM) + has(KEY) + has(SEQUENCE);
    if flags & VERSION == 1 {
        length += has(ACKNOWLEDGE);
    }
    state.at += length;
    match protocol {
        _ if flags & ROUTING != 0 => Layer::End(false), // deprecated, variable
        TRANSPARENT_ETHERNET => into_tunnel(state, Layer::Ethernet),
        // Type I has no header of its own and, telling it apart, no sequence number.
        ERSPAN if flags & SEQUENCE == 0 => into_tunnel(state, Layer::Ethernet),
        ERSPAN => skip_into(state, 8),
        ERSPAN_3 => {
            // O, the last bit of the twelve-byte header, announces eight more.
            let optional = state.rest().get(11).is_some_and(|byte| byte & 1 != 0);
            skip_into(state, if optional { 20 } else { 12 })
        }
        GRE_PPP => Layer::Ppp,
        other => Layer::EtherType(other),
    }
}

/// Steps over a tunnel header of `length` bytes to the Ethernet frame behind it.
fn skip_into(state: &mut Peel<'_>, length: usize) -> Layer {
    state.at += length;
    into_tunnel(state, Layer::Ethernet)
}
