//! All shards together: a source of frames in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rayon::prelude::*;

use super::net::Conditions;
use super::shard::{SHARDS, Shard, Show};
use super::{Cast, Item, Planner, SynthError, Truth};
use crate::base::{Batch, FrameSource, LinkType, Record, Timestamp};

/// Frames of one window that are aimed at: few enough to stay in the cache.
const WINDOW_FRAMES: usize = 1_024;
/// Frames after which a batch is handed on: copied while they are in the cache.
const BATCH_FRAMES: usize = 1_024;
/// A window is never longer, so that memory does not depend on how little happens, and never
/// shorter; in nanoseconds.
const WINDOW_MAX_NS: i64 = 60_000_000_000;
const WINDOW_MIN_NS: i64 = 1_000_000;
/// The first window, before anything is known of the rate.
const WINDOW_FIRST_NS: i64 = 100_000_000;
/// Batches that wait for the reader.
const READY_BATCHES: usize = 2;
/// Room for batches on their way back: more than there ever are, so that none is made twice.
const SPARE_BATCHES: usize = 8;

/// How to make traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// First moment.
    pub start: Timestamp,
    /// Length in nanoseconds. What has begun by then is finished.
    pub duration_ns: i64,
    /// So long before the start activities are planned, of which connections and later parts are
    /// seen: in nanoseconds, at most [`WARM_UP_NS`](super::WARM_UP_NS), with which the start is
    /// like any other moment. With 0 every connection begins in the span, for tests.
    pub warm_up_ns: i64,
    /// Threads; the result does not depend on it.
    pub threads: usize,
    /// TCP payload of a segment at most, in bytes: for tests of reassembly.
    pub segment_bytes_max: Option<u16>,
    /// Keep each derivable activity: for tests and small captures.
    pub with_rows: bool,
}

impl Options {
    /// The plan of everybody, in order of time, from before the start as [`Synth::start`] renders
    /// it.
    pub fn plan(&self, cast: &Cast) -> impl Iterator<Item = Item> {
        let count = u32::try_from(cast.clients.len()).unwrap_or(u32::MAX);
        let everybody: Vec<u32> = (0..count).collect();
        let Self { start, duration_ns, warm_up_ns, .. } = *self;
        let (first, end) = (start.plus_nanos(-warm_up_ns), start.plus_nanos(duration_ns));
        let planner = Planner::new(cast, &everybody, first, end);
        planner.filter(move |item| item.time >= start || item.activity.is_remembered())
    }
}

/// A source of synthesized frames.
pub struct Synth {
    ready: Receiver<Batch>,
    spare: SyncSender<Batch>,
    worker: Option<JoinHandle<Truth>>,
}

impl Synth {
    /// Starts making frames, ahead of whoever reads them.
    ///
    /// # Errors
    /// A span that cannot be, or no threads.
    pub fn start(cast: Cast, options: &Options) -> Result<Self, SynthError> {
        Self::begin(cast, options, None)
    }

    /// Renders the items of a plan made elsewhere, in order of time.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn perform(
        cast: Cast,
        options: &Options,
        script: impl Iterator<Item = Item> + Send + 'static,
    ) -> Result<Self, SynthError> {
        Self::begin(cast, options, Some(Box::new(script)))
    }

    fn begin(cast: Cast, options: &Options, script: Option<Script>) -> Result<Self, SynthError> {
        if options.duration_ns <= 0 {
            return Err(SynthError::Span("the duration must be above zero".to_owned()));
        }
        let network = cast.estate.network();
        let conditions = Conditions {
            mtu_bytes: network.mtu_bytes,
            segment_bytes_max: options.segment_bytes_max,
            loss: network.loss,
            reordering: network.reordering,
            offload: network.offload,
        };
        let threads = |error: &dyn std::fmt::Display| SynthError::Threads(error.to_string());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.max(1)).build();
        let pool = pool.map_err(|error| threads(&error))?;
        let (to_reader, ready) = sync_channel(READY_BATCHES);
        let (spare, from_reader) = sync_channel(SPARE_BATCHES);
        let show = Show {
            start: options.start.nanos(),
            end: options.start.plus_nanos(options.duration_ns).nanos(),
            warm_up_ns: options.warm_up_ns,
            is_told: script.is_some(),
            with_rows: options.with_rows,
        };
        let make = move || {
            let shards = (0..SHARDS).map(|number| Shard::new(&cast, number, show)).collect();
            let script = script.map(Iterator::peekable);
            let mut troupe = Troupe { cast, conditions, shards, script, from_reader, to_reader };
            pool.install(|| troupe.play(show.start));
            let mut truth = Truth::new(show.with_rows);
            troupe.shards.into_iter().for_each(|shard| truth.add(&shard.into_truth()));
            truth
        };
        let worker = std::thread::Builder::new().name("synth".to_owned()).spawn(make);
        let worker = worker.map_err(|error| threads(&error))?;
        Ok(Self { ready, spare, worker: Some(worker) })
    }

    /// What was put on the wire, once the source has ended.
    ///
    /// # Errors
    /// Where making frames failed.
    pub fn finish(mut self) -> Result<Truth, SynthError> {
        let failed = || SynthError::Threads("the synthesizer failed".to_owned());
        while self.ready.recv().is_ok() {}
        self.worker.take().ok_or_else(failed)?.join().map_err(|_| failed())
    }
}

