//! Frames in, frames out in the same order, with the same times and lengths, without names.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;

use super::Pseudonyms;
use super::cache::Cache;
use super::checksum::Fix;
use super::fragments::Fragments;
use super::frame::{self, Found, Segment};
use super::message;
use super::sheet::Sheet;
use super::stream::{Half, Work};
use crate::base::{Frame, LinkType, Timestamp};
use crate::proto::{self, Id, Recognised, Transport};

/// Bytes of frames that wait for the end of a message; beyond them the oldest goes as it is.
const WAITING_MAX_BYTES: usize = 8 << 20;
/// Frames that wait.
const WAITING_MAX_FRAMES: usize = 16 * 1024;
/// Connections remembered: those used within the last so many new ones.
const FLOWS: usize = 64 * 1024;

/// Bytes of a frame, from `start` to `end`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Number of the frame.
    pub frame: u64,
    pub start: usize,
    pub end: usize,
}

impl Piece {
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// A frame that waits.
#[derive(Debug, Default)]
struct Held {
    time: Timestamp,
    link: LinkType,
    original_length: u32,
    interface: u16,
    old: Vec<u8>,
    new: Vec<u8>,
    fixes: Vec<Fix>,
    /// Pieces of it that are not final.
    open: u32,
    /// The connection that they belong to.
    flow: Option<(Endpoints, usize)>,
}

/// The frames that wait, in order.
#[derive(Debug, Default)]
pub(super) struct Frames {
    queue: VecDeque<Held>,
    /// Number of the first in the queue.
    first: u64,
    bytes: usize,
    /// Emptied frames, whose memory is used again.
    spare: Vec<Held>,
}

impl Frames {
    fn get(&mut self, number: u64) -> Option<&mut Held> {
        self.queue.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// What belongs to the first of some pieces, which hold all of a datagram: finds the sum of
    /// its UDP header.
    pub fn sum(&mut self, number: u64, old: &[u8], new: &[u8]) {
        if let Some(Held { old: before, new: after, fixes, .. }) = self.get(number) {
            fixes.iter_mut().for_each(|fix| fix.give(old, new, (before, after)));
        }
    }

    /// Another piece of the frame is not final.
    pub fn wait(&mut self, number: u64) {
        if let Some(held) = self.get(number) {
            held.open += 1;
        }
    }

    /// A piece of the frame is final.
    pub fn release(&mut self, number: u64) {
        if let Some(held) = self.get(number) {
            held.open = held.open.saturating_sub(1);
        }
    }

    /// The original bytes of `pieces`, at most about `limit`.
    pub fn gather(&mut self, pieces: &VecDeque<Piece>, limit: usize, out: &mut Vec<u8>) {
        out.clear();
        for piece in pieces {
            if out.len() >= limit {
                return;
            }
            let bytes = self.get(piece.frame).and_then(|held| held.old.get(piece.start..piece.end));
            // A frame that had to go is as if its bytes were zero.
            match bytes {
                Some(bytes) => out.extend_from_slice(bytes),
                None => out.resize(out.len() + piece.len(), 0),
            }
        }
    }

    /// Writes `bytes` over the beginning of `pieces`.
    pub fn scatter(&mut self, pieces: &VecDeque<Piece>, mut bytes: &[u8]) {
        for piece in pieces {
            let (this, rest) = bytes.split_at(piece.len().min(bytes.len()));
            if let Some(held) = self.get(piece.frame)
                && let Some(new) = held.new.get_mut(piece.start..piece.start + this.len())
            {
                new.copy_from_slice(this);
            }
            bytes = rest;
            if bytes.is_empty() {
                return;
            }
        }
    }
}

/// Both ends of a connection, the smaller one first.
type Endpoints = [(IpAddr, u16); 2];

/// One connection.
#[derive(Debug, Default)]
struct Flow {
    protocol: Option<Id>,
    halves: [Half; 2],
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scrubbed {
    /// Frames.
    pub frames: u64,
    /// Messages of known protocols that were rewritten; all other payload is blank.
    pub messages: u64,
}

/// Rewrites frames. Memory is bounded; frames come out as soon as the messages that they carry
/// are complete, in the order in which they went in.
pub struct Scrubber {
    names: Pseudonyms,
    frames: Frames,
    flows: Cache<Endpoints, Flow>,
    fragments: Fragments,
    done: Scrubbed,
}

/// Takes a finished frame and the number of its interface.
pub type Out<'a> = dyn FnMut(&Frame<'_>, u16) -> io::Result<()> + 'a;

impl Scrubber {
    /// Rewrites with these pseudonyms.
    pub fn new(names: Pseudonyms) -> Self {
        let (frames, done) = (Frames::default(), Scrubbed::default());
        let (flows, fragments) = (Cache::new(FLOWS), Fragments::default());
        Self { names, frames, flows, fragments, done }
    }

