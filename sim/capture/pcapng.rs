//! pcapng: sections of blocks. Section numbers below are those of draft-ietf-opsawg-pcapng.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::link::link_name;
use super::reader::{MAX_BLOCK_BYTES, MAX_FRAME_BYTES};
use super::walk::{End, Order, Out, Step, position, u16_of, u32_of};
use crate::base::{LinkType, Record, Timestamp};
use crate::record::{Interface, Synthesis};

/// Section header, a palindrome: the same in both byte orders (4.1).
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// Written in the section's byte order (4.1).
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Interface description (4.2).
const INTERFACE_DESCRIPTION: u32 = 1;
/// Packet block, obsolete (appendix A).
const PACKET: u32 = 2;
/// Simple packet block (4.4): no interface number, no time.
const SIMPLE_PACKET: u32 = 3;
/// Interface statistics (4.6).
const INTERFACE_STATISTICS: u32 = 5;
/// Enhanced packet block (4.3).
const ENHANCED_PACKET: u32 = 6;
/// Type and length in front, length again behind (3.1).
const MIN_BLOCK_BYTES: u32 = 12;
/// The same plus byte-order magic, version, section length (4.1).
const MIN_SECTION_BYTES: u32 = 28;
/// Block type, length and byte-order magic: what tells a section's byte order.
const SECTION_START_BYTES: usize = 12;
/// The major version this layout belongs to (4.1).
const VERSION_MAJOR: u16 = 1;
/// A comment of a section header begins with this where its frames were synthesized; a
/// [`Synthesis`] follows as JSON. Ours.
pub(super) const SYNTHESIS_MARK: &str = "headroom synthesis: ";
/// Behind the format's name where that cannot be read, e.g. of a later version.
pub const SYNTHESIS_UNREAD: &str = ", synthesized in a way that cannot be read";
/// That a file says it is synthesized.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// And how.
    Known(Box<Synthesis>),
    /// In a way that cannot be read.
    Unread,
}

/// Where options begin in a section header (4.1).
const SECTION_OPTIONS_AT: usize = 24;
/// Interfaces one file may describe. Their numbers in a record have 16 bits; rotated files
/// put together bring one description each.
const MAX_INTERFACES: usize = 65_536;
/// Bytes of an interface's name or description that are kept; both are shown to people.
const MAX_NAME_BYTES: usize = 256;
/// "No count" in the obsolete packet block (appendix A).
const DROPS_UNKNOWN: u16 = 0xffff;

/// Options (3.5, 4.2, 4.3, 4.6).
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const IF_NAME: u16 = 2;
    pub(super) const IF_DESCRIPTION: u16 = 3;
    pub(super) const IF_TSRESOL: u16 = 9;
    pub(super) const IF_TSOFFSET: u16 = 14;
    pub(super) const EPB_DROPCOUNT: u16 = 4;
    pub(super) const ISB_IFDROP: u16 = 5;
    pub(super) const ISB_OSDROP: u16 = 7;
}

/// Gives out interface numbers over all files of a set, in the order of their appearance.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers(Arc<AtomicU32>);

impl Numbers {
    /// The next number; stays at the highest one when there are more.
    pub(super) fn next(&self) -> u16 {
        u16::try_from(self.0.fetch_add(1, Ordering::Relaxed)).unwrap_or(u16::MAX)
    }
}

/// How an interface counts time (`if_tsresol`).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    /// One tick is this many nanoseconds.
    Multiply(u64),
    /// This many ticks are a nanosecond.
    Divide(u64),
    /// 2 to the power of this many ticks are a second.
    Shift(u32),
}

impl Scale {
    /// From the option's byte: the high bit chooses between powers of 2 and of 10 (4.2).
    fn of(resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        match resolution {
            0x80.. => Self::Shift(exponent),
            0..=9 => Self::Multiply(10_u64.pow(9 - exponent)),
            // Beyond 10^-28 s no 64 bits of ticks reach a nanosecond.
            _ => Self::Divide(10_u64.checked_pow(exponent - 9).unwrap_or(u64::MAX)),
        }
    }

