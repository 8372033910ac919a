//! The packet path allocates nothing per packet once it has its memory.
//!
//! A binary of its own, because it counts every allocation of the process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds nothing there has failed"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use headroom::sensor::{Options, observe};

#[path = "shared/replica.rs"]
mod replica;

use replica::Replica;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting touches an atomic only.
#[expect(unsafe_code, reason = "an allocator cannot be written without it")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a whole run over `rounds` rounds, and its frames.
fn run(rounds: u64) -> (u64, u64) {
    let mut source = Replica::load(rounds);
    let frames = source.frames() * rounds;
    // Few flows, so that the table is full soon and every later flow takes another's place.
    let options = Options { threads: 1, flows_max: 1_024, ..Options::default() };
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let observation = observe(&mut source, &options, &|_| (), None).unwrap();
    let after = ALLOCATIONS.load(Ordering::Relaxed);
    assert_eq!(observation.traffic.frames, frames);
    assert!(observation.traffic.drops.flows_evicted > 0, "the table was never full");
    assert!(observation.understood.protocols.len() > 8, "little was understood");
    (after - before, frames)
}

#[test]
fn twice_the_packets_take_no_more_allocations() {
    // Maps and buffers that grow with the length of the capture double now and then.
    const GROWTH: u64 = 200;
    let (some, few) = run(60);
    let (more, many) = run(120);
    println!("{some} allocations for {few} packets, {more} for {many}");
    let packets = many - few;
    assert!(more <= some + GROWTH, "{} allocations for {packets} packets more", more - some);
}
