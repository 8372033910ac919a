//! Whose packets the modelled work is.

use crate::model::calibration::ClassCosts;
use crate::model::probability::Traffic;

/// The work on the packets of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    /// To show to people.
    pub name: &'a str,
    /// Share of the work on all packets, 0 to 1.
    pub share: f64,
}

/// The parts of the work on recorded packets, the largest first; none of made ones, whose classes
/// are assumed.
pub fn parts<'a>(traffic: &Traffic<'_>, costs: &'a ClassCosts) -> Vec<Part<'a>> {
    let Traffic::Recorded { batches, .. } = traffic else { return Vec::new() };
    let mut packets = vec![0.0; costs.classes().len()];
    for class in batches.iter().flat_map(|batch| &batch.class) {
        if let Some(count) = packets.get_mut(usize::from(*class)) {
            *count += 1.0;
        }
    }
    let work = costs.classes().iter().zip(packets);
    let mut parts: Vec<Part<'_>> = work
        .map(|(class, packets)| Part { name: &class.name, share: class.cost.mean_ns * packets })
        .filter(|part| part.share > 0.0)
        .collect();
    let whole: f64 = parts.iter().map(|part| part.share).sum();
    parts.iter_mut().for_each(|part| part.share /= whole);
    parts.sort_by(|a, b| b.share.total_cmp(&a.share));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Arrivals;
    use crate::model::calibration::{Class, Measured};

    #[test]
    fn work_is_packets_times_their_cost() {
        let class = |name: &str, mean_ns| Class {
            name: name.to_owned(),
            cost: Measured { mean_ns, error_ns: 0.0 },
            share: 1.0,
        };
        let classes = vec![class("A", 100.0), class("B", 600.0), class("C", 1.0)];
        let costs = ClassCosts::new(classes, None, Vec::new()).unwrap();
        let mut arrivals = Arrivals::default();
        for class in [0, 0, 1, 0, 200] {
            arrivals.push(0, 100, class, 0);
        }
        let batches = [arrivals];
        let traffic = Traffic::Recorded { batches: &batches, start_ns: 0, end_ns: 1 };
        let found = parts(&traffic, &costs);
        let expected = [("B", 2.0 / 3.0), ("A", 1.0 / 3.0)];
        assert_eq!(found.len(), expected.len());
        for (part, (name, share)) in found.iter().zip(expected) {
            assert_eq!(part.name, name);
            assert!((part.share - share).abs() < 1e-12, "{part:?}");
        }
    }
}
