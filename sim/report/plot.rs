//! The drawing board of all plots: plotters' SVG backend, inks that become CSS variables, scales
//! with ticks, and the figure around a drawing (title, description, data as table and CSV).
//!
//! Every plot is drawn twice, for a wide and for a narrow page, and the page shows one of them:
//! one drawing scaled to a phone would have labels that nobody can read.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, IntoTextStyle, RGBAColor, RGBColor};

use crate::base::Timestamp;

use super::columns::Cell;
use super::{ReportError, number};

/// Backend units per CSS pixel: plotters has whole coordinates only.
const RESOLUTION: f64 = 2.0;

/// plotters divides font sizes by this before it writes them.
const FONT_DIVISOR: f64 = 1.24;

/// Size of labels in CSS pixels.
const FONT_PX: f64 = 12.0;

/// Width of a character of a label, roughly, in CSS pixels.
pub const CHAR_PX: f64 = 7.2;

/// Series that get a colour of their own; the rest share grey.
pub const SERIES_COLORS: usize = 7;

/// What a stroke or an area means. Becomes a CSS variable, so that light, dark and print styles
/// choose the colour; the fallback is for a drawing taken out of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Labels.
    Label,
    /// Labels that matter more.
    Strong,
    /// Grid lines.
    Grid,
    /// The measured line.
    Line,
    /// Between lowest and highest sample.
    Envelope,
    /// Every other band of the capacity table.
    Band,
    /// The busy window.
    Busy,
    /// Mean, as a dashed line.
    Mean,
    /// The page itself, between areas.
    Paper,
    /// An answer that is Yes. Never the only carrier of the meaning, like the next two.
    Good,
    /// One that is Maybe.
    Attention,
    /// One that is No.
    Bad,
    /// A series by rank; [`SERIES_COLORS`] and above are grey.
    Series(usize),
}

impl Ink {
    /// Number of the stand-in colour, CSS variable and fallback colour.
    fn parts(self) -> (u8, &'static str, &'static str) {
        match self {
            Self::Label => (0, "p-label", "#57606a"),
            Self::Strong => (1, "p-strong", "#1f2328"),
            Self::Grid => (2, "p-grid", "#d8dee4"),
            Self::Line => (3, "p-line", "#0b62a8"),
            Self::Envelope => (4, "p-envelope", "#9cc7ea"),
            Self::Band => (5, "p-band", "#eef2f6"),
            Self::Busy => (6, "p-busy", "#c2570c"),
            Self::Mean => (7, "p-mean", "#57606a"),
            Self::Paper => (8, "p-paper", "#ffffff"),
            Self::Good => (9, "good", "#17734a"),
            Self::Attention => (10, "attention", "#a85300"),
            Self::Bad => (11, "bad", "#ad2219"),
            Self::Series(rank) => match rank {
                0 => (20, "s0", "#0072b2"),
                1 => (21, "s1", "#e69f00"),
                2 => (22, "s2", "#009e73"),
                3 => (23, "s3", "#cc79a7"),
                4 => (24, "s4", "#56b4e9"),
                5 => (25, "s5", "#d55e00"),
                6 => (26, "s6", "#7f6bb3"),
                _ => (27, "s7", "#9aa3ad"),
            },
        }
    }

    /// For an attribute: `var(--s0, #0072b2)`.
    pub fn css(self) -> String {
        let (_, variable, fallback) = self.parts();
        format!("var(--{variable},{fallback})")
    }

    fn stand_in(self, opacity: f64) -> RGBAColor {
        RGBColor(1, 2, self.parts().0).mix(opacity)
    }
}

/// All inks, for the exchange of stand-ins.
fn inks() -> impl Iterator<Item = Ink> {
    let fixed = [
        Ink::Label,
        Ink::Strong,
        Ink::Grid,
        Ink::Line,
        Ink::Envelope,
        Ink::Band,
        Ink::Busy,
        Ink::Mean,
        Ink::Paper,
        Ink::Good,
        Ink::Attention,
        Ink::Bad,
    ];
    fixed.into_iter().chain((0..=SERIES_COLORS).map(Ink::Series))
}

/// Horizontal anchor of a label.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    /// Text begins at the point.
    Start,
    /// Text is centred on the point.
    Middle,
    /// Text ends at the point.
    End,
}

