//! Frames rendered ahead, given out in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::net::Frames;

/// Bytes that are given back only together with as many that still wait: so that what waits is
/// moved rarely.
const SLACK_BYTES: usize = 1 << 20;

/// Frames rendered, given out window by window. Each frame's bytes are moved about once, however
/// long it waits.
#[derive(Debug, Default)]
pub struct Queue {
    /// Where frames are rendered into, in any order.
    pub frames: Frames,
    /// Frames behind the window.
    waiting: BinaryHeap<Reverse<Kept>>,
    window: Vec<Kept>,
    /// Spare, for moving.
    moved: Vec<u8>,
    rendered: u64,
    waiting_bytes: usize,
}

/// A frame: by time, then by when it was rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    time: i64,
    order: u64,
    offset: u32,
    length: u32,
}

impl Queue {
    /// Forgets the window before; its bytes are free.
    pub fn drop_window(&mut self) {
        self.window.clear();
        let bytes = self.frames.bytes.len();
        if self.waiting.is_empty() {
            self.frames.bytes.clear();
        } else if bytes > 2 * self.waiting_bytes + SLACK_BYTES {
            self.compact();
        }
    }

    /// Puts all frames before `until` into the window.
    pub fn fill_window(&mut self, until: i64) {
        for place in self.frames.places.drain(..) {
            self.rendered += 1;
            let (time, offset, length) = (place.time, place.offset, place.length);
            let kept = Kept { time, order: self.rendered, offset, length };
            if time < until {
                self.window.push(kept);
            } else {
                self.waiting_bytes += length as usize;
                self.waiting.push(Reverse(kept));
            }
        }
        while let Some(Reverse(kept)) = self.waiting.peek().filter(|kept| kept.0.time < until) {
            self.waiting_bytes -= kept.length as usize;
            self.window.push(*kept);
            self.waiting.pop();
        }
        self.window.sort_unstable();
    }

    /// Frames of the window, in order.
    pub fn window(&self) -> impl ExactSizeIterator<Item = (i64, &[u8])> {
        self.window.iter().map(|kept| {
            let start = kept.offset as usize;
            let bytes = self.frames.bytes.get(start..start + kept.length as usize);
            (kept.time, bytes.unwrap_or_default())
        })
    }

    /// Whether no frame waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.frames.places.is_empty()
    }

    /// Moves what waits to the front of a fresh buffer.
    fn compact(&mut self) {
        self.moved.clear();
        let mut waiting = std::mem::take(&mut self.waiting).into_vec();
        for Reverse(kept) in &mut waiting {
            let start = kept.offset as usize;
            let bytes = self.frames.bytes.get(start..start + kept.length as usize);
            kept.offset = u32::try_from(self.moved.len()).unwrap_or(u32::MAX);
            self.moved.extend_from_slice(bytes.unwrap_or_default());
        }
        self.waiting = waiting.into();
        std::mem::swap(&mut self.frames.bytes, &mut self.moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;
    use crate::synth::net::Place;

    fn put(queue: &mut Queue, time: i64, byte: u8, length: usize) {
        let offset = u32::try_from(queue.frames.bytes.len()).unwrap();
        queue.frames.bytes.extend(std::iter::repeat_n(byte, length));
        let length = u32::try_from(length).unwrap();
        queue.frames.places.push(Place { time, offset, length });
    }

    #[test]
    fn frames_come_in_order_whatever_the_windows() {
        let run = |step: usize| {
            let mut random = Random::new(5);
            let mut queue = Queue::default();
            let mut out = Vec::new();
            for until in (0..10_100).step_by(step).skip(1) {
                queue.drop_window();
                for time in until - step..until {
                    for _ in 0..3 {
                        let late = i64::from(random.below(5_000));
                        let byte = u8::try_from(random.below(256)).unwrap();
                        put(&mut queue, i64::try_from(time).unwrap() + late, byte, 700);
                    }
                }
                queue.fill_window(i64::try_from(until).unwrap());
                out.extend(queue.window().map(|(time, bytes)| (time, bytes.to_vec())));
            }
            out
        };
        let (one, other) = (run(100), run(2_020));
        assert!(one.is_sorted_by_key(|(time, _)| *time));
        let length = one.len().min(other.len());
        assert!(length > 10_000);
        assert!(one[..length] == other[..length]);
    }

    #[test]
    fn bytes_that_went_are_given_back() {
        let mut queue = Queue::default();
        let mut most = 0;
        for second in 0..2_000 {
            queue.drop_window();
            put(&mut queue, second, 1, 10_000);
            put(&mut queue, second + 50, 2, 1_000);
            queue.fill_window(second + 1);
            most = most.max(queue.frames.bytes.len());
        }
        assert!(most < 3 * SLACK_BYTES, "{most}");
    }
}