    /// Takes the next frame; those that are finished go to `out`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn take(&mut self, frame: &Frame<'_>, interface: u16, out: &mut Out<'_>) -> io::Result<()> {
        let mut held = self.frames.spare.pop().unwrap_or_default();
        held.time = frame.time;
        held.link = frame.link;
        held.original_length = frame.original_length;
        held.interface = interface;
        held.old.extend_from_slice(frame.bytes);
        held.new.resize(frame.bytes.len(), 0);
        let mut sheet = Sheet { old: &held.old, new: &mut held.new };
        let (link, length) = (frame.link, frame.original_length);
        let Found { segment, fragment } =
            frame::headers(&mut sheet, link, length, &mut self.names, &mut held.fixes);
        held.fixes.iter_mut().for_each(|fix| fix.look(&held.old));
        let segment = segment.filter(|segment| !segment.payload.is_empty() || segment.is_syn);
        if let Some(segment) = &segment
            && segment.transport == Transport::Udp
            && fragment.is_none()
        {
            self.done.messages += u64::from(datagram(&mut held, segment, &mut self.names));
        }
        let number = self.frames.first + self.frames.queue.len() as u64;
        self.frames.bytes += held.old.len();
        self.frames.queue.push_back(held);
        self.done.frames += 1;
        if let Some(fragment) = fragment {
            let (frames, names) = (&mut self.frames, &mut self.names);
            self.done.messages += self.fragments.take(number, fragment, frames, names);
        }
        if let Some(segment) = segment.filter(|segment| segment.transport == Transport::Tcp) {
            self.segment(&segment, number);
        }
        self.emit(out)
    }

    /// The end: everything that waits goes to `out`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self, out: &mut Out<'_>) -> io::Result<Scrubbed> {
        let mut messages = self.fragments.settle(&mut self.frames, &mut self.names);
        for (ends, flow) in self.flows.iter_mut() {
            messages += settle(ends, flow, &mut self.frames, &mut self.names);
        }
        self.done.messages += messages;
        self.emit(out)?;
        Ok(self.done)
    }

    /// Hands a TCP segment to its connection.
    fn segment(&mut self, segment: &Segment, number: u64) {
        let mut ends = [segment.source, segment.destination];
        let side = usize::from(segment.source > segment.destination);
        ends.sort_unstable();
        if self.flows.get(&ends).is_none() {
            for (ends, mut flow) in self.flows.put(ends, Flow::default()) {
                self.done.messages += settle(&ends, &mut flow, &mut self.frames, &mut self.names);
            }
        }
        if let Some(held) = self.frames.get(number) {
            held.flow = Some((ends, side));
        }
        let Some(flow) = self.flows.get(&ends) else { return };
        let Flow { protocol, halves } = flow;
        let Some(half) = halves.get_mut(side) else { return };
        let mut work = Work {
            frames: &mut self.frames,
            names: &mut self.names,
            protocol,
            ports: (segment.source.1, segment.destination.1),
            messages: 0,
        };
        let mut sequence = segment.sequence;
        if segment.is_syn {
            half.open(sequence, &mut work);
            sequence = sequence.wrapping_add(1);
        }
        let piece = Piece { frame: number, start: segment.payload.start, end: segment.payload.end };
        if piece.len() > 0 {
            half.take(sequence, piece, &mut work);
        }
        self.done.messages += work.messages;
    }

    /// Hands out what is finished, and what has waited too long.
    fn emit(&mut self, out: &mut Out<'_>) -> io::Result<()> {
        while let Some(head) = self.frames.queue.front() {
            let is_full = self.frames.bytes > WAITING_MAX_BYTES
                || self.frames.queue.len() > WAITING_MAX_FRAMES;
            if head.open > 0 {
                if !is_full {
                    return Ok(());
                }
                let flow = head.flow;
                self.done.messages += self.fragments.settle(&mut self.frames, &mut self.names);
                if let Some((ends, _)) = flow
                    && let Some(flow) = self.flows.get(&ends)
                {
                    self.done.messages += settle(&ends, flow, &mut self.frames, &mut self.names);
                }
            }
            let Some(mut held) = self.frames.queue.pop_front() else { return Ok(()) };
            self.frames.first += 1;
            self.frames.bytes -= held.old.len();
            // The inner ones first: the outer ones cover them.
            held.fixes.iter().rev().for_each(|fix| fix.write(&mut held.new));
            let frame = Frame {
                time: held.time,
                link: held.link,
                bytes: &held.new,
                original_length: held.original_length,
            };
            out(&frame, held.interface)?;
            held.old.clear();
            held.new.clear();
            held.fixes.clear();
            (held.open, held.flow) = (0, None);
            self.frames.spare.push(held);
        }
        Ok(())
    }
}

/// Rewrites all that waits in a connection; how many messages that were.
fn settle(ends: &Endpoints, flow: &mut Flow, frames: &mut Frames, names: &mut Pseudonyms) -> u64 {
    let [low, high] = ends.map(|(_, port)| port);
    let mut messages = 0;
    let ports = [(low, high), (high, low)];
    for (half, ports) in flow.halves.iter_mut().zip(ports) {
        let protocol = &mut flow.protocol;
        let mut work = Work { frames, names, protocol, ports, messages: 0 };
        half.settle(&mut work);
        messages += work.messages;
    }
    messages
}

/// Rewrites what a UDP datagram carries, if its protocol is known.
fn datagram(held: &mut Held, segment: &Segment, names: &mut Pseudonyms) -> bool {
    let mut sheet = Sheet { old: &held.old, new: &mut held.new };
    let ports = (segment.source.1, segment.destination.1);
    payload(&mut sheet.part(segment.payload.clone()), ports, names)
}

/// The same for its payload between two ports.
pub(super) fn payload(sheet: &mut Sheet<'_>, ports: (u16, u16), names: &mut Pseudonyms) -> bool {
    let known = proto::recognise(Transport::Udp, ports.0, ports.1, sheet.old, true);
    let (Recognised::Certain(id) | Recognised::PortOnly(id)) = known else { return false };
    message::rewrite(id, Transport::Udp, sheet, names);
    true
}
