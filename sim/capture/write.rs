//! Frames back to files: pcap and pcapng, little-endian.

use std::io::{self, Write};

use super::pcapng::{Mark, SECTION_HEADER, SYNTHESIS_MARK};
use super::reader::MAX_FRAME_BYTES;
use crate::base::{Frame, LinkType};
use crate::record::Synthesis;

/// Name or description of an interface, in bytes (an option's length has 16 bits; longer ones
/// serve nobody).
const MAX_NAME_BYTES: usize = 256;

/// What most programs accept as the longest frame of a file (libpcap's MAXIMUM_SNAPLEN).
pub const SNAP_LENGTH_BYTES: u32 = 262_144;

/// Unit of the times in a pcap file. Finer times are cut, not rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Read by every tool.
    Microseconds,
    /// Read by libpcap 1.5 (2013) and later.
    Nanoseconds,
}

/// Writes a libpcap savefile, version 2.4 (pcap-savefile(5)).
pub struct PcapWriter<W: Write> {
    out: W,
    link: LinkType,
    resolution: Resolution,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header. `snap_length` in bytes is what the header says; frames are
    /// written as they are.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(
        mut out: W,
        link: LinkType,
        snap_length: u32,
        resolution: Resolution,
    ) -> io::Result<Self> {
        let magic: u32 = match resolution {
            Resolution::Microseconds => 0xa1b2_c3d4,
            Resolution::Nanoseconds => 0xa1b2_3c4d,
        };
        let mut header = Vec::with_capacity(24);
        header.extend(magic.to_le_bytes());
        header.extend(2_u16.to_le_bytes());
        header.extend(4_u16.to_le_bytes());
        header.extend([0; 8]); // time zone and accuracy: always zero
        header.extend(snap_length.to_le_bytes());
        header.extend(u32::from(link.0).to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out, link, resolution })
    }

    /// Appends one frame.
    ///
    /// # Errors
    /// Those of `out`; `InvalidInput` for a frame of another link type, one longer than
    /// [`MAX_FRAME_BYTES`], or a time before 1970 or after 2106, which the format cannot hold.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        if frame.link != self.link {
            return Err(invalid(format!(
                "a pcap file holds one link type, here {}; the frame has {}; write pcapng",
                self.link.0, frame.link.0
            )));
        }
        let captured = captured_length(frame)?;
        let nanos = frame.time.nanos();
        let seconds = u32::try_from(nanos.div_euclid(1_000_000_000))
            .map_err(|_| invalid(format!("a pcap file cannot hold the time {}", frame.time)))?;
        let unit = match self.resolution {
            Resolution::Microseconds => 1_000,
            Resolution::Nanoseconds => 1,
        };
        // Below a thousand million, so that it fits.
        let fraction = u32::try_from(nanos.rem_euclid(1_000_000_000) / unit).unwrap_or(0);
        let fields = [seconds, fraction, captured, frame.original_length.max(captured)];
        let mut header = [0; 16];
        for (to, field) in header.chunks_exact_mut(4).zip(fields) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        self.out.write_all(&header)?;
        self.out.write_all(frame.bytes)
    }

    /// Flushes and gives the writer back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// An interface of a pcapng file to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceSpec {
    /// `if_name`, e.g. `eth0`; kept to 256 bytes.
    pub name: Option<String>,
    /// `if_description`; kept to 256 bytes.
    pub description: Option<String>,
    /// Link-layer header type of its frames.
    pub link: LinkType,
    /// Bytes of a frame that are captured at most; 0 is unlimited.
    pub snap_length_bytes: u32,
}

