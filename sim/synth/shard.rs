//! Some of the clients: planned, rendered and sorted apart from the others.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::net::Conditions;
use super::planner::Planner;
use super::queue::Queue;
use super::stage::Props;
use super::{Cast, Item, Memory, Stage, Truth};
use crate::base::{Random, Timestamp};
use crate::proto::dns::Sheet;

/// How many shards there are. Fixed: the order of frames of the same time depends on it.
pub const SHARDS: u32 = 16;

/// Some of the clients. Frames come out window by window, in order of time; where the windows
/// lie does not change them.
pub struct Shard {
    plan: Plan,
    /// One per client of this shard, by index of the client divided by [`SHARDS`].
    memories: Vec<Memory>,
    /// Parts of activities that come later: time, order in which they were asked for.
    later: BinaryHeap<Reverse<Later>>,
    asked: u64,
    /// Frames rendered.
    queue: Queue,
    stage_later: Vec<Item>,
    scratch: Vec<u8>,
    sheet: Sheet,
    truth: Truth,
    /// Of items before the start.
    unseen_truth: Truth,
    start: i64,
    end: i64,
}

/// Where the items come from.
enum Plan {
    Made(Planner),
    /// Told before each window, in order.
    Told(VecDeque<Item>),
}

impl Plan {
    fn next_time(&self) -> i64 {
        match self {
            Self::Made(planner) => planner.next_time(),
            Self::Told(items) => items.front().map_or(i64::MAX, |item| item.time.nanos()),
        }
    }

    fn next(&mut self) -> Option<Item> {
        match self {
            Self::Made(planner) => planner.next(),
            Self::Told(items) => items.pop_front(),
        }
    }
}

/// By time, then by when it was asked for; no two are alike in both.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Later {
    time: i64,
    order: u64,
    item: Item,
}

/// Who comes when.
#[derive(Debug, Clone, Copy)]
pub struct Show {
    /// First moment, in nanoseconds since 1970.
    pub start: i64,
    /// Nothing begins from here on.
    pub end: i64,
    /// The plan begins so long before the start, in nanoseconds.
    pub warm_up_ns: i64,
    /// The items are told, not planned.
    pub is_told: bool,
    /// Keep each derivable activity.
    pub with_rows: bool,
}

/// From so long before the start on, in nanoseconds, activities are begun whose connections and
/// later parts fall into the span: 16 minutes. The longest time for which a connection is kept that
/// nobody uses, 15 minutes, and one for what uses it. So those are open at the start that would be
/// had the plan begun at any time before; only the queries of an enrolment with Autopilot go on for
/// longer, up to an hour.
pub const WARM_UP_NS: i64 = 960_000_000_000;

impl Shard {
    /// The clients whose index leaves `number` when divided by [`SHARDS`].
    pub fn new(cast: &Cast, number: u32, show: Show) -> Self {
        let count = u32::try_from(cast.clients.len()).unwrap_or(u32::MAX);
        let clients: Vec<u32> = (number..count).step_by(SHARDS as usize).collect();
        let seeds = clients.iter().map(|client| u64::from(*client) | 1 << 63);
        let memories =
            seeds.map(|label| Memory::new(Random::fork(cast.seed, label).next_u64())).collect();
        let Show { start, end, warm_up_ns, is_told, with_rows } = show;
        let plan = if is_told {
            Plan::Told(VecDeque::new())
        } else {
            let first = Timestamp::from_nanos(start.saturating_sub(warm_up_ns));
            Plan::Made(Planner::new(cast, &clients, first, Timestamp::from_nanos(end)))
        };
        Self {
            plan,
            memories,
            later: BinaryHeap::new(),
            asked: 0,
            queue: Queue::default(),
            stage_later: Vec::new(),
            scratch: Vec::new(),
            sheet: Sheet::default(),
            truth: Truth::new(with_rows),
            unseen_truth: Truth::default(),
            start,
            end,
        }
    }

    /// Tells an item of a plan made elsewhere; in order of time, each before its window.
    pub fn tell(&mut self, item: Item) {
        if let Plan::Told(items) = &mut self.plan {
            items.push_back(item);
        }
    }

    /// Renders everything that begins before `until`, and puts the frames before it in order.
    pub fn play(&mut self, cast: &Cast, conditions: &Conditions, until: i64) {
        self.queue.drop_window();
        let until_item = until.min(self.end);
        while let Some(item) = self.next_item(until_item) {
            self.render(cast, conditions, item);
        }
        self.queue.fill_window(until);
    }

    /// Whether nothing comes any more.
    pub fn is_done(&self) -> bool {
        self.queue.is_empty()
            && self.plan.next_time() >= self.end
            && self.later.peek().is_none_or(|Reverse(later)| later.time >= self.end)
    }

    /// Frames of the window, in order.
    pub fn window(&self) -> impl ExactSizeIterator<Item = (i64, &[u8])> {
        self.queue.window()
    }

    /// What was put on the wire.
    pub fn into_truth(self) -> Truth {
        self.truth
    }

    /// The next item that begins before `until`: of the plan, or a later part.
    fn next_item(&mut self, until: i64) -> Option<Item> {
        let planned = self.plan.next_time();
        let later = self.later.peek().map_or(i64::MAX, |Reverse(later)| later.time);
        if planned.min(later) >= until {
            return None;
        }
        if planned <= later {
            let item = self.plan.next()?;
            if item.time.nanos() >= self.start {
                self.truth.planned(item.activity);
            }
            return Some(item);
        }
        self.later.pop().map(|Reverse(later)| later.item)
    }

    fn render(&mut self, cast: &Cast, conditions: &Conditions, item: Item) {
        let Some(memory) = self.memories.get_mut((item.client / SHARDS) as usize) else { return };
        let is_before = item.time.nanos() < self.start;
        // What begins before the start is not seen, and done only for what comes after it.
        let truth = if is_before {
            if !item.activity.is_remembered() {
                return;
            }
            &mut self.unseen_truth
        } else {
            memory.begin();
            &mut self.truth
        };
        let out = &mut self.queue.frames;
        out.from = if is_before { i64::MAX } else { self.start };
        let mark = out.places.len();
        let (later, scratch) = (&mut self.stage_later, &mut self.scratch);
        let sheet = &mut self.sheet;
        let props = Props { out, truth, later, scratch, sheet, memory, start: self.start };
        let mut stage = Stage::new(cast, conditions, item, props);
        item.activity.render(&mut stage);
        stage.finish();
        let frames = self.queue.frames.places.get(mark..).unwrap_or_default();
        self.truth.frames += frames.len() as u64;
        self.truth.bytes += frames.iter().map(|place| u64::from(place.length)).sum::<u64>();
        for item in self.stage_later.drain(..) {
            self.asked += 1;
            let later = Later { time: item.time.nanos(), order: self.asked, item };
            self.later.push(Reverse(later));
        }
    }
}
