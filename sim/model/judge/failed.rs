//! What a domain controller takes over where another one has failed.

use crate::record::{Assumption, Basis, Sized};

use super::span::Span;

/// How many times its own traffic a domain controller is tried with at most: the few packets of
/// one that has next to none say nothing of so many. Ours.
const TIMES_MAX: f64 = 100.0;

/// How many times its traffic the domain controller at `index` has where the busiest of the others
/// has failed and the rest share its load evenly, by their Busy rates. Only those count whose inputs
/// overlap in time with its own; `None` where there is none, or it would be more than a hundred
/// times.
pub fn load_if_one_fails(all: &[Sized], index: usize) -> Option<f64> {
    let own = all.get(index)?;
    let busy = |sized: &Sized| Some(sized.load.busy?.packets_per_second);
    let time = Span::covered(own)?;
    let others = all.iter().enumerate().filter(|(at, other)| {
        *at != index && Span::covered(other).is_some_and(|other| other.overlaps(time))
    });
    let rates: Vec<f64> = others.filter_map(|(_, other)| busy(other)).collect();
    let failed = rates.iter().copied().reduce(f64::max)?;
    // Those that are left: the others less the one that failed, and this one.
    let times = 1.0 + failed / rates.len() as f64 / busy(own)?;
    (times <= TIMES_MAX).then_some(times)
}

/// The rule in words.
pub fn assumption() -> Assumption {
    Assumption {
        text:
            "Virtual sensor: where a domain controller has failed, it is the busiest of the others \
               whose inputs overlap in time, and those that are left share its load evenly."
                .to_owned(),
        basis: Basis::Assumed,
        source: "which clients go where, an estate says: `headroom simulate ESTATE --failed NAME`"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::model::fixture::counters;
    use crate::model::{Rules, size};

    #[test]
    fn the_busiest_other_of_the_same_time_fails_and_the_rest_share_its_load() {
        const DAY: i64 = 86_400;
        let sized = |packets_per_second: f64, day: i64| {
            let start = Timestamp::from_parts(1_768_204_800 + day * DAY, 0);
            let dc = counters("DC", start, 5_000, vec![Some(packets_per_second); 240]);
            size(dc, &Rules::default())
        };
        // The last one is of another month.
        let all = [sized(1_000.0, 0), sized(4_000.0, 0), sized(2_000.0, 0), sized(9_000.0, 40)];
        let times = |index| load_if_one_fails(&all, index);
        assert_eq!([times(0), times(1), times(2)], [Some(3.0), Some(1.25), Some(2.0)]);
        assert_eq!((times(3), times(4)), (None, None));
        assert_eq!(load_if_one_fails(&all[..1], 0), None);
        // Of next to nothing nothing can be told.
        let unequal = [sized(1.0, 0), sized(4_000.0, 0)];
        assert_eq!(load_if_one_fails(&unequal, 0), None);
        assert_eq!(load_if_one_fails(&unequal, 1), Some(1.000_25));
    }
}
