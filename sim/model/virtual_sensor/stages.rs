//! The queues behind the listener: translator, resolver, sender.
//!
//! "When a component reaches its maximum size, it blocks the previous component … This happens
//! all the way back to the NetworkListener component, which will drop traffic when it can no
//! longer forward entities" (Troubleshooting ATA using the performance counters; the same list
//! for Azure ATP, 2017). Queue sizes are from there; service rates are published nowhere.
//!
//! A fluid model in steps of one tick: what passes in a tick is a volume, not single messages.
//! Nothing is lost by that: queues hold ten thousand messages and more, ticks a few hundred.

/// `NetworkActivityTranslator Message Data # Block Size`: default maximum.
pub const TRANSLATOR_QUEUE: f64 = 100_000.0;
/// `EntityResolver Activity Block Size`: default maximum.
pub const RESOLVER_QUEUE: f64 = 10_000.0;
/// `EntitySender Entity Batch Block Size`: default maximum.
pub const SENDER_QUEUE: f64 = 1_000_000.0;

/// Part of a queue below which it counts as nearly empty.
const CALM: f64 = 0.1;

/// How fast the stages are. All assumed: the vendor publishes the sizes of the queues only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stages {
    /// Messages that the listener passes on for each packet.
    pub messages_per_packet: f64,
    /// Activities that the translator makes of each message.
    pub activities_per_message: f64,
    /// Messages that the translator takes per second.
    pub translator_per_second: f64,
    /// Activities that the resolver takes per second.
    pub resolver_per_second: f64,
    /// Activities that the sender takes per second.
    pub sender_per_second: f64,
    /// Memory for each entry in a queue, in bytes.
    pub bytes_per_entry: f64,
}

impl Default for Stages {
    /// Assumed so that the stages keep up with twice the last row of the vendor's table
    /// (100,000 packets/s): then it is the listener that limits, which the vendor calls the
    /// CPU-heavy one. One message in two packets, one activity in ten messages, 1 KB an entry.
    fn default() -> Self {
        Self {
            messages_per_packet: 0.5,
            activities_per_message: 0.1,
            translator_per_second: 100_000.0,
            resolver_per_second: 10_000.0,
            sender_per_second: 10_000.0,
            bytes_per_entry: 1_024.0,
        }
    }
}

/// How full the queues are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Queues {
    /// Messages before the translator.
    pub(super) translator: f64,
    /// Activities before the resolver.
    pub(super) resolver: f64,
    /// Activities before the sender.
    pub(super) sender: f64,
}

impl Queues {
    /// A tick of `seconds` in which the listener passes on what `packets` hold. Returns the most
    /// packets that it may pass on in the next one: what the translator's queue has room for.
    ///
    /// From the back to the front, so that each stage knows what room there is behind it.
    pub(super) fn step(&mut self, stages: &Stages, packets: f64, seconds: f64) -> f64 {
        self.sender -= self.sender.min(stages.sender_per_second * seconds);
        let resolved =
            self.resolver.min(stages.resolver_per_second * seconds).min(SENDER_QUEUE - self.sender);
        self.sender += resolved;
        self.resolver -= resolved;
        let room = (RESOLVER_QUEUE - self.resolver).max(0.0) / stages.activities_per_message;
        self.translator += packets * stages.messages_per_packet;
        let translated = self.translator.min(stages.translator_per_second * seconds).min(room);
        self.translator -= translated;
        self.resolver += translated * stages.activities_per_message;
        (TRANSLATOR_QUEUE - self.translator).max(0.0) / stages.messages_per_packet
    }

    /// Memory in bytes.
    pub(super) fn bytes(&self, stages: &Stages) -> f64 {
        (self.translator + self.resolver + self.sender) * stages.bytes_per_entry
    }

    /// Whether no queue holds more than a tenth of what it may: it takes long to fill.
    pub(super) fn calm(&self) -> bool {
        let full = [
            self.translator / TRANSLATOR_QUEUE,
            self.resolver / RESOLVER_QUEUE,
            self.sender / SENDER_QUEUE,
        ];
        full.into_iter().all(|share| share < CALM)
    }

    /// Whether nothing waits anywhere.
    pub(super) fn idle(&self) -> bool {
        self.translator + self.resolver + self.sender < 1e-9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: f64 = 0.01;
    const PACKETS: f64 = 1_000.0;

    /// The queues after `ticks` of 1,000 packets where there is room, and the tick that had none.
    fn run(stages: &Stages, ticks: usize) -> (Queues, usize, f64) {
        let (mut queues, mut most, mut blocked, mut passed) =
            (Queues::default(), f64::INFINITY, ticks, 0.0);
        for tick in 0..ticks {
            if most < PACKETS {
                blocked = blocked.min(tick);
            }
            let packets = most.min(PACKETS);
            passed = packets;
            most = queues.step(stages, packets, TICK);
            assert!(queues.translator <= TRANSLATOR_QUEUE + 1e-6);
            assert!(queues.resolver <= RESOLVER_QUEUE + 1e-6);
            assert!(queues.sender <= SENDER_QUEUE + 1e-6);
        }
        (queues, blocked, passed)
    }

    #[test]
    fn fast_stages_never_block() {
        let (queues, blocked, passed) = run(&Stages::default(), 10_000);
        assert_eq!((blocked, passed), (10_000, PACKETS));
        assert!(queues.translator + queues.resolver < PACKETS);
    }

    #[test]
    fn each_queue_fills_and_blocks_the_one_before_it() {
        // A slow translator: 500 messages come a tick, 100 leave; full after 250 ticks.
        let slow = Stages { translator_per_second: 10_000.0, ..Stages::default() };
        let (_, blocked, _) = run(&slow, 1_000);
        assert!((240..=250).contains(&blocked), "{blocked}");
        // A slow resolver: 50 activities come, 10 leave; 250 ticks, then the translator's 250.
        let slow = Stages { resolver_per_second: 1_000.0, ..Stages::default() };
        let (_, blocked, _) = run(&slow, 1_000);
        assert!((480..=510).contains(&blocked), "{blocked}");
        // A dead sender: a million activities take 20,000 ticks, then both queues before it.
        let dead = Stages { sender_per_second: 1e-9, ..Stages::default() };
        let (_, blocked, _) = run(&dead, 30_000);
        assert!((20_300..=20_600).contains(&blocked), "{blocked}");
    }

    #[test]
    fn a_blocked_listener_passes_on_what_leaves() {
        let stages = Stages { translator_per_second: 10_000.0, ..Stages::default() };
        let (_, _, passed) = run(&stages, 2_000);
        // 10,000 messages/s are 20,000 packets/s: 200 a tick.
        assert!((passed - 200.0).abs() < 1e-6, "{passed}");
    }
}
