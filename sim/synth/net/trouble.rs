//! A flight in which segments get lost or overtake each other, and how both ends get over it.

use super::flight::{ACKNOWLEDGE_NS, Course, Flight, GO_ON_NS};
use super::frames::line_ns;
use super::tcp::{ACK, BLOCKS_MAX, PSH, Tcp, Wire};
use crate::base::Random;

/// A retransmission timeout is never less (Windows' minimum), in nanoseconds; a round trip is
/// added.
const TIMEOUT_NS: i64 = 300_000_000;
/// Acknowledgments of the same byte after which it is sent again (RFC 5681 section 3.2).
const DUPLICATES: u32 = 3;
/// Congestion window after that at least, and after a timeout (RFC 5681 section 3.1), in full
/// segments.
const FLIGHT_AFTER_LOSS: u8 = 2;
const FLIGHT_AFTER_TIMEOUT: u8 = 1;
/// How late a segment is that another overtakes, in nanoseconds: at least, and what comes on
/// top. Assumed.
const LATE_MIN_NS: i64 = 20_000;
const LATE_MORE_NS: u32 = 980_000;
/// Headers of Ethernet, IP and TCP on the line, in bytes, about.
const HEADERS: usize = 54;

/// What happens to a segment on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives in its turn.
    Arrives,
    /// It does not arrive.
    Lost,
    /// The next one arrives before it.
    Overtaken,
}

/// Draws what happens to so many segments; whether anything does.
pub fn draw(
    fates: &mut Vec<Fate>,
    count: usize,
    loss: f64,
    reordering: f64,
    random: &mut Random,
) -> bool {
    fates.clear();
    let mut is_calm = true;
    for number in 0..count {
        let is_after = fates.last() == Some(&Fate::Overtaken);
        let fate = if is_after {
            Fate::Arrives
        } else if random.chance(loss) {
            Fate::Lost
        } else if number + 1 < count && random.chance(reordering) {
            Fate::Overtaken
        } else {
            Fate::Arrives
        };
        is_calm &= fate == Fate::Arrives;
        fates.push(fate);
    }
    !is_calm
}

/// The segments that a receiver has of a flight, by their numbers.
#[derive(Debug, Default)]
struct Reception {
    /// The first that it does not have.
    next: usize,
    /// Those behind: from, up to, in order, apart from each other.
    behind: Vec<(usize, usize)>,
}

impl Reception {
    /// A segment arrives that did not before; how many are complete now that were not.
    fn add(&mut self, number: usize) -> usize {
        let before = self.next;
        if number == self.next {
            self.next += 1;
            if let Some((_, to)) = self.behind.first().filter(|(from, _)| *from == self.next) {
                self.next = *to;
                self.behind.remove(0);
            }
            return self.next - before;
        }
        let at = self.behind.iter().rposition(|(from, _)| *from < number).map_or(0, |at| at + 1);
        let joins_next = self.behind.get(at).is_some_and(|(from, _)| *from == number + 1);
        let before_it = at.checked_sub(1).and_then(|at| self.behind.get_mut(at));
        match before_it.filter(|(_, to)| *to == number) {
            Some((_, to)) => {
                *to += 1;
                if joins_next {
                    let (_, end) = self.behind.remove(at);
                    if let Some((_, to)) = self.behind.get_mut(at - 1) {
                        *to = end;
                    }
                }
            }
            None if joins_next => {
                if let Some((from, _)) = self.behind.get_mut(at) {
                    *from = number;
                }
            }
            None => self.behind.insert(at, (number, number + 1)),
        }
        0
    }

    /// Those behind as a report names them: first the one with `number`, then the latest.
    fn report(&self, number: usize) -> impl Iterator<Item = (usize, usize)> {
        let has = move |(from, to): &(usize, usize)| (*from..*to).contains(&number);
        let first = self.behind.iter().rev().copied().find(move |block| has(block));
        let others = self.behind.iter().rev().copied().filter(move |block| !has(block));
        first.into_iter().chain(others)
    }

    /// Those that are missing before `count`.
    fn missing(&self, count: usize) -> Vec<usize> {
        let ends = self.behind.iter().map(|(from, _)| *from).chain([count]);
        let starts = [self.next].into_iter().chain(self.behind.iter().map(|(_, to)| *to));
        starts.zip(ends).flat_map(|(from, to)| from..to).collect()
    }
}

