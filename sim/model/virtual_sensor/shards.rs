//! Which flow goes to which shard, so that one more shard only takes flows away from the others.
//!
//! Flows fall into [`SLOTS`] slots by their hash, and slots are dealt to shards. The deal for
//! `n + 1` shards takes slots from those of `n`, evenly, and moves no other slot: consistent
//! hashing with the smallest imbalance that is possible.

/// Bits of the flow hash that choose a slot.
const SLOT_BITS: u32 = 10;

/// Slots that flows fall into.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;

/// Most shards of one sensor: four times what the vendor's table needs for its highest rate.
pub(super) const SHARDS_MAX: usize = 32;

/// The slot of a flow, by multiplicative hashing (Knuth, TAOCP vol. 3, 6.4): hashes that differ
/// only in their low bits spread all the same.
#[inline(always)]
pub(super) fn slot_of(flow: u32) -> u16 {
    u16::try_from(flow.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOT_BITS)).unwrap_or(0)
}

/// The shard, from 0, of each slot where there are `shards`.
pub(super) fn deal(shards: usize) -> Vec<usize> {
    let mut owner = vec![0; SLOTS];
    let mut counts = vec![0_usize; SHARDS_MAX];
    if let Some(first) = counts.first_mut() {
        *first = SLOTS;
    }
    for new in 1..shards.min(SHARDS_MAX) {
        for _ in 0..SLOTS / (new + 1) {
            let old = counts.iter().take(new);
            let fullest = old.enumerate().max_by_key(|(shard, count)| (**count, new - shard));
            let Some(fullest) = fullest.map(|(shard, _)| shard) else { continue };
            let given = owner.iter_mut().rev().find(|shard| **shard == fullest);
            if let Some(slot) = given {
                *slot = new;
            }
            let moved = [(fullest, -1_isize), (new, 1)];
            for (shard, change) in moved {
                if let Some(count) = counts.get_mut(shard) {
                    *count = count.saturating_add_signed(change);
                }
            }
        }
    }
    owner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_to_a_slot_and_one_more_shard_only_takes() {
        let mut before = deal(1);
        for shards in 2..=SHARDS_MAX {
            let now = deal(shards);
            for (old, new) in before.iter().zip(&now) {
                assert!(old == new || *new == shards - 1);
            }
            let mut counts = vec![0; shards];
            now.iter().for_each(|shard| counts[*shard] += 1);
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 1, "{shards} shards: {least} to {most} slots");
            before = now;
        }
    }

    #[test]
    fn hashes_that_count_up_spread_over_all_slots() {
        let mut hit = vec![0; SLOTS];
        (0..102_400).for_each(|flow| hit[usize::from(slot_of(flow))] += 1);
        assert!(hit.iter().all(|count| (80..=120).contains(count)));
    }
}