    /// Nanoseconds of `ticks`, at most `i64::MAX`.
    #[inline]
    fn nanos(self, ticks: u64) -> i64 {
        let nanos = match self {
            Self::Multiply(factor) => ticks.saturating_mul(factor),
            Self::Divide(divisor) => ticks / divisor,
            Self::Shift(bits) => {
                let nanos = (u128::from(ticks) * 1_000_000_000) >> bits;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }

    /// Nanoseconds per tick, for people.
    fn tick_nanos(self) -> f64 {
        match self {
            Self::Multiply(factor) => factor as f64,
            Self::Divide(divisor) => 1.0 / divisor as f64,
            Self::Shift(bits) => 1e9 / 2_f64.powi(bits.cast_signed()),
        }
    }
}

/// One interface and what was counted on it.
#[derive(Debug, Clone)]
struct Source {
    link: LinkType,
    snap_length: u32,
    scale: Scale,
    offset_nanos: i64,
    number: u16,
    packets: u64,
    packets_cut: u64,
    /// Sum of the counts in packets; used where no statistics block tells.
    drops_in_packets: Option<u64>,
    name: Option<String>,
    description: Option<String>,
    dropped_by_interface: Option<u64>,
    dropped_by_os: Option<u64>,
}

/// The state of one file.
#[derive(Debug, Clone)]
pub(super) struct Pcapng {
    pub sections: u32,
    pub skipped_blocks: u64,
    /// What the first section that is synthesized says of itself, behind [`SYNTHESIS_MARK`].
    synthesis: Option<Box<str>>,
    order: Order,
    version: (u16, u16),
    orders_differ: bool,
    sources: Vec<Source>,
    /// Index of the current section's first interface: their numbers start anew (4.2).
    section_start: usize,
    numbers: Numbers,
    /// Records at the front of this batch that wait for the first time in the file.
    waiting: usize,
}

/// Why the loop over one section stopped.
enum Stop {
    Section,
    End(End),
}

impl Pcapng {
    pub(super) const fn new(numbers: Numbers) -> Self {
        Self {
            sections: 0,
            skipped_blocks: 0,
            synthesis: None,
            order: Order::Little,
            version: (VERSION_MAJOR, 0),
            orders_differ: false,
            sources: Vec::new(),
            section_start: 0,
            numbers,
            waiting: 0,
        }
    }

    /// Turns the whole blocks at the start of `bytes` into entries of `out`.
    pub(super) fn walk(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Step {
        if out.records.is_empty() {
            self.waiting = 0;
        }
        let mut consumed = 0;
        loop {
            let rest = bytes.get(consumed..).unwrap_or_default();
            if self.sections == 0 || rest.starts_with(&SECTION_HEADER.to_be_bytes()) {
                match self.section(rest) {
                    Ok(length) => consumed += length,
                    Err(end) => return Step { consumed, end },
                }
                continue;
            }
            let (length, stop) = match self.order {
                Order::Little => self.blocks::<false>(bytes, consumed, out),
                Order::Big => self.blocks::<true>(bytes, consumed, out),
            };
            consumed += length;
            if let Stop::End(end) = stop {
                return Step { consumed, end };
            }
        }
    }

    /// Reads the section header at the start of `bytes`; its length, or why not.
    fn section(&mut self, bytes: &[u8]) -> Result<usize, End> {
        const WHAT: &str = "section header";
        let more = |needed| End::More { needed, what: WHAT };
        let start = bytes.first_chunk::<SECTION_START_BYTES>();
        let [t0, t1, t2, t3, l0, l1, l2, l3, m0, m1, m2, m3] =
            *start.ok_or(more(SECTION_START_BYTES))?;
        if u32::from_be_bytes([t0, t1, t2, t3]) != SECTION_HEADER {
            return Err(End::Damage("the file does not begin with a section header".to_owned()));
        }
        let magic = [m0, m1, m2, m3];
        let order = if u32::from_le_bytes(magic) == BYTE_ORDER_MAGIC {
            Order::Little
        } else if u32::from_be_bytes(magic) == BYTE_ORDER_MAGIC {
            Order::Big
        } else {
            let magic = u32::from_be_bytes(magic);
            return Err(End::Damage(format!(
                "section header has byte-order magic {magic:08x}, expected 1a2b3c4d or 4d3c2b1a"
            )));
        };
        let length = [l0, l1, l2, l3];
        let (length, big) = match order {
            Order::Little => (u32::from_le_bytes(length), false),
            Order::Big => (u32::from_be_bytes(length), true),
        };
        check_length(length, WHAT)?;
        if !(MIN_SECTION_BYTES..=MAX_BLOCK_BYTES).contains(&length) {
            return Err(End::Damage(format!("section header says it has {length} bytes")));
        }
        let length = length as usize;
        let block = bytes.get(..length).ok_or(more(length))?;
        let [a0, a1, i0, i1] = at::<4>(block, SECTION_START_BYTES);
        self.version = match (order, check_trailer(block)?) {
            (Order::Little, ()) => (u16_of::<false>([a0, a1]), u16_of::<false>([i0, i1])),
            (Order::Big, ()) => (u16_of::<true>([a0, a1]), u16_of::<true>([i0, i1])),
        };
        if self.version.0 != VERSION_MAJOR {
            let (major, minor) = self.version;
            return Err(End::Damage(format!(
                "section header says version {major}.{minor}, known is 1; the header is \
                 damaged or the format is newer than this program"
            )));
        }
        self.orders_differ |= self.sections > 0 && big != (self.order == Order::Big);
        self.order = order;
        self.sections = self.sections.saturating_add(1);
        let options = block.get(SECTION_OPTIONS_AT..length - 4).unwrap_or_default();
        match order {
            Order::Little => self.section_options::<false>(options),
            Order::Big => self.section_options::<true>(options),
        }
        self.section_start = self.sources.len();
        Ok(length)
    }

    /// Keeps the comment that says how the frames were synthesized. Other options, and damaged
    /// ones, change nothing that is counted.
    fn section_options<const BIG: bool>(&mut self, options: &[u8]) {
        let _ = each_option::<BIG>(options, |code, value| {
            let text = std::str::from_utf8(value).ok().filter(|_| code == option::COMMENT);
            if let Some(text) = text.and_then(|text| text.strip_prefix(SYNTHESIS_MARK)) {
                self.synthesis.get_or_insert_with(|| text.into());
            }
        });
    }

    /// Whether the file says that its frames are synthesized.
    pub(super) const fn claims_synthesis(&self) -> bool {
        self.synthesis.is_some()
    }

    /// What the file says of being synthesized.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.claims_synthesis().then(|| self.synthesis().map_or(Mark::Unread, Mark::Known))
    }

    /// How the frames were synthesized, where the file says so in words we know.
    pub(super) fn synthesis(&self) -> Option<Box<Synthesis>> {
        let made: Box<Synthesis> = serde_json::from_str(self.synthesis.as_deref()?).ok()?;
        // A factor below 1 would say that the rates are certain, or less than that.
        (made.uncertainty_factor.is_finite() && made.uncertainty_factor >= 1.0).then_some(made)
    }

    /// Walks the blocks of one section from index `start`; bytes done with, and why it ended.
    fn blocks<const BIG: bool>(
        &mut self,
        bytes: &[u8],
        start: usize,
        out: &mut Out<'_>,
    ) -> (usize, Stop) {
        let whole = bytes.get(start..).unwrap_or_default();
        let mut rest = whole;
        let stop = loop {
            let Some((head, after)) = rest.split_first_chunk::<8>() else {
                break Stop::End(End::More { needed: 8, what: "block header" });
            };
            let [t0, t1, t2, t3, l0, l1, l2, l3] = *head;
            let kind = u32_of::<BIG>([t0, t1, t2, t3]);
            if kind == SECTION_HEADER {
                break Stop::Section;
            }
            let length = u32_of::<BIG>([l0, l1, l2, l3]);
            if let Err(end) = check_length(length, "block") {
                break Stop::End(end);
            }
            if length > MAX_BLOCK_BYTES {
                break Stop::End(self.oversized(kind, length));
            }
            let Some((tail, next)) = after.split_at_checked(length as usize - 8) else {
                break Stop::End(End::More { needed: length as usize, what: "block" });
            };
            let Some((body, trailer)) = tail.split_last_chunk::<4>() else {
                break Stop::End(End::Damage(trailer_text(length, 0)));
            };
            if trailer != &[l0, l1, l2, l3] {
                let trailer = u32_of::<BIG>(*trailer);
                break Stop::End(End::Damage(trailer_text(length, trailer)));
            }
            let index = bytes.len() - after.len();
            if let Err(damage) = self.block::<BIG>(kind, body, index, out) {
                break Stop::End(End::Damage(damage));
            }
            rest = next;
        };
        (whole.len() - rest.len(), stop)
    }

    /// One block's body, which begins at `index` of the walked bytes.
    #[inline]
    fn block<const BIG: bool>(
        &mut self,
        kind: u32,
        body: &[u8],
        index: usize,
        out: &mut Out<'_>,
    ) -> Result<(), String> {
        match kind {
            ENHANCED_PACKET | PACKET => self.packet::<BIG>(kind == PACKET, body, index, out),
            SIMPLE_PACKET => self.simple_packet::<BIG>(body, index, out),
            INTERFACE_DESCRIPTION => self.interface::<BIG>(body),
            INTERFACE_STATISTICS => {
                self.statistics::<BIG>(body);
                Ok(())
            }
            _ => {
                self.skipped_blocks += 1;
                Ok(())
            }
        }
    }

    /// A block too long to be buffered: stepped over, unless it says that it holds a packet.
    fn oversized(&mut self, kind: u32, length: u32) -> End {
        match kind {
            ENHANCED_PACKET | PACKET | SIMPLE_PACKET | INTERFACE_DESCRIPTION => {
                End::Damage(format!(
                    "block of type {kind} says {length} bytes, more than any has \
                     ({MAX_BLOCK_BYTES})"
                ))
            }
            _ => {
                self.skipped_blocks += 1;
                End::Skip { bytes: u64::from(length), what: "block" }
            }
        }
    }

    /// Enhanced packet block (4.3) and the obsolete packet block, which differ in the first
    /// four bytes.
    #[inline]
    fn packet<const BIG: bool>(
        &mut self,
        obsolete: bool,
        body: &[u8],
        index: usize,
        out: &mut Out<'_>,
    ) -> Result<(), String> {
        const FIXED: usize = 20;
        let Some((fixed, data)) = body.split_first_chunk::<FIXED>() else {
            return Err(format!("packet block has {} bytes, needs {FIXED}", body.len()));
        };
        let [i0, i1, i2, i3, h0, h1, h2, h3, t0, t1, t2, t3, c0, c1, c2, c3, o0, o1, o2, o3] =
            *fixed;
        let (interface, drops) = if obsolete {
            (u32::from(u16_of::<BIG>([i0, i1])), u16_of::<BIG>([i2, i3]))
        } else {
            (u32_of::<BIG>([i0, i1, i2, i3]), DROPS_UNKNOWN)
        };
        let captured = u32_of::<BIG>([c0, c1, c2, c3]);
        let original = u32_of::<BIG>([o0, o1, o2, o3]);
        if captured as usize > data.len() || captured > MAX_FRAME_BYTES {
            return Err(format!(
                "packet says {captured} bytes, its block has room for {}, the largest frame \
                 has {MAX_FRAME_BYTES}",
                data.len()
            ));
        }
        let count = self.sources.len() - self.section_start;
        let place = self.section_start.saturating_add(interface as usize);
        let Some(source) = self.sources.get_mut(place) else {
            return Err(format!(
                "packet of interface {interface}, but the section has described {count}"
            ));
        };
        if drops != DROPS_UNKNOWN {
            source.add_drops(u64::from(drops));
        }
        // Behind the data and its padding lie options, in most files none.
        let options = data.get((captured as usize).next_multiple_of(4)..).unwrap_or_default();
        if !obsolete && options.len() > 4 {
            source.packet_options::<BIG>(options);
        }
        let ticks = u64::from(u32_of::<BIG>([h0, h1, h2, h3])) << 32
            | u64::from(u32_of::<BIG>([t0, t1, t2, t3]));
        let nanos = source.scale.nanos(ticks).saturating_add(source.offset_nanos);
        let time = Timestamp::from_nanos(nanos);
        if self.waiting > 0 {
            for record in out.records.iter_mut().take(self.waiting) {
                record.time = time;
            }
            self.waiting = 0;
        }
        source.packets += 1;
        source.packets_cut += u64::from(captured < original);
        out.tally.timed(nanos);
        out.records.push(Record {
            time,
            offset: out.base + position(index + FIXED),
            captured_length: captured,
            original_length: original.max(captured),
            link: source.link,
            interface: source.number,
        });
        Ok(())
    }

    /// Simple packet block (4.4). It has no time: the record in front of it lends its own, or
    /// the first one with a time, when that is still in the same batch.
    fn simple_packet<const BIG: bool>(
        &mut self,
        body: &[u8],
        index: usize,
        out: &mut Out<'_>,
    ) -> Result<(), String> {
        let Some((original, data)) = body.split_first_chunk::<4>() else {
            return Err(format!("simple packet block has {} bytes, needs 4", body.len()));
        };
        let original = u32_of::<BIG>(*original);
        let Some(source) = self.sources.get_mut(self.section_start) else {
            return Err("simple packet before the section has described an interface".to_owned());
        };
        let limit = if source.snap_length == 0 { MAX_FRAME_BYTES } else { source.snap_length };
        // The block's room is below `MAX_BLOCK_BYTES`, so the length fits.
        let room = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let captured = original.min(limit).min(room).min(MAX_FRAME_BYTES);
        source.packets += 1;
        source.packets_cut += u64::from(captured < original);
        let nanos = out.tally.untimed();
        if nanos.is_none() {
            self.waiting = out.records.len() + 1;
        }
        out.records.push(Record {
            time: Timestamp::from_nanos(nanos.unwrap_or(0)),
            offset: out.base + position(index + 4),
            captured_length: captured,
            original_length: original,
            link: source.link,
            interface: source.number,
        });
        Ok(())
    }

    /// Interface description block (4.2).
    fn interface<const BIG: bool>(&mut self, body: &[u8]) -> Result<(), String> {
        let Some((fixed, options)) = body.split_first_chunk::<8>() else {
            return Err(format!("interface description has {} bytes, needs 8", body.len()));
        };
        if self.sources.len() >= MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces are described"));
        }
        let [l0, l1, _, _, s0, s1, s2, s3] = *fixed;
        let mut source = Source {
            link: LinkType(u16_of::<BIG>([l0, l1])),
            snap_length: u32_of::<BIG>([s0, s1, s2, s3]),
            scale: Scale::of(6), // microseconds where no option says otherwise (4.2)
            offset_nanos: 0,
            number: 0,
            packets: 0,
            packets_cut: 0,
            drops_in_packets: None,
            name: None,
            description: None,
            dropped_by_interface: None,
            dropped_by_os: None,
        };
        // A list that runs out of its block may hide the resolution: times would be wrong.
        each_option::<BIG>(options, |code, value| match (code, value) {
            (option::IF_NAME, _) => source.name = Some(text(value)),
            (option::IF_DESCRIPTION, _) => source.description = Some(text(value)),
            (option::IF_TSRESOL, [resolution]) => source.scale = Scale::of(*resolution),
            (option::IF_TSOFFSET, _) => {
                if let Some(seconds) = u64_of::<BIG>(value) {
                    source.offset_nanos = seconds.cast_signed().saturating_mul(1_000_000_000);
                }
            }
            _ => {}
        })
        .map_err(|what| format!("interface description: {what}"))?;
        source.number = self.numbers.next();
        self.sources.push(source);
        Ok(())
    }

    /// Interface statistics block (4.6); the last one of an interface holds.
    fn statistics<const BIG: bool>(&mut self, body: &[u8]) {
        let Some((fixed, options)) = body.split_first_chunk::<12>() else { return };
        let [i0, i1, i2, i3, ..] = *fixed;
        let interface = u32_of::<BIG>([i0, i1, i2, i3]) as usize;
        let place = self.section_start.saturating_add(interface);
        let Some(source) = self.sources.get_mut(place) else { return };
        // A damaged list loses the counters behind the damage, never a packet.
        let _ = each_option::<BIG>(options, |code, value| match code {
            option::ISB_IFDROP => {
                source.dropped_by_interface = u64_of::<BIG>(value).or(source.dropped_by_interface);
            }
            option::ISB_OSDROP => {
                source.dropped_by_os = u64_of::<BIG>(value).or(source.dropped_by_os);
            }
            _ => {}
        });
    }

    /// The interfaces in the order of their description.
    pub(super) fn interfaces(&self) -> Vec<Interface> {
        self.sources.iter().map(Source::record).collect()
    }

    /// The format in words.
    pub(super) fn text(&self) -> String {
        let (major, minor) = self.version;
        let order = if self.orders_differ { "both byte orders" } else { self.order.text() };
        format!("pcapng {major}.{minor}, {order}")
    }
}

impl Source {
    fn add_drops(&mut self, count: u64) {
        self.drops_in_packets = Some(self.drops_in_packets.unwrap_or(0).saturating_add(count));
    }

