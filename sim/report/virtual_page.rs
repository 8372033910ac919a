//! The parts of the page that say what the virtual sensor found: a card beside the vendor's, the
//! tables and plots behind it, and the calibration. Absent where it was not asked.

use crate::record::{CalibrationSummary, Sized, SizingReport, VirtualVerdict};

use super::html::{Plotted, plotted};
use super::labels::{self, Tone};
use super::page_tables::Grid;
use super::{ReportError, escape, number, plots, virtual_tables, virtual_words};

/// The answer on one domain controller.
pub struct VirtualCard {
    /// Unique in the page.
    pub id: String,
    /// Name of the domain controller.
    pub name: String,
    /// How the answer is to be taken.
    pub tone: Tone,
    /// The answer in one line.
    pub words: String,
    /// The answer in a few words.
    pub brief: String,
    /// Whose it is.
    pub whose: &'static str,
    /// The first sentence of the explanation; may be empty.
    pub summary: String,
    /// The others.
    pub sentences: Vec<String>,
    /// Figures: what, how much, and the fine print.
    pub figures: Vec<(String, String, String)>,
}

/// The tables and plots of one domain controller.
pub struct VirtualDetails {
    /// Name of the domain controller.
    pub name: String,
    /// Drawings by size, by load, and over time.
    pub figures: Vec<Plotted>,
    /// What the model was asked.
    pub asked: Grid,
    /// Smallest sizes that do.
    pub sufficient: Grid,
    /// Other traffic, other cores.
    pub what_if: Grid,
    /// Health alerts.
    pub health: Grid,
    /// Peaks of short windows.
    pub bursts: Grid,
}

/// One calibration.
pub struct Calibrated {
    /// Domain controllers it is of, where there are several calibrations.
    pub names: String,
    /// How the table was read.
    pub reading: String,
    /// The plot.
    pub figure: Plotted,
    /// The costs.
    pub costs: Grid,
    /// What it leaves out.
    pub caveats: Vec<String>,
}

/// The card of one domain controller; `None` where the virtual sensor was not asked.
pub fn card(sized: &Sized, position: usize) -> Option<VirtualCard> {
    let verdict = sized.virtual_sensor.as_deref()?;
    let mut sentences = escape::sentences(&verdict.sentences).into_iter();
    Some(VirtualCard {
        id: format!("model-{position}"),
        name: escape::name(&sized.dc.name),
        tone: virtual_words::server_tone(verdict),
        words: virtual_words::answer(verdict),
        brief: virtual_words::brief(Some(verdict)),
        whose: virtual_words::WHOSE,
        summary: sentences.next().unwrap_or_default(),
        sentences: sentences.collect(),
        figures: figures(sized, verdict),
    })
}

/// The figures of one domain controller: what, how much, and the fine print.
pub fn figures(sized: &Sized, verdict: &VirtualVerdict) -> Vec<(String, String, String)> {
    let unknown = || number::UNKNOWN.to_string();
    let server = verdict.server.as_ref();
    let [lower, target, upper] = virtual_words::sufficient(verdict);
    let (limit, reason) = virtual_words::short_first(verdict);
    vec![
        (
            format!("Risk of losing more than {}", virtual_words::goal(verdict.goal_loss_ratio)),
            server.map_or_else(unknown, |server| number::percent(server.probability)),
            server.map_or_else(
                || "of this server: not known".to_string(),
                |server| {
                    let (low, high) = (server.probability_low, server.probability_high);
                    format!(
                        "{} is what chance leaves open with {} runs (95 % interval)",
                        virtual_words::interval(low, high),
                        number::count(server.replicas.into())
                    )
                },
            ),
        ),
        (
            "Room for more traffic".to_string(),
            virtual_words::spare(verdict.headroom.as_ref()),
            virtual_words::flagged(virtual_words::spare_of(verdict), verdict),
        ),
        (
            "Time until that is used up".to_string(),
            verdict.exhaustion.map_or_else(unknown, |end| virtual_words::years(end.years_yes)),
            verdict.exhaustion.as_ref().map_or_else(
                || virtual_words::spare_of(verdict),
                |end| virtual_words::flagged(virtual_words::growth(end), verdict),
            ),
        ),
        ("Microsoft’s table beside it".to_string(), labels::row(sized), vendor(sized)),
        (
            "Smallest size that is enough".to_string(),
            target.1,
            format!("for the sensor alone; may be enough: {}; cautious: {}", lower.1, upper.1),
        ),
        ("Runs short first".to_string(), limit, reason),
    ]
}

/// What the vendor's table says, in its words.
fn vendor(sized: &Sized) -> String {
    let words = escape::words(&sized.verdict.words);
    match &sized.verdict.row {
        None => words,
        Some(row) => format!(
            "{} and {} for the sensor: {words}",
            number::amount_of(Some(row.cores), "cores"),
            number::amount_of(Some(row.memory_gb), "GB"),
        ),
    }
}

/// The tables and plots of one domain controller.
pub fn details(sized: &Sized, position: usize) -> Result<Option<VirtualDetails>, ReportError> {
    let Some(verdict) = sized.virtual_sensor.as_deref() else { return Ok(None) };
    let key = |plot: &str| format!("{plot}-{position}");
    let figures = [
        plots::probability(verdict, &key("probability"))?,
        plots::headroom(verdict, &key("headroom"))?,
        plots::course(&verdict.course, &key("course"))?,
    ];
    Ok(Some(VirtualDetails {
        name: escape::name(&sized.dc.name),
        figures: figures.into_iter().map(plotted).collect(),
        asked: virtual_tables::asked(verdict),
        sufficient: virtual_tables::sufficient(verdict),
        what_if: virtual_tables::what_if(verdict),
        health: virtual_tables::health(verdict),
        bursts: virtual_tables::bursts(sized),
    }))
}

/// The calibrations of a report, each once.
pub fn calibrations(report: &SizingReport) -> Result<Vec<Calibrated>, ReportError> {
    let all = virtual_words::calibrations(report);
    let several = all.len() > 1;
    let each = all.into_iter().enumerate();
    each.map(|(index, (summary, names))| {
        let names = if several { named(&names) } else { String::new() };
        calibrated(summary, names, index + 1)
    })
    .collect()
}

/// Names of domain controllers, the first few.
pub fn named(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| escape::name(name)).collect();
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    text.join(", ")
}

fn calibrated(
    summary: &CalibrationSummary,
    names: String,
    position: usize,
) -> Result<Calibrated, ReportError> {
    Ok(Calibrated {
        names,
        reading: virtual_words::reading(summary),
        figure: plotted(plots::calibration(summary, &format!("calibration-{position}"))?),
        costs: virtual_tables::costs(summary),
        caveats: escape::sentences(&summary.caveats),
    })
}
