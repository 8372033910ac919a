//! UDP datagrams that lie in several frames, RFC 791 section 3.2: the frames wait until all parts
//! are there.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::Pseudonyms;
use super::cache::Cache;
use super::frame::Fragment;
use super::scrub::{Frames, Piece, payload};
use super::sheet::Sheet;

/// Datagrams that wait; those begun before twice as many others are rewritten as they are.
const DATAGRAMS: usize = 256;
/// Parts of one datagram: 65,535 bytes in parts of 1,480, or some repeated.
const PARTS_MAX: usize = 64;
/// Header of UDP, RFC 768.
const HEADER: usize = 8;
/// Where its checksum lies.
const CHECKSUM: std::ops::Range<usize> = 6..8;

/// Whose datagram it is, and which.
type Key = ((IpAddr, IpAddr), u32);

/// The parts of one datagram.
#[derive(Debug, Default)]
struct Datagram {
    /// Where each part belongs.
    parts: Vec<(usize, Piece)>,
    /// Its length, once the last part was seen.
    length: Option<usize>,
}

/// All datagrams that wait for parts.
#[derive(Debug)]
pub(super) struct Fragments(Cache<Key, Datagram>);

impl Default for Fragments {
    fn default() -> Self {
        Self(Cache::new(DATAGRAMS))
    }
}

impl Fragments {
    /// Takes a part that frame `number` carries; how many messages were rewritten.
    pub fn take(
        &mut self,
        number: u64,
        part: Fragment,
        frames: &mut Frames,
        names: &mut Pseudonyms,
    ) -> u64 {
        let mut messages = 0;
        if self.0.get(&part.key).is_none() {
            for (_, datagram) in self.0.put(part.key, Datagram::default()) {
                messages += datagram.rewrite(frames, names);
            }
        }
        let Some(datagram) = self.0.get(&part.key) else { return messages };
        let piece = Piece { frame: number, start: part.data.start, end: part.data.end };
        if part.is_last {
            datagram.length = Some(part.offset + piece.len());
        }
        frames.wait(number);
        datagram.parts.push((part.offset, piece));
        if datagram.is_whole() || datagram.parts.len() >= PARTS_MAX {
            messages += std::mem::take(datagram).rewrite(frames, names);
        }
        messages
    }

    /// Nothing more is waited for; how many messages were rewritten.
    pub fn settle(&mut self, frames: &mut Frames, names: &mut Pseudonyms) -> u64 {
        let all = self.0.iter_mut();
        all.map(|(_, datagram)| std::mem::take(datagram).rewrite(frames, names)).sum()
    }
}

impl Datagram {
    /// Every byte is there: sorted, each part begins where the one before it ends.
    fn is_whole(&mut self) -> bool {
        self.parts.sort_by_key(|(offset, _)| *offset);
        self.length == Some(self.reached())
    }

    /// Bytes from the start without a hole; the parts are sorted.
    fn reached(&self) -> usize {
        self.parts.iter().fold(
            0,
            |reached, (offset, piece)| {
                if *offset == reached { reached + piece.len() } else { reached }
            },
        )
    }

    /// Rewrites what is there without a hole; parts that repeat others stay blank.
    fn rewrite(mut self, frames: &mut Frames, names: &mut Pseudonyms) -> u64 {
        let is_whole = self.is_whole();
        let mut reached = 0;
        let mut pieces = VecDeque::new();
        for (offset, piece) in &self.parts {
            if *offset == reached {
                reached += piece.len();
                pieces.push_back(*piece);
            }
        }
        let mut old = Vec::new();
        frames.gather(&pieces, usize::from(u16::MAX), &mut old);
        let messages = u64::from(self.body(&old, is_whole, &pieces, frames, names));
        self.parts.iter().for_each(|(_, piece)| frames.release(piece.frame));
        messages
    }

    /// Rewrites what follows the header; true if its protocol is known.
    fn body(
        &self,
        old: &[u8],
        is_whole: bool,
        pieces: &VecDeque<Piece>,
        frames: &mut Frames,
        names: &mut Pseudonyms,
    ) -> bool {
        let Some(&[s0, s1, d0, d1, ..]) = old.first_chunk::<HEADER>() else { return false };
        let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let mut new = vec![0; old.len()];
        let mut sheet = Sheet { old, new: &mut new };
        sheet.keep(0..CHECKSUM.start);
        let is_known = payload(&mut sheet.from(HEADER), ports, names);
        frames.scatter(pieces, &new);
        if let Some(first) = pieces.front().filter(|_| is_whole) {
            frames.sum(first.frame, old, &new);
        }
        is_known
    }
}
