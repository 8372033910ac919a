//! The packet path allocates nothing per packet once it has its memory.
//!
//! A binary of its own, because it counts every allocation of the process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds nothing there has failed"
)]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use headroom::base::{Batch, FrameSource};
use headroom::sensor::{Options, observe};

#[path = "shared/counting.rs"]
mod counting;
#[path = "shared/replica.rs"]
mod replica;

use counting::ALLOCATIONS;
use replica::Replica;

/// Frames that note how many allocations there were whenever more of them are wanted.
struct Marked {
    frames: Replica,
    marks: Arc<Mutex<Vec<u64>>>,
}

impl FrameSource for Marked {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        self.marks.lock().unwrap().push(ALLOCATIONS.load(Ordering::Relaxed));
        self.frames.fill(batch)
    }
}

#[test]
fn twice_the_packets_take_no_more_allocations() {
    /// By then every site was seen, so that all memory is there.
    const WARM: usize = 70;
    const ROUNDS: usize = 140;
    /// Timelines take a new row every five seconds of the capture, and dialogues more memory when
    /// more of them are open than ever before. One allocation a packet would be 250 times this.
    const GROWTH: u64 = 2_000;
    let marks = Arc::new(Mutex::new(Vec::with_capacity(ROUNDS + 1)));
    let frames = Replica::load(ROUNDS as u64);
    let packets = frames.frames() * (ROUNDS - WARM) as u64;
    let mut source = Marked { frames, marks: Arc::clone(&marks) };
    // Few flows, so that the table is full soon and every later flow takes another's place.
    let options = Options { threads: 1, flows_max: 1_024, ..Options::default() };
    let observation = observe(&mut source, &options, &|_| (), None).unwrap();
    assert!(observation.traffic.drops.flows_evicted > 0, "the table was never full");
    assert!(observation.understood.protocols.len() > 12, "little was understood");
    let marks = marks.lock().unwrap();
    let (first, warm, all) = (marks[0], marks[WARM], marks[ROUNDS]);
    println!("{} allocations to warm up, {} for {packets} packets more", warm - first, all - warm);
    assert!(all - warm <= GROWTH, "{} allocations for {packets} packets", all - warm);
}