/// Size of a drawing in CSS pixels.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Drawn for a narrow page.
    pub narrow: bool,
}

impl Size {
    /// For a wide page.
    pub fn wide(height: f64) -> Self {
        Self { width: 920.0, height, narrow: false }
    }

    /// For a narrow page.
    pub fn narrow(height: f64) -> Self {
        Self { width: 340.0, height, narrow: true }
    }
}

/// A drawing in progress. Coordinates are CSS pixels from the upper left corner.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    error: Option<String>,
}

/// A point in CSS pixels.
pub type Point = (f64, f64);

/// The backend's coordinates; what is not finite, or far outside, lands at the edge.
fn unit((x, y): Point) -> (i32, i32) {
    let whole = |value: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "clamped; `as` makes NaN 0")]
        let units = (value * RESOLUTION).round().clamp(-20_000.0, 20_000.0) as i32;
        units
    };
    (whole(x), whole(y))
}

/// A stroke or radius of at least one unit.
fn units_wide(px: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let units = (px * RESOLUTION).round().clamp(1.0, 1_000.0) as u32;
    units
}

impl Canvas<'_> {
    fn keep<E: std::error::Error + Send + Sync>(
        &mut self,
        done: Result<(), DrawingAreaErrorKind<E>>,
    ) {
        if let Err(error) = done {
            self.error.get_or_insert_with(|| error.to_string());
        }
    }

    /// A line through `points`.
    pub fn line(&mut self, points: &[Point], ink: Ink, px: f64) {
        let path: Vec<_> = points.iter().copied().map(unit).collect();
        let style = ink.stand_in(1.0).stroke_width(units_wide(px));
        let done = self.area.draw(&PathElement::new(path, style));
        self.keep(done);
    }

    /// A filled area.
    pub fn area(&mut self, points: &[Point], ink: Ink, opacity: f64) {
        let path: Vec<_> = points.iter().copied().map(unit).collect();
        let done = self.area.draw(&Polygon::new(path, ink.stand_in(opacity).filled()));
        self.keep(done);
    }

    /// A filled rectangle between two corners.
    pub fn rectangle(&mut self, from: Point, to: Point, ink: Ink, opacity: f64) {
        let style = ink.stand_in(opacity).filled();
        let done = self.area.draw(&Rectangle::new([unit(from), unit(to)], style));
        self.keep(done);
    }

    /// A dot.
    pub fn dot(&mut self, at: Point, radius_px: f64, ink: Ink) {
        let style = ink.stand_in(1.0).filled();
        let done = self.area.draw(&Circle::new(unit(at), units_wide(radius_px), style));
        self.keep(done);
    }

    /// A label, vertically centred on the point.
    pub fn label(&mut self, at: Point, anchor: Anchor, ink: Ink, text: &str) {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = ("sans-serif", FONT_PX * RESOLUTION * FONT_DIVISOR).into_font();
        let style = font
            .color(&ink.stand_in(1.0))
            .into_text_style(&self.area)
            .pos(Pos::new(horizontal, VPos::Center));
        let done = self.area.draw(&Text::new(text.to_string(), unit(at), style));
        self.keep(done);
    }
}

/// One drawing as an SVG element that scales with the page. `id` is unique in the page; `title`
/// and `description` are read out to those who cannot see it.
pub fn draw(
    plot: &'static str,
    id: &str,
    description: &str,
    size: Size,
    paint: impl FnOnce(&mut Canvas<'_>),
) -> Result<String, ReportError> {
    let mut svg = String::new();
    let (width, height) = (units_total(size.width), units_total(size.height));
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        let mut canvas = Canvas { area, error: None };
        paint(&mut canvas);
        let done = canvas.area.present();
        canvas.keep(done);
        if let Some(reason) = canvas.error {
            return Err(ReportError::Plot { plot, reason });
        }
    }
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let class = if size.narrow { "narrow" } else { "wide" };
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" class=\"{class}\" \
         role=\"img\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{plot}</title>\
         <desc id=\"{id}-d\">{}</desc>",
        xml(description)
    );
    Ok(head + &with_variables(body))
}

/// A side of the drawing in the backend's units.
fn units_total(px: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let units = (px * RESOLUTION).clamp(1.0, 10_000.0) as u32;
    units
}

