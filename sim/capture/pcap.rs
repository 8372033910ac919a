//! The libpcap savefile: one header, then records. pcap-savefile(5), draft-ietf-opsawg-pcap.

use super::reader::MAX_FRAME_BYTES;
use super::walk::{End, Order, Out, Step, position, u16_of, u32_of};
use crate::base::{LinkType, Record, Timestamp};

/// Bytes of the file header.
pub(super) const HEADER_BYTES: usize = 24;
/// Bytes of a record header.
const RECORD_HEADER_BYTES: usize = 16;
/// Bytes that A. Kuznetzov's patch of 1997 put behind the record header (interface index,
/// protocol, packet type, padding); Red Hat and SuSE shipped it.
const PATCHED_EXTRA_BYTES: usize = 8;
/// Magic of files with microseconds.
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Magic of files with nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Magic of Kuznetzov's patched libpcap: microseconds, longer record headers.
const MAGIC_PATCHED: u32 = 0xa1b2_cd34;
/// The only major version since 1992.
const VERSION_MAJOR: u16 = 2;
/// What tcpdump on DG/UX wrote as its major version; its lengths are swapped.
const VERSION_MAJOR_DG_UX: u16 = 543;
/// The last minor version that wrote original before captured length.
const VERSION_MINOR_SWAPPED: u16 = 2;
/// The minor version under which both orders exist.
const VERSION_MINOR_EITHER: u16 = 3;
/// Of the link-type field, the low half is the type; above it lie the class bits of NetBSD
/// and the length of a frame check sequence.
const LINK_MASK: u32 = 0x0000_ffff;

/// The order in which the two lengths of a record lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    /// Version 2.3: whichever is smaller was captured.
    Either,
}

/// The state of one savefile.
#[derive(Debug, Clone)]
pub(super) struct Pcap {
    pub order: Order,
    pub version: (u16, u16),
    pub link: LinkType,
    pub snap_length: u32,
    pub nanoseconds: bool,
    pub patched: bool,
    pub packets: u64,
    pub packets_cut: u64,
    lengths: Lengths,
    interface: u16,
}

/// The byte order, if `magic` begins a savefile.
pub(super) const fn order_of(magic: [u8; 4]) -> Option<Order> {
    const fn known(magic: u32) -> bool {
        matches!(magic, MAGIC_MICROSECONDS | MAGIC_NANOSECONDS | MAGIC_PATCHED)
    }
    if known(u32::from_le_bytes(magic)) {
        Some(Order::Little)
    } else if known(u32::from_be_bytes(magic)) {
        Some(Order::Big)
    } else {
        None
    }
}

impl Pcap {
    /// Reads the file header. `interface` is the number its records carry.
    ///
    /// # Errors
    /// A sentence about a version that has no known record layout.
    pub(super) fn new(header: &[u8; HEADER_BYTES], interface: u16) -> Result<Self, String> {
        let [m0, m1, m2, m3, ..] = *header;
        let order = order_of([m0, m1, m2, m3]).ok_or("the magic number is not that of pcap")?;
        match order {
            Order::Little => Self::of::<false>(header, order, interface),
            Order::Big => Self::of::<true>(header, order, interface),
        }
    }

    fn of<const BIG: bool>(
        header: &[u8; HEADER_BYTES],
        order: Order,
        interface: u16,
    ) -> Result<Self, String> {
        // Offsets 8 and 12 (time zone, accuracy) are zero in practice; libpcap ignores them.
        let [
            m0,
            m1,
            m2,
            m3,
            a0,
            a1,
            i0,
            i1,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            l0,
            l1,
            l2,
            l3,
        ] = *header;
        let magic = u32_of::<BIG>([m0, m1, m2, m3]);
        let version = (u16_of::<BIG>([a0, a1]), u16_of::<BIG>([i0, i1]));
        let lengths = match version {
            (VERSION_MAJOR_DG_UX, 0) | (VERSION_MAJOR, ..=VERSION_MINOR_SWAPPED) => {
                Lengths::OriginalFirst
            }
            (VERSION_MAJOR, VERSION_MINOR_EITHER) => Lengths::Either,
            (VERSION_MAJOR, _) => Lengths::CapturedFirst,
            (major, minor) => {
                return Err(format!(
                    "the header says version {major}.{minor}, known are 2.0 to 2.4; \
                     the header is damaged or the format is newer than this program"
                ));
            }
        };
        // The low 16 bits, in full width first: `LINK_MASK` is what makes the cast exact.
        let link = u32_of::<BIG>([l0, l1, l2, l3]) & LINK_MASK;
        Ok(Self {
            order,
            version,
            link: LinkType(u16::try_from(link).unwrap_or(u16::MAX)),
            snap_length: u32_of::<BIG>([s0, s1, s2, s3]),
            nanoseconds: magic == MAGIC_NANOSECONDS,
            patched: magic == MAGIC_PATCHED,
            packets: 0,
            packets_cut: 0,
            lengths,
            interface,
        })
    }

