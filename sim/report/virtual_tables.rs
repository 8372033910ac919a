//! The tables of the page behind the virtual sensor's answer.

use crate::record::{
    CalibrationSummary, Estimate, Evidence, SensorSize, Sized, VirtualVerdict, WhatIf,
};

use super::page_tables::{Grid, GridCell, GridHeading};
use super::{escape, number, plots, virtual_words};

/// Most servers that the what-if table has columns for.
const MAX_SERVERS: usize = 12;

/// What was asked of the model.
pub fn asked(verdict: &VirtualVerdict) -> Grid {
    let rows = [
        ("Server", virtual_words::server_size(verdict)),
        ("What it needs for itself", own_load(verdict)),
        (
            "What it leaves the sensor",
            verdict.server.as_ref().map_or_else(
                || number::UNKNOWN.to_string(),
                |_| "the rest, less the 15 % that the sensor keeps free".to_string(),
            ),
        ),
        ("Busiest part", virtual_words::span(verdict)),
        ("May be lost", virtual_words::goal(verdict.goal_loss_ratio)),
        ("Runs of the model", virtual_words::runs(verdict)),
    ];
    let rows =
        rows.into_iter().map(|(name, value)| vec![GridCell::text(name), GridCell::text(value)]);
    Grid::new("What the model was asked", &["Fact", "Value"], rows, "")
}

fn own_load(verdict: &VirtualVerdict) -> String {
    if verdict.own_load.is_empty() {
        return number::UNKNOWN.to_string();
    }
    escape::sentence(&verdict.own_load)
}

/// Smallest sizes that do.
pub fn sufficient(verdict: &VirtualVerdict) -> Grid {
    let found = &verdict.sufficient;
    let sizes = [found.lower, found.target, found.upper];
    let words = virtual_words::sufficient(verdict);
    let rows = words.into_iter().zip(sizes).map(|((name, _, meaning), size)| {
        let amount = |of: fn(&SensorSize) -> f64, unit| {
            let value = size.as_ref().map(of);
            GridCell::number(number::amount_of(value, unit))
        };
        vec![
            GridCell::text(name),
            amount(|size| size.cores, "cores"),
            amount(|size| size.memory_gb, "GB"),
            GridCell::text(meaning),
        ]
    });
    let columns = ["Estimate", "#Cores for the sensor", "#Memory for the sensor", "What it means"];
    Grid::new("Smallest sufficient size", &columns, rows, "").with_note(
        "What the sensor itself must be able to use, on top of what the server needs for its own \
         work. – means that none of the sizes that were tried is enough.",
    )
}

/// The what-if grid: a row for each traffic, a column for each server.
pub fn what_if(verdict: &VirtualVerdict) -> Grid {
    let cells = &verdict.what_if;
    let mut servers: Vec<(f64, f64)> = cells.iter().map(server).collect();
    servers.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    servers.dedup();
    let left_out = servers.len().saturating_sub(MAX_SERVERS);
    servers.truncate(MAX_SERVERS);
    let mut traffic: Vec<&WhatIf> = Vec::new();
    for cell in cells {
        if !traffic.iter().any(|known| same_traffic(known, cell)) {
            traffic.push(cell);
        }
    }
    let rows = traffic.iter().map(|row| {
        let mut line = vec![
            GridCell::number(format!("{}×", number::amount(row.load))),
            GridCell::number(format!("{}×", number::amount(row.bursts))),
            GridCell::count(row.failed.into()),
        ];
        line.extend(servers.iter().map(|of| {
            let found = cells.iter().find(|cell| same_traffic(cell, row) && server(cell) == *of);
            found.map_or_else(|| GridCell::text(number::UNKNOWN), answer)
        }));
        line
    });
    let note = if left_out > 0 {
        format!(" Columns for {left_out} more are in report.json.")
    } else {
        String::new()
    };
    let columns = ["#Traffic", "#Bursts", "#DCs failed"];
    let none = match verdict.evidence() {
        Evidence::TooLittle => {
            "Too little was seen to tell what other traffic or another server would change."
        }
        _ => {
            "Nothing else was tried: how many cores or how much memory the server has is not known."
        }
    };
    let mut grid = Grid::new("What if", &columns, rows, none);
    if !grid.rows.is_empty() {
        grid = grid.with_note(&format!(
            "Answer and risk of losing too much, by physical cores of the server, with its memory \
             as now where no other is named. Traffic 2× is twice that of now, and where a domain \
             controller has failed, what this one takes over of its load comes on top. Bursts 2× \
             swing twice as widely as those that the model makes; packets that come at their own \
             times keep these, 1×. {}{note}",
            virtual_words::CHANCES
        ));
    }
    grid.headings.extend(servers.iter().map(|(cores, memory_gb)| {
        let words = number::amount_of(Some(*cores), "cores");
        let text = match (verdict.server_cores, verdict.server_memory_gb) {
            (_, Some(now)) if now != *memory_gb => {
                format!("{words}, {}", number::amount_of(Some(*memory_gb), "GB"))
            }
            (Some(now), _) if now == *cores => format!("{words}, as now"),
            _ => words,
        };
        GridHeading { text, numeric: false }
    }));
    grid
}

