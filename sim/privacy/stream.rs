//! One direction of a TCP connection, cut into messages although its bytes lie in many frames.
//!
//! Frames wait until the messages they carry are complete (RFC 9293 section 3.10 puts segments
//! in order; here the frames keep theirs and only the bytes are looked at in sequence). What
//! cannot be put in order, or belongs to no known message, stays blank.

use std::collections::VecDeque;

use super::Pseudonyms;
use super::message;
use super::scrub::{Frames, Piece};
use super::sheet::Sheet;
use crate::proto::{self, Id, Recognised, Step, Transport};

/// Bytes of one message that are waited for and walked; more is bulk data, of which the rest
/// stays blank.
const WALK_MAX: usize = 64 * 1024;
/// The same for SMB, whose bulk data are files.
const SMB_WALK_MAX: usize = 16 * 1024;
/// TLS application data begins with this type; only its header is wanted (RFC 8446 section 5.1).
const TLS_DATA: u8 = 23;
const TLS_HEADER: usize = 5;
/// Segments of one direction that wait for those before them.
const AHEAD_MAX: usize = 64;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Sequence number that comes next; none before the first segment.
    next: Option<u32>,
    /// Bytes that belong to a message not yet complete, in order.
    pieces: VecDeque<Piece>,
    /// Their number.
    pending: usize,
    /// Bytes without which it is no use to look again.
    wanted: usize,
    /// Bytes of a message that stay blank without a look.
    skip: usize,
    /// The next byte begins a message.
    is_synced: bool,
    /// No byte of the direction was seen before.
    is_start: bool,
    /// Segments behind a hole.
    ahead: Vec<(u32, Piece)>,
}

/// What the two directions of a connection share while one is worked on.
pub(super) struct Work<'a> {
    pub frames: &'a mut Frames,
    pub names: &'a mut Pseudonyms,
    /// The connection's protocol as far as it is known.
    pub protocol: &'a mut Option<Id>,
    /// Source and destination port of the direction.
    pub ports: (u16, u16),
    /// Messages rewritten.
    pub messages: u64,
}

impl Half {
    /// The direction begins anew behind a SYN of this sequence number.
    pub fn open(&mut self, sequence: u32, work: &mut Work<'_>) {
        self.settle(work);
        *self = Self { next: Some(sequence.wrapping_add(1)), is_start: true, ..Self::default() };
    }

    /// Takes the payload of one segment.
    pub fn take(&mut self, sequence: u32, piece: Piece, work: &mut Work<'_>) {
        let next = *self.next.get_or_insert(sequence);
        work.frames.wait(piece.frame);
        if sequence.wrapping_sub(next).cast_signed() <= 0 {
            self.append(sequence, piece, work);
        } else {
            self.ahead.push((sequence, piece));
            if self.ahead.len() > AHEAD_MAX {
                self.lose(work);
            }
        }
        self.catch_up(work);
    }

    /// Takes what lay ahead and is in order now.
    fn catch_up(&mut self, work: &mut Work<'_>) {
        while let Some(next) = self.next {
            let reached =
                |(sequence, _): &(u32, Piece)| sequence.wrapping_sub(next).cast_signed() <= 0;
            let Some(at) = self.ahead.iter().position(reached) else { return };
            let (sequence, piece) = self.ahead.swap_remove(at);
            self.append(sequence, piece, work);
        }
    }

    /// Appends a segment that begins at or before the next byte; what came before stays blank.
    fn append(&mut self, sequence: u32, mut piece: Piece, work: &mut Work<'_>) {
        let mut next = self.next.unwrap_or(sequence);
        if !self.is_synced && self.pending == 0 && self.skip == 0 {
            // Nothing before it was understood: padding of an acknowledgement may look like data.
            next = sequence;
        }
        let again = usize::try_from(next.wrapping_sub(sequence)).unwrap_or(usize::MAX);
        if again >= piece.len() {
            return work.frames.release(piece.frame);
        }
        piece.start += again;
        self.next = Some(next.wrapping_add(u32::try_from(piece.len()).unwrap_or(0)));
        self.pending += piece.len();
        self.pieces.push_back(piece);
        self.walk(false, work);
    }