/// Writes a pcapng file of one section, nanosecond times, enhanced packet blocks
/// (draft-ietf-opsawg-pcapng).
pub struct PcapngWriter<W: Write> {
    out: W,
    links: Vec<LinkType>,
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header and the description of each interface.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W, interfaces: &[InterfaceSpec]) -> io::Result<Self> {
        Self::with_synthesis(out, interfaces, None)
    }

    /// As [`new`](Self::new), and says in the section header how the frames were synthesized.
    ///
    /// # Errors
    /// Those of `out`. Parameters that do not fit the 65,535 bytes of an option are left out, and
    /// counted.
    pub fn with_synthesis(
        out: W,
        interfaces: &[InterfaceSpec],
        synthesis: Option<&Synthesis>,
    ) -> io::Result<Self> {
        Self::with_comment(out, interfaces, synthesis.map(comment).transpose()?)
    }

    /// As [`with_synthesis`](Self::with_synthesis), also where it is not known how.
    ///
    /// # Errors
    /// As [`with_synthesis`](Self::with_synthesis).
    pub fn with_mark(
        out: W,
        interfaces: &[InterfaceSpec],
        mark: Option<&Mark>,
    ) -> io::Result<Self> {
        let comment = match mark {
            Some(Mark::Known(synthesis)) => Some(comment(synthesis)?),
            Some(Mark::Unread) => Some(format!("{SYNTHESIS_MARK}how is not known")),
            None => None,
        };
        Self::with_comment(out, interfaces, comment)
    }

    fn with_comment(
        out: W,
        interfaces: &[InterfaceSpec],
        comment: Option<String>,
    ) -> io::Result<Self> {
        let links = interfaces.iter().map(|interface| interface.link).collect();
        let mut writer = Self { out, links, block: Vec::new() };
        writer.block(SECTION_HEADER, |body| {
            body.extend(0x1a2b_3c4d_u32.to_le_bytes());
            body.extend(1_u16.to_le_bytes());
            body.extend(0_u16.to_le_bytes());
            body.extend((-1_i64).to_le_bytes()); // length of the section: not known
            if let Some(comment) = &comment {
                put_option(body, 1, comment.as_bytes());
                put_option(body, 0, &[]);
            }
        })?;
        interfaces.iter().try_for_each(|interface| writer.describe(interface))?;
        Ok(writer)
    }

    /// Adds an interface, which may be done between frames; its number, counted from 0.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn add_interface(&mut self, interface: &InterfaceSpec) -> io::Result<u32> {
        self.describe(interface)?;
        self.links.push(interface.link);
        // Far below: each takes a block.
        Ok(u32::try_from(self.links.len() - 1).unwrap_or(u32::MAX))
    }

    fn describe(&mut self, interface: &InterfaceSpec) -> io::Result<()> {
        self.block(1, |body| {
            body.extend(interface.link.0.to_le_bytes());
            body.extend([0; 2]);
            body.extend(interface.snap_length_bytes.to_le_bytes());
            for (code, text) in [(2, &interface.name), (3, &interface.description)] {
                if let Some(text) = text {
                    put_option(body, code, cut(text).as_bytes());
                }
            }
            put_option(body, 9, &[9]); // if_tsresol: 10^-9 s
            put_option(body, 0, &[]);
        })
    }

    /// Appends one frame of interface number `interface`.
    ///
    /// # Errors
    /// Those of `out`; `InvalidInput` for an unknown interface, a link type that is not its
    /// own, a frame longer than [`MAX_FRAME_BYTES`], or a time before 1970.
    pub fn write(&mut self, interface: u32, frame: &Frame<'_>) -> io::Result<()> {
        let known = self.links.get(interface as usize);
        if known != Some(&frame.link) {
            return Err(invalid(format!(
                "interface {interface} of {} does not carry link type {}",
                self.links.len(),
                frame.link.0
            )));
        }
        let captured = captured_length(frame)?;
        let ticks = u64::try_from(frame.time.nanos())
            .map_err(|_| invalid(format!("a pcapng file cannot hold the time {}", frame.time)))?;
        let original = frame.original_length.max(captured);
        self.block(6, |body| {
            body.extend(interface.to_le_bytes());
            // The high half goes first, in either byte order (4.3).
            let [b0, b1, b2, b3, b4, b5, b6, b7] = ticks.to_le_bytes();
            body.extend([b4, b5, b6, b7, b0, b1, b2, b3]);
            body.extend(captured.to_le_bytes());
            body.extend(original.to_le_bytes());
            body.extend(frame.bytes);
            pad(body);
        })
    }

    /// Flushes and gives the writer back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes one block around the body that `fill` makes.
    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.block.clear();
        fill(&mut self.block);
        // Names and frames are limited, so that the length fits.
        let length = u32::try_from(self.block.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&length)?;
        self.out.write_all(&self.block)?;
        self.out.write_all(&length)
    }
}

/// The comment that says how frames were synthesized.
fn comment(synthesis: &Synthesis) -> io::Result<String> {
    let mut synthesis = synthesis.clone();
    loop {
        let text = format!("{SYNTHESIS_MARK}{}", serde_json::to_string(&synthesis)?);
        if text.len() <= usize::from(u16::MAX) {
            return Ok(text);
        }
        if synthesis.parameters.pop().is_none() {
            return Err(invalid(format!("{} bytes do not fit a comment", text.len())));
        }
        synthesis.parameters_left_out += 1;
    }
}

fn captured_length(frame: &Frame<'_>) -> io::Result<u32> {
    u32::try_from(frame.bytes.len()).ok().filter(|length| *length <= MAX_FRAME_BYTES).ok_or_else(
        || {
            invalid(format!(
                "a frame of {} bytes is longer than any ({MAX_FRAME_BYTES})",
                frame.bytes.len()
            ))
        },
    )
}

/// Appends one option with its padding (3.5).
fn put_option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(0);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(value.iter().take(usize::from(length)));
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// The front of `text`, cut between characters.
fn cut(text: &str) -> &str {
    let end = (0..=MAX_NAME_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}