/// Cores and memory of the server.
fn server(cell: &WhatIf) -> (f64, f64) {
    (cell.server_cores, cell.server_memory_gb)
}

fn same_traffic(a: &WhatIf, b: &WhatIf) -> bool {
    (a.load, a.bursts, a.failed) == (b.load, b.bursts, b.failed)
}

fn answer(cell: &WhatIf) -> GridCell {
    let text = virtual_words::at_risk(cell.chance, cell.probability);
    GridCell::toned(virtual_words::tone(cell.chance), text)
}

/// Every size with its probability, the server first.
pub fn sizes(verdict: &VirtualVerdict) -> Grid {
    let own = format!("what is left of {}", virtual_words::server_size(verdict));
    let server = verdict.server.iter().map(|size| ("this server", own.clone(), size));
    let whose = |size| if verdict.is_beyond_table(size) { "beyond the table" } else { "table" };
    let sizes = verdict.sizes.iter();
    let sizes = sizes.map(|size| (whose(&size.size), virtual_words::size(&size.size), size));
    let rows = server.chain(sizes).map(|(name, of, found)| {
        vec![
            GridCell::text(name),
            GridCell::text(of),
            GridCell::text(virtual_words::chance(found.chance)),
            GridCell::number(virtual_words::probability(found)),
            GridCell::number(number::percent(found.loss_p95)),
            GridCell::text(
                found.limit.map_or_else(|| number::UNKNOWN.to_string(), virtual_words::limit),
            ),
        ]
    });
    let columns = [
        "Size",
        "For the sensor",
        "Answer",
        "#Risk of losing too much (range)",
        "#Loss that 95 % of the runs stay below",
        "Runs short first",
    ];
    Grid::new("Risk by size", &columns, rows, "No size was tried.").with_note(&format!(
        "{} {}",
        virtual_words::CHANCES,
        virtual_words::RANGE
    ))
}

/// The rows of the table against the fit.
pub fn calibrated(summary: &CalibrationSummary) -> Grid {
    let range = |estimate: Option<&Estimate>| {
        let part = |value: Option<f64>| {
            let value = value.filter(|value| value.is_finite());
            value.map_or_else(|| number::UNKNOWN.to_string(), |value| number::fixed(value, 2))
        };
        GridCell::number(estimate.map_or_else(
            || number::UNKNOWN.to_string(),
            |e| format!("{} ({} to {})", part(e.mean), part(e.low), part(e.high)),
        ))
    };
    let rows = summary.rows.iter().map(|row| {
        vec![
            GridCell::text(escape::label(&row.label)),
            GridCell::number(number::amount(row.table_cores)),
            range(Some(&row.needed_cores)),
            GridCell::number(
                row.residual_cores
                    .map_or_else(|| number::UNKNOWN.to_string(), |cores| number::fixed(cores, 2)),
            ),
            range(row.predicted_cores.as_ref()),
            GridCell::text(plots::covered(row).unwrap_or(number::UNKNOWN)),
        ]
    });
    let columns = [
        "Row",
        "#Cores in the table",
        "#Cores needed (95 %)",
        "#Table less need",
        "#Predicted without the row (95 %)",
        "Covered",
    ];
    Grid::new("Table against the model", &columns, rows, "The calibration has no rows.").with_note(
        "Ranges hold 95 % of what the table allows. Covered: fitted to the other rows alone, the \
         model takes the row’s cores for enough with a probability of at least 95 %.",
    )
}

