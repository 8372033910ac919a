//! The course over time: one run over the whole input with the mean costs, of one size.

use crate::base::Arrivals;
use crate::model::bursts::{Generator, Rates};
use crate::model::meter::Meter;
use crate::model::probability::BATCH;
use crate::model::rounding::short;
use crate::model::virtual_sensor::{Candidate, VirtualSensor};
use crate::record::{SimulatedSize, VirtualVerdict};

use super::made::Made;
use super::span::Span;
use super::{Case, JudgeError};

/// Packets of a course that is made, at most: a day of 20,000 packets per second and some more.
pub const COURSE_PACKETS: f64 = 2_000_000_000.0;

impl Case<'_> {
    /// `size` with the buffer of a course.
    pub(super) fn of_course(&self, size: &Candidate) -> Candidate {
        size.with_buffer_times(self.question.middle())
    }

    /// One run of `size` over arrivals at these rates. Making them and serving them take turns on
    /// two batches, on two processors where there are.
    pub(super) fn course_of_samples(
        &self,
        size: &Candidate,
        rates: Rates,
        made: &Made,
        meter: &Meter<'_>,
    ) -> Result<Option<SimulatedSize>, JudgeError> {
        let span = Span { start_ns: rates.start_ns, end_ns: rates.end_ns() };
        let sizes = [self.of_course(size)];
        let mut settings = self.settings_of_course(span.seconds());
        if let Some(host) = &self.host {
            settings.own_load = host.own_load(span);
        }
        let mut sensor = VirtualSensor::new(settings, &sizes, span.start_ns)?;
        let (bursts, mix) = (made.bursts.clone(), made.mix.clone());
        let mut generator = Generator::new(rates, bursts, mix, self.question.seed, u64::MAX)?;
        let (mut now, mut next) = (Arrivals::default(), Arrivals::default());
        let mut is_filled = generator.fill(&mut now, BATCH);
        while is_filled {
            let (offered, filled) =
                rayon::join(|| sensor.offer(&now), || generator.fill(&mut next, BATCH));
            offered?;
            meter.add(now.len() as u64);
            std::mem::swap(&mut now, &mut next);
            is_filled = filled;
        }
        Ok(sensor.finish(span.end_ns)?.pop())
    }
}

/// Keeps the digits that mean something of what there are up to [`super::COURSE_ROWS`] of.
pub fn shorten(course: &mut SimulatedSize) {
    for row in &mut course.intervals {
        for figure in [
            &mut row.utilisation,
            &mut row.busiest_shard,
            &mut row.allowed_cores,
            &mut row.mean_wait_ms,
            &mut row.queued_entries_max,
            &mut row.memory_gb,
        ] {
            *figure = short(*figure);
        }
    }
}

/// Takes the buffers out of what replicas told, who drew each its own: only the course has one.
pub fn without_drawn_buffers(verdict: &mut VirtualVerdict) {
    let found = verdict.server.iter_mut().chain(&mut verdict.sizes).map(|found| &mut found.size);
    let sufficient = &mut verdict.sufficient;
    let of_table = [&mut sufficient.lower, &mut sufficient.target, &mut sufficient.upper];
    let of_table = of_table.into_iter().flatten();
    let room = verdict.headroom.iter_mut().map(|room| &mut room.size);
    for size in found.chain(of_table).chain(room) {
        size.buffer_bytes_per_shard = None;
    }
}

/// The course of the size that is told of, else of the last, the largest.
pub fn of(courses: Vec<SimulatedSize>, chosen: Option<Candidate>) -> Option<SimulatedSize> {
    let is_same = |course: &SimulatedSize| {
        chosen.is_some_and(|chosen| {
            (course.size.cores, course.size.memory_gb) == (chosen.cores, chosen.memory_gb)
        })
    };
    let at = courses.iter().position(is_same).unwrap_or(courses.len().saturating_sub(1));
    courses.into_iter().nth(at)
}