/// A flight on its way.
struct Passage<'t, 'f> {
    tcp: &'t mut Tcp,
    flight: Flight<'f>,
    /// Sequence number of the first segment, and identification of the packet before it.
    origin: u32,
    ip_id: u16,
    reception: Reception,
    /// Acknowledgments that said the same as the one before, and when the third did.
    duplicates: u32,
    third: Option<i64>,
    /// The first and the last acknowledgment.
    acknowledged: Option<(i64, i64)>,
}

impl Tcp {
    /// Sends a flight whose segments meet their fates.
    pub(super) fn troubled(
        &mut self,
        start: i64,
        flight: Flight<'_>,
        fates: &[Fate],
        wire: &mut Wire<'_>,
    ) -> Course {
        let end = self.end(flight.side);
        let (origin, ip_id) = (end.sequence, end.ip_id);
        let mut passage = Passage {
            tcp: self,
            flight,
            origin,
            ip_id,
            reception: Reception::default(),
            duplicates: 0,
            third: None,
            acknowledged: None,
        };
        let (mut last, line) = passage.first_time(start, fates, wire);
        let missing = passage.reception.missing(fates.len());
        let recovered = passage.recover(&missing, line, wire);
        last = recovered.unwrap_or(last);
        let acknowledged = passage.acknowledged;
        let count = fates.len() + missing.len();
        self.after_flight(&flight, origin, ip_id, count);
        let growing = self.end(flight.side).flight.saturating_mul(2);
        let receiver = flight.side.other();
        let next = if missing.is_empty() {
            self.end_mut(flight.side).flight = growing;
            acknowledged.map(|(first, _)| first)
        } else {
            acknowledged.map(|(_, last)| last)
        };
        let line = line.max(last + line_ns(HEADERS + flight.unit));
        if flight.is_end {
            return Course { last, next: line };
        }
        let next = next.or_else(|| self.acknowledge_late(receiver, wire.out)).unwrap_or(last);
        Course { last, next: line.max(self.reaction(next, flight.side, GO_ON_NS)) }
    }

    /// The sender has sent all of a flight, in so many packets.
    fn after_flight(&mut self, flight: &Flight<'_>, origin: u32, ip_id: u16, packets: usize) {
        let length = u32::try_from(flight.bytes.len()).unwrap_or(0);
        let end = self.end_mut(flight.side);
        end.sequence = origin.wrapping_add(length);
        end.ip_id = ip_id.wrapping_add(u16::try_from(packets & 0xffff).unwrap_or(0));
    }
}

impl Passage<'_, '_> {
    /// Sends each segment once; when the last was seen, and when the line is free.
    fn first_time(&mut self, start: i64, fates: &[Fate], wire: &mut Wire<'_>) -> (i64, i64) {
        let is_here = self.flight.side == self.tcp.flow.here;
        let spacing = line_ns(HEADERS + self.flight.unit);
        let (mut slot, mut late, mut last) = (start, 0, start);
        let mut overtaken = None;
        for (number, fate) in fates.iter().enumerate() {
            // What the domain controller sends is seen before anything happens to it.
            if is_here {
                self.show(slot, number, number, wire);
                last = slot;
            }
            let arrives = slot + late;
            match fate {
                Fate::Lost => {}
                Fate::Overtaken => overtaken = Some(number),
                Fate::Arrives => {
                    last = last.max(self.arrive(arrives, number, is_here, wire));
                    if let Some(number) = overtaken.take() {
                        late += LATE_MIN_NS + i64::from(wire.random.below(LATE_MORE_NS));
                        last = last.max(self.arrive(slot + late, number, is_here, wire));
                    }
                }
            }
            slot += spacing;
        }
        (last, slot + if is_here { 0 } else { late })
    }

    /// Sends what was lost again; when the last of it was seen.
    fn recover(&mut self, missing: &[usize], line: i64, wire: &mut Wire<'_>) -> Option<i64> {
        let (first, others) = missing.split_first()?;
        let side = self.flight.side;
        let spacing = line_ns(HEADERS + self.flight.unit);
        let mut time = match self.third {
            Some(third) => self.tcp.round(third, side).max(line),
            None => line + TIMEOUT_NS + self.tcp.flow.round_trip_ns,
        };
        let packets = self.flight.count();
        self.show(time, *first, packets, wire);
        self.receive(time, *first, wire);
        let mut next =
            if self.third.is_some() { time + spacing } else { self.tcp.round(time, side) };
        for (packet, number) in (packets + 1..).zip(others) {
            time = next;
            self.show(time, *number, packet, wire);
            self.receive(time, *number, wire);
            next += spacing;
        }
        let end = self.tcp.end_mut(side);
        end.flight = match self.third {
            Some(_) => (end.flight / 2).max(FLIGHT_AFTER_LOSS),
            None => FLIGHT_AFTER_TIMEOUT,
        };
        Some(time)
    }