    /// Gives up a hole: goes on behind it, with what of a long message is still to come.
    fn lose(&mut self, work: &mut Work<'_>) {
        let Some(next) = self.next else { return };
        let distance = |(sequence, _): &(u32, Piece)| sequence.wrapping_sub(next);
        let Some(nearest) = self.ahead.iter().map(distance).min() else { return };
        self.walk(true, work);
        let hole = usize::try_from(nearest).unwrap_or(usize::MAX);
        self.is_synced &= self.skip >= hole;
        self.skip = self.skip.saturating_sub(hole);
        self.is_start = false;
        self.next = Some(next.wrapping_add(nearest));
    }

    /// Nothing more is waited for: everything that is there is rewritten as it is.
    pub fn settle(&mut self, work: &mut Work<'_>) {
        self.walk(true, work);
        while !self.ahead.is_empty() {
            self.lose(work);
            self.catch_up(work);
            self.walk(true, work);
        }
    }

    /// Rewrites the messages that are complete; all there is where `is_last`.
    fn walk(&mut self, is_last: bool, work: &mut Work<'_>) {
        let mut bytes = Vec::new();
        loop {
            let skipped = self.skip.min(self.pending);
            self.skip -= skipped;
            self.consume(skipped, work.frames);
            if self.pending == 0 || (self.pending < self.wanted && !is_last) {
                return;
            }
            self.wanted = 0;
            work.frames.gather(&self.pieces, WALK_MAX, &mut bytes);
            let Some(id) = self.protocol(&bytes, work) else {
                self.is_start = false;
                self.consume(self.pending, work.frames);
                return;
            };
            match id.step(&bytes, Transport::Tcp) {
                Step::Message { length } => self.message(id, &bytes, length, work),
                Step::NeedMore { total } => {
                    let enough = walked(id, &bytes, total);
                    if bytes.len() < enough && !is_last {
                        self.wanted = enough;
                        return;
                    }
                    self.message(id, &bytes, total, work);
                }
                // `protocol` has tried every other one.
                Step::Malformed(_) => {
                    self.is_synced = false;
                    self.consume(self.pending, work.frames);
                    return;
                }
            }
        }
    }

    /// The protocol of the message that `bytes` begin with. A connection may change it: SMB1 to
    /// SMB2, LDAP and RDP to TLS.
    fn protocol(&mut self, bytes: &[u8], work: &mut Work<'_>) -> Option<Id> {
        if self.is_synced
            && let Some(id) = *work.protocol
            && !matches!(id.step(bytes, Transport::Tcp), Step::Malformed(_))
        {
            return Some(id);
        }
        let (source, destination) = work.ports;
        let known = proto::recognise(Transport::Tcp, source, destination, bytes, self.is_start);
        let id = match known {
            Recognised::Certain(id) => id,
            Recognised::PortOnly(id) if self.is_start => id,
            _ => return None,
        };
        *work.protocol = Some(id);
        self.is_synced = true;
        Some(id)
    }

    /// Rewrites the message of `length` bytes that `bytes` begin with; it may be longer than
    /// they are.
    fn message(&mut self, id: Id, bytes: &[u8], length: usize, work: &mut Work<'_>) {
        let there = length.min(bytes.len());
        let old = bytes.get(..there).unwrap_or_default();
        let mut new = vec![0; there];
        message::rewrite(id, Transport::Tcp, &mut Sheet { old, new: &mut new }, work.names);
        work.frames.scatter(&self.pieces, &new);
        work.messages += 1;
        self.is_start = false;
        self.consume(there, work.frames);
        self.skip = length - there;
    }

    /// Leaves `count` bytes behind; frames without any left may go.
    fn consume(&mut self, mut count: usize, frames: &mut Frames) {
        self.pending -= count.min(self.pending);
        while let Some(piece) = self.pieces.front_mut() {
            if piece.len() > count {
                piece.start += count;
                return;
            }
            count -= piece.len();
            frames.release(piece.frame);
            self.pieces.pop_front();
        }
    }
}

/// Bytes of a message of `total` bytes that are worth waiting for.
fn walked(id: Id, head: &[u8], total: usize) -> usize {
    match id {
        Id::Tls | Id::Ldaps if head.first() == Some(&TLS_DATA) => total.min(TLS_HEADER),
        Id::Smb1 | Id::Smb2 | Id::Nbss => total.min(SMB_WALK_MAX),
        _ => total.min(WALK_MAX),
    }
}