    /// Looks for `epb_dropcount`: packets lost between this one and the one before (4.3).
    fn packet_options<const BIG: bool>(&mut self, options: &[u8]) {
        let _ = each_option::<BIG>(options, |code, value| {
            if code == option::EPB_DROPCOUNT
                && let Some(count) = u64_of::<BIG>(value)
            {
                self.add_drops(count);
            }
        });
    }

    fn record(&self) -> Interface {
        let told = self.dropped_by_interface.is_some() || self.dropped_by_os.is_some();
        Interface {
            name: self.name.clone(),
            description: self.description.clone(),
            link_type: self.link.0,
            link_name: link_name(self.link),
            snap_length_bytes: self.snap_length,
            tick_ns: self.scale.tick_nanos(),
            packets: self.packets,
            packets_cut: self.packets_cut,
            dropped_by_interface: if told {
                self.dropped_by_interface
            } else {
                self.drops_in_packets
            },
            dropped_by_os: self.dropped_by_os,
        }
    }
}

/// Length rules of every block (3.1).
fn check_length(length: u32, what: &str) -> Result<(), End> {
    if length < MIN_BLOCK_BYTES || !length.is_multiple_of(4) {
        return Err(End::Damage(format!(
            "{what} says {length} bytes; a length is a multiple of 4 and at least \
             {MIN_BLOCK_BYTES}"
        )));
    }
    Ok(())
}

/// The length behind a block must be the one in front of it (3.1).
fn check_trailer(block: &[u8]) -> Result<(), End> {
    let front = at::<4>(block, 4);
    let behind = block.last_chunk::<4>().copied().unwrap_or_default();
    if front == behind {
        return Ok(());
    }
    Err(End::Damage(trailer_text(u32::from_be_bytes(front), u32::from_be_bytes(behind))))
}

fn trailer_text(front: u32, behind: u32) -> String {
    format!("block says {front} bytes in front and {behind} behind")
}

/// `N` bytes from `offset`, zeros where there are none.
fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn u64_of<const BIG: bool>(value: &[u8]) -> Option<u64> {
    let value = <[u8; 8]>::try_from(value).ok()?;
    Some(if BIG { u64::from_be_bytes(value) } else { u64::from_le_bytes(value) })
}

/// Calls `visit` for each option (3.5).
///
/// # Errors
/// A sentence when an option says more bytes than the block has left.
fn each_option<'a, const BIG: bool>(
    mut bytes: &'a [u8],
    mut visit: impl FnMut(u16, &'a [u8]),
) -> Result<(), String> {
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let [c0, c1, l0, l1] = *head;
        let code = u16_of::<BIG>([c0, c1]);
        if code == option::END {
            break;
        }
        let length = usize::from(u16_of::<BIG>([l0, l1]));
        let Some(value) = rest.get(..length) else {
            return Err(format!("option {code} says {length} bytes, {} are left", rest.len()));
        };
        visit(code, value);
        bytes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(())
}

/// A name as far as it is kept, invalid UTF-8 replaced. Still hostile.
fn text(value: &[u8]) -> String {
    let kept = value.get(..MAX_NAME_BYTES).unwrap_or(value);
    String::from_utf8_lossy(kept).trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_become_nanoseconds_and_saturate() {
        for (resolution, ticks, nanos) in [
            (6, 1_340_954_905_298_858, 1_340_954_905_298_858_000),
            (9, 1_763_712_000_123_456_789, 1_763_712_000_123_456_789),
            (0, 2, 2_000_000_000),
            (12, 1_999, 1),
            (28, u64::MAX, 1),
            (127, u64::MAX, 1),
            (0x80, 3, 3_000_000_000),
            (0x80 | 10, 1_024 + 512, 1_500_000_000),
            (0x80 | 127, u64::MAX, 0),
            (0, u64::MAX, i64::MAX),
            (0x80, u64::MAX, i64::MAX),
        ] {
            assert_eq!(Scale::of(resolution).nanos(ticks), nanos, "{resolution} {ticks}");
        }
    }

    #[test]
    fn names_are_cut_and_made_text() {
        assert_eq!(text(b"eth\xff0\0\0"), "eth\u{fffd}0");
        assert_eq!(text(&[b'a'; 1_000]).len(), MAX_NAME_BYTES);
    }

    #[test]
    fn an_option_longer_than_its_block_is_told() {
        let got = each_option::<false>(&[2, 0, 9, 0, 1, 2], |_, _| {});
        assert_eq!(got, Err("option 2 says 9 bytes, 2 are left".to_owned()));
    }
}