    /// A segment arrives, and is seen now where it was not when it was sent; when.
    fn arrive(&mut self, time: i64, number: usize, is_shown: bool, wire: &mut Wire<'_>) -> i64 {
        if !is_shown {
            self.show(time, number, number, wire);
        }
        self.receive(time, number, wire);
        if is_shown { i64::MIN } else { time }
    }

    /// A segment is seen, in the packet of that number.
    fn show(&mut self, time: i64, number: usize, packet: usize, wire: &mut Wire<'_>) {
        let Flight { side, bytes, unit, is_end, .. } = self.flight;
        let rest = bytes.get(number * unit..).unwrap_or_default();
        let part = rest.get(..unit).unwrap_or(rest);
        let flags = if is_end && rest.len() <= unit { ACK | PSH } else { ACK };
        let sequence = self.sequence(number);
        let end = self.tcp.end_mut(side);
        (end.sequence, end.ip_id) =
            (sequence, self.ip_id.wrapping_add(u16::try_from(packet & 0xffff).unwrap_or(0)));
        self.tcp.segment(time, side, flags, part, 1, wire.out);
    }

    /// A segment has reached the receiver at what is `time` at the capture point.
    fn receive(&mut self, time: i64, number: usize, wire: &mut Wire<'_>) {
        let Flight { side, unit, full, .. } = self.flight;
        let receiver = side.other();
        let had_gap = !self.reception.behind.is_empty();
        let complete = self.reception.add(number);
        self.tcp.close_window(receiver, complete * unit, full);
        let is_at_once = if complete > 0 {
            self.duplicates = 0;
            had_gap || self.tcp.receive(receiver, unit, true, wire.random)
        } else {
            self.duplicates += 1;
            if self.duplicates == DUPLICATES {
                self.third = self.third.or(Some(time));
            }
            true
        };
        if !is_at_once {
            return;
        }
        let mut blocks = [(0, 0); BLOCKS_MAX];
        let named = blocks.iter_mut().zip(self.reception.report(number));
        let count = named
            .map(|(block, (from, to))| *block = (self.sequence(from), self.sequence(to)))
            .count();
        let acknowledgment = self.sequence(self.reception.next);
        let at = self.tcp.reaction(time, receiver, ACKNOWLEDGE_NS);
        let blocks = blocks.get(..count).unwrap_or_default();
        let at = self.tcp.acknowledge(at, receiver, acknowledgment, blocks, wire.out);
        let (first, _) = self.acknowledged.unwrap_or((at, at));
        self.acknowledged = Some((first, at));
    }

    /// Sequence number of a segment.
    fn sequence(&self, number: usize) -> u32 {
        let offset = (number * self.flight.unit).min(self.flight.bytes.len());
        self.origin.wrapping_add(u32::try_from(offset).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reception_agrees_with_a_list_of_flags() {
        let mut random = Random::new(5);
        for _ in 0..200 {
            let count = 1 + random.below(40) as usize;
            let mut order: Vec<_> = (0..count).collect();
            for at in (1..count).rev() {
                order.swap(at, random.below(40) as usize % (at + 1));
            }
            let (mut reception, mut have) = (Reception::default(), vec![false; count]);
            for number in order {
                let before = have.iter().take_while(|have| **have).count();
                have[number] = true;
                let next = have.iter().take_while(|have| **have).count();
                assert_eq!(reception.add(number), next - before);
                assert_eq!(reception.next, next);
                let missing: Vec<_> = (0..count).filter(|number| !have[*number]).collect();
                assert_eq!(reception.missing(count), missing);
                let mut covered = vec![false; count];
                for (from, to) in reception.report(number) {
                    covered[from..to].fill(true);
                }
                covered[..next].fill(true);
                assert_eq!(covered, have);
                let first = reception.report(number).next();
                assert!(number < next || first.is_some_and(|(a, b)| (a..b).contains(&number)));
            }
        }
    }
}