/// Health alerts whose condition held in the course.
pub fn health(verdict: &VirtualVerdict) -> Grid {
    let rows = verdict.course.health.iter().map(|span| {
        vec![
            GridCell::text(escape::name(&span.title)),
            GridCell::text(number::span(span.start_utc, span.end_utc)),
            GridCell::text(virtual_words::alert_basis(span.basis)),
        ]
    });
    let columns = ["Health alert", "When its condition held", "Whose"];
    let none = "By this model no health alert would have come.";
    let mut grid = Grid::new("Health alerts", &columns, rows, none);
    if verdict.course.health.len() >= virtual_words::HEALTH_HELD {
        grid.note =
            "There are more: report.json has the first 1,000, no more are kept.".to_string();
    }
    grid
}

/// How much higher short windows are than the average.
pub fn bursts(sized: &Sized) -> Grid {
    let mean = sized.load.average_packets_per_second.filter(|mean| mean.is_finite() && *mean > 0.0);
    let rows = plots::peaks(sized).into_iter().map(|peak| {
        let times = mean.map(|mean| peak.packets_per_second / mean);
        vec![
            GridCell::text(number::duration(peak.window_ms)),
            GridCell::number(number::rate(peak.packets_per_second)),
            GridCell::number(times.map_or_else(
                || number::UNKNOWN.to_string(),
                |times| format!("{}×", number::rate(times)),
            )),
        ]
    });
    let columns = ["Window", "#Highest packets/s", "#Times the average"];
    Grid::new("Bursts", &columns, rows, "The input has no samples to find bursts in.")
}

/// The fitted costs.
pub fn costs(summary: &CalibrationSummary) -> Grid {
    let full = summary.two_cores_packets_per_second;
    let rows = [
        ("Cores without traffic", Some(summary.base_cores)),
        ("Microseconds of one core for each packet", Some(summary.packet_us)),
        ("Packets/s at which two cores are full", Some(full)),
        ("Memory without traffic, GB", summary.memory_base_gb),
        ("Memory for each 1,000 packets/s, GB", summary.memory_gb_per_kpps),
    ];
    let rows = rows.into_iter().map(|(name, estimate)| cost(name, estimate));
    let columns = ["Cost", "#Mean", "#Median", "#From", "#To"];
    Grid::new("Costs of the sensor as fitted", &columns, rows, "").with_note(
        "All costs that the table allows count as equally likely. From and to hold 95 % of them. \
         – means that the table does not say, or that no straight line fits.",
    )
}

fn cost(name: &'static str, estimate: Option<Estimate>) -> Vec<GridCell> {
    let part = |value: fn(&Estimate) -> Option<f64>| {
        let value = estimate.as_ref().and_then(value).filter(|value| value.is_finite());
        GridCell::number(value.map_or_else(|| number::UNKNOWN.to_string(), cost_number))
    };
    vec![
        GridCell::text(name),
        part(|e| e.mean),
        part(|e| e.median),
        part(|e| e.low),
        part(|e| e.high),
    ]
}

/// Three places below one, fewer above.
fn cost_number(value: f64) -> String {
    if value.abs() < 1.0 { number::fixed(value, 3) } else { number::rate(value) }
}