impl FrameSource for Synth {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let Ok(ready) = self.ready.recv() else {
            batch.bytes.clear();
            batch.records.clear();
            return false;
        };
        let old = std::mem::replace(batch, ready);
        // Where the worker has enough of them, or has ended, it is simply dropped.
        let _ = self.spare.try_send(old);
        true
    }
}

/// A plan made elsewhere.
type Script = Box<dyn Iterator<Item = Item> + Send>;

/// The shards and where their frames go.
struct Troupe {
    cast: Cast,
    conditions: Conditions,
    shards: Vec<Shard>,
    script: Option<Peekable<Script>>,
    from_reader: Receiver<Batch>,
    to_reader: SyncSender<Batch>,
}

impl Troupe {
    /// Plays to the end, or until nobody reads any more.
    fn play(&mut self, start: i64) {
        let (mut until, mut length) = (start, WINDOW_FIRST_NS);
        let mut batch = Batch::default();
        while !(self.is_script_over() && self.shards.iter().all(Shard::is_done)) {
            until = until.saturating_add(length);
            self.tell(until);
            let Self { cast, conditions, shards, .. } = self;
            shards.par_iter_mut().for_each(|shard| shard.play(cast, conditions, until));
            let before = batch.records.len();
            merge(&self.shards, &mut batch);
            length = next_length(length, batch.records.len() - before);
            if batch.records.len() >= BATCH_FRAMES {
                batch = match self.hand_on(batch) {
                    Some(next) => next,
                    None => return,
                };
            }
        }
        if !batch.records.is_empty() {
            self.hand_on(batch);
        }
    }

    /// Gives a batch to the reader; the next one, empty, or `None` where nobody reads any more.
    fn hand_on(&self, batch: Batch) -> Option<Batch> {
        let first_frame = batch.first_frame + batch.records.len() as u64;
        self.to_reader.send(batch).ok()?;
        let mut next = self.from_reader.try_recv().unwrap_or_default();
        next.bytes.clear();
        next.records.clear();
        (next.first_frame, next.input_bytes) = (first_frame, 0);
        Some(next)
    }

    fn is_script_over(&mut self) -> bool {
        self.script.as_mut().is_none_or(|script| script.peek().is_none())
    }

    /// Hands out the items that begin before `until`.
    fn tell(&mut self, until: i64) {
        let Some(script) = &mut self.script else { return };
        while let Some(item) = script.next_if(|item| item.time.nanos() < until) {
            if let Some(shard) = self.shards.get_mut((item.client % SHARDS) as usize) {
                shard.tell(item);
            }
        }
    }
}

/// The next window's length: what would have given [`WINDOW_FRAMES`], by at most a factor of two.
fn next_length(length: i64, count: usize) -> i64 {
    let wanted = match count {
        0..=512 => length * 2,
        513..=WINDOW_FRAMES => length,
        _ => length / 2,
    };
    wanted.clamp(WINDOW_MIN_NS, WINDOW_MAX_NS)
}

/// Appends the frames of all shards in order of time; of one time, in order of the shards.
fn merge(shards: &[Shard], batch: &mut Batch) {
    let mut windows: Vec<_> = shards.iter().map(|shard| shard.window().peekable()).collect();
    let first = windows.iter_mut().enumerate();
    let first = first.filter_map(|(at, window)| Some(Reverse((window.peek()?.0, at))));
    let mut next: BinaryHeap<_> = first.collect();
    while let Some(mut top) = next.peek_mut() {
        let Reverse((_, at)) = *top;
        let Some(window) = windows.get_mut(at) else { break };
        if let Some((time, bytes)) = window.next() {
            put(batch, time, bytes);
        }
        match window.peek() {
            Some((time, _)) => *top = Reverse((*time, at)),
            None => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
    }
}

fn put(batch: &mut Batch, time: i64, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let offset = u32::try_from(batch.bytes.len()).unwrap_or(u32::MAX);
    batch.bytes.extend_from_slice(bytes);
    batch.records.push(Record {
        time: Timestamp::from_nanos(time),
        offset,
        captured_length: length,
        original_length: length,
        link: LinkType::ETHERNET,
        interface: 0,
    });
}