/// Stand-in colours exchanged for CSS variables, and what says nothing left out.
fn with_variables(body: &str) -> String {
    let mut body = body.replace(" opacity=\"1\"", "").replace(" \"/>", "\"/>");
    for ink in inks() {
        let stand_in = format!("\"#0102{:02X}\"", ink.parts().0);
        if ink == Ink::Mean {
            let dashed = format!("stroke=\"{}\" stroke-dasharray=\"8 8\"", ink.css());
            body = body.replace(&format!("stroke={stand_in}"), &dashed);
        }
        body = body.replace(&stand_in, &format!("\"{}\"", ink.css()));
    }
    body
}

/// Text for XML.
pub fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A scale from values to CSS pixels.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    from: f64,
    to: f64,
    from_px: f64,
    to_px: f64,
    log: bool,
}

impl Scale {
    /// Equal steps.
    pub fn linear((from, to): (f64, f64), (from_px, to_px): (f64, f64)) -> Self {
        Self { from, to, from_px, to_px, log: false }
    }

    /// Equal factors; both ends are above 0.
    pub fn logarithmic((from, to): (f64, f64), (from_px, to_px): (f64, f64)) -> Self {
        Self { from: from.log10(), to: to.log10(), from_px, to_px, log: true }
    }

    /// Where `value` lies, held inside the scale.
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        let share = (value - self.from) / (self.to - self.from);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self.from_px + share * (self.to_px - self.from_px)
    }
}

/// Round values from 0 to at least `highest`, at most about `steps` of them.
pub fn round_ticks(highest: f64, steps: u32) -> Vec<f64> {
    let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
    let rough = highest / f64::from(steps.max(1));
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough);
    let step = power * factor.unwrap_or(10.0);
    let mut ticks = vec![0.0];
    while let Some(&last) = ticks.last().filter(|last| **last < highest) {
        // `steps` bounds this; the length guards against a step lost to rounding.
        if ticks.len() > 64 {
            break;
        }
        ticks.push(last + step);
    }
    ticks
}

/// Lengths of time, in milliseconds, that people put ticks and table rows at.
pub const ROUND_MS: [u64; 32] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    14_400_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    1_209_600_000,
    2_592_000_000,
];

/// A tick of a time axis.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeTick {
    /// Milliseconds from the start of the axis.
    pub offset_ms: f64,
    /// Clock time, or the date where ticks are days apart.
    pub label: String,
    /// Date, where it differs from that of the tick before.
    pub date: Option<String>,
}

/// Ticks at round UTC times over `length_ms` from `start`, at most about `most` of them.
pub fn time_ticks(start: Timestamp, length_ms: f64, most: u32) -> Vec<TimeTick> {
    let most = f64::from(most.max(1));
    let round = ROUND_MS.iter().map(|ms| *ms as f64).find(|ms| length_ms / ms <= most);
    let step = round.unwrap_or(length_ms / most);
    let start_ms = start.nanos() as f64 / 1e6;
    let mut ticks: Vec<TimeTick> = Vec::new();
    let mut last_date = String::new();
    let first = (start_ms / step).ceil() * step;
    for index in 0..64 {
        let offset_ms = first + f64::from(index) * step - start_ms;
        if offset_ms > length_ms || !offset_ms.is_finite() {
            break;
        }
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
        let at = start.plus_nanos((offset_ms * 1e6).round() as i64);
        let (date, clock) = number::date_and_clock(at);
        let label = match step {
            s if s >= 86_400_000.0 => date.get(5..).unwrap_or_default().to_string(),
            s if s >= 60_000.0 => clock.get(..5).unwrap_or_default().to_string(),
            s if s >= 1_000.0 => clock.clone(),
            _ => format!("{clock}.{:03}", at.nanos().rem_euclid(1_000_000_000) / 1_000_000),
        };
        let year = date.get(..4).unwrap_or_default().to_string();
        let below = if step >= 86_400_000.0 { year } else { date };
        let new = below != last_date;
        last_date.clone_from(&below);
        ticks.push(TimeTick { offset_ms, label, date: new.then_some(below) });
    }
    ticks
}

/// The look of a legend's swatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swatch {
    /// Filled.
    Area,
    /// A line.
    Line,
    /// A dashed line.
    Dashed,
    /// A dot.
    Dot,
}