    /// Turns the whole records at the start of `bytes` into entries of `out`.
    pub(super) fn walk(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Step {
        let before = out.records.len();
        let step = match (self.order, self.patched || self.lengths != Lengths::CapturedFirst) {
            (Order::Little, false) => self.records::<false, false>(bytes, out),
            (Order::Big, false) => self.records::<true, false>(bytes, out),
            (Order::Little, true) => self.records::<false, true>(bytes, out),
            (Order::Big, true) => self.records::<true, true>(bytes, out),
        };
        self.packets += (out.records.len() - before) as u64;
        step
    }

    /// `OLD` stands for the rare variants, so that the usual loop does not ask for them.
    fn records<const BIG: bool, const OLD: bool>(
        &mut self,
        bytes: &[u8],
        out: &mut Out<'_>,
    ) -> Step {
        let fraction_nanos = if self.nanoseconds { 1 } else { 1_000 };
        let extra = if OLD && self.patched { PATCHED_EXTRA_BYTES } else { 0 };
        let mut rest = bytes;
        let end = loop {
            let Some((header, after)) = rest.split_first_chunk::<RECORD_HEADER_BYTES>() else {
                break End::More { needed: RECORD_HEADER_BYTES + extra, what: "record header" };
            };
            let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3] = *header;
            let mut captured = u32_of::<BIG>([c0, c1, c2, c3]);
            let mut original = u32_of::<BIG>([o0, o1, o2, o3]);
            if OLD && self.swapped(captured, original) {
                (captured, original) = (original, captured);
            }
            if captured > MAX_FRAME_BYTES {
                break End::Damage(format!(
                    "record says {captured} bytes, more than any frame has ({MAX_FRAME_BYTES})"
                ));
            }
            let body = if OLD { after.get(extra..).unwrap_or_default() } else { after };
            let Some(next) = body.get(captured as usize..).filter(|_| !OLD || extra <= after.len())
            else {
                let needed = RECORD_HEADER_BYTES + extra + captured as usize;
                break End::More { needed, what: "record" };
            };
            let seconds = i64::from(u32_of::<BIG>([s0, s1, s2, s3]));
            let fraction = i64::from(u32_of::<BIG>([f0, f1, f2, f3]));
            let time = Timestamp::from_parts(seconds, fraction * fraction_nanos);
            self.packets_cut += u64::from(captured < original);
            out.tally.timed(time.nanos());
            out.records.push(Record {
                time,
                offset: out.base + position(bytes.len() - body.len()),
                captured_length: captured,
                original_length: original.max(captured),
                link: self.link,
                interface: self.interface,
            });
            rest = next;
        };
        Step { consumed: bytes.len() - rest.len(), end }
    }

    /// Whether the first of the two lengths is the original one, as libpcap decides it.
    const fn swapped(&self, first: u32, second: u32) -> bool {
        match self.lengths {
            Lengths::CapturedFirst => false,
            Lengths::OriginalFirst => true,
            Lengths::Either => first > second,
        }
    }

    /// The format in words.
    pub(super) fn text(&self) -> String {
        let (major, minor) = self.version;
        let unit = if self.nanoseconds { "nanoseconds" } else { "microseconds" };
        let patched = if self.patched { ", patched record headers" } else { "" };
        format!("pcap {major}.{minor}, {unit}, {}{patched}", self.order.text())
    }
}