/// An entry of a legend.
pub struct LegendEntry {
    /// Colour as CSS.
    pub color: String,
    /// How the swatch looks.
    pub shape: Swatch,
    /// Words.
    pub label: String,
}

impl LegendEntry {
    /// An area.
    pub fn area(ink: Ink, label: impl Into<String>) -> Self {
        Self { color: ink.css(), shape: Swatch::Area, label: label.into() }
    }

    /// A dot.
    pub fn dot(ink: Ink, label: impl Into<String>) -> Self {
        Self { color: ink.css(), shape: Swatch::Dot, label: label.into() }
    }

    /// A line.
    pub fn line(ink: Ink, label: impl Into<String>) -> Self {
        let shape = if ink == Ink::Mean { Swatch::Dashed } else { Swatch::Line };
        Self { color: ink.css(), shape, label: label.into() }
    }
}

/// The data of a plot, to read, copy and download.
pub struct DataTable {
    /// Headings.
    pub headings: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<Cell>>,
    /// What the rows are, and what was left out.
    pub note: String,
    /// Name for the downloaded file, without hostile parts.
    pub file_name: String,
}

/// A plot on the page, or the sentence that stands in its place.
pub struct Figure {
    /// Title.
    pub title: &'static str,
    /// What to see in it, one or two sentences.
    pub caption: String,
    /// Colours explained.
    pub legend: Vec<LegendEntry>,
    /// Drawing for a wide page; empty where there is nothing to draw.
    pub wide: String,
    /// Drawing for a narrow page.
    pub narrow: String,
    /// The data behind it; `None` where there is none.
    pub data: Option<DataTable>,
}

impl Figure {
    /// Says why there is no plot.
    pub fn absent(title: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            title,
            caption: sentence.into(),
            legend: Vec::new(),
            wide: String::new(),
            narrow: String::new(),
            data: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        assert_eq!(round_ticks(16_275.0, 5), [0.0, 5000.0, 10_000.0, 15_000.0, 20_000.0]);
        assert_eq!(round_ticks(0.0, 4), [0.0, 0.5, 1.0]);
        assert_eq!(round_ticks(f64::NAN, 4), round_ticks(1.0, 4));
    }

    #[test]
    fn time_ticks_stand_at_round_utc_times_and_name_each_date_once() {
        let start = Timestamp::from_parts(1_763_712_000 + 61, 0); // 08:01:01
        let ticks = time_ticks(start, 86_400_000.0, 9);
        let labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(
            labels,
            ["09:00", "12:00", "15:00", "18:00", "21:00", "00:00", "03:00", "06:00"]
        );
        let dates: Vec<_> = ticks.iter().filter_map(|tick| tick.date.as_deref()).collect();
        assert_eq!(dates, ["2025-11-21", "2025-11-22"]);
    }

    #[test]
    fn no_time_span_makes_endless_ticks() {
        for length in [0.0, 1e-9, 1e300, f64::NAN, f64::INFINITY] {
            assert!(time_ticks(Timestamp::from_nanos(i64::MAX - 5), length, 8).len() <= 64);
        }
    }

    #[test]
    fn scales_hold_what_lies_outside() {
        let scale = Scale::linear((0.0, 10.0), (100.0, 200.0));
        assert_eq!(scale.at(5.0), 150.0);
        assert_eq!(scale.at(99.0), 200.0);
        assert_eq!(scale.at(f64::NAN), 100.0);
        assert_eq!(Scale::logarithmic((1.0, 100.0), (0.0, 10.0)).at(10.0), 5.0);
        assert_eq!(Scale::logarithmic((1.0, 100.0), (0.0, 10.0)).at(0.0), 0.0);
    }

    #[test]
    fn stand_in_colours_never_reach_the_page() {
        let svg = draw("Test", "x", "a < b & \"c\"", Size::wide(50.0), |canvas| {
            for ink in inks() {
                canvas.line(&[(0.0, 0.0), (10.0, 10.0)], ink, 1.0);
            }
            canvas.label((5.0, 5.0), Anchor::Middle, Ink::Label, "<script>");
        })
        .unwrap();
        assert!(!svg.contains("#0102"), "{svg}");
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;"), "{svg}");
        assert!(svg.contains("stroke-dasharray"), "{svg}");
    }
}
