//! How far a long run has come, on standard error, when that is a terminal.

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::base::Timestamp;
use crate::sensor::Progress;

/// Redraws per second.
const REDRAWS_HZ: u8 = 8;
/// Characters of a name that are shown: a computer's has 15 (NetBIOS) or a few more.
const NAME_CHARS: usize = 32;

/// A progress bar for reading captures.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for `total_bytes` of input; a spinner where the input is a pipe. Silent when asked
    /// to be quiet, and when standard error is no terminal.
    pub fn new(total_bytes: Option<u64>, quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ)
        };
        let bar = ProgressBar::with_draw_target(total_bytes, target);
        let template = match total_bytes {
            Some(_) => "reading {wide_bar} {percent}% {binary_bytes_per_sec} {msg} ETA {eta}",
            None => "reading {spinner} {binary_bytes} {binary_bytes_per_sec} {msg}",
        };
        // The templates are constants; a wrong one shows the default bar.
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self(bar)
    }

    /// Notes where the run is.
    pub fn update(&self, progress: Progress) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_position(progress.input_bytes);
        let seconds = self.0.elapsed().as_secs_f64().max(1e-3);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for the eye"
        )]
        let rate = (progress.frames as f64 / seconds) as u64;
        self.0.set_message(format!("{} packets/s", HumanCount(rate)));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A progress bar for making traffic: how much of the span is made.
pub struct SynthBar {
    bar: ProgressBar,
    start: Timestamp,
}

impl SynthBar {
    /// A bar for a span from `start`, in nanoseconds; `place` is which of how many. Silent as
    /// [`Bar`] is.
    pub fn new(start: Timestamp, duration_ns: i64, place: (usize, usize), quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ)
        };
        let bar = ProgressBar::with_draw_target(Some(duration_ns.unsigned_abs()), target);
        let which = match place {
            (_, ..=1) => String::new(),
            (place, all) => format!(" {place} of {all}"),
        };
        let template = &format!("making{which} {{wide_bar}} {{percent}}% {{msg}} ETA {{eta}}");
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self { bar, start }
    }

    /// Notes where the run is.
    pub fn update(&self, time: Timestamp, frames: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(time.since(self.start).max(0).unsigned_abs());
        self.bar.set_message(format!("{} packets", HumanCount(frames)));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A progress bar for the virtual sensor: how much of the replicas and of the course is done.
pub struct JudgeBar(ProgressBar);

impl JudgeBar {
    /// A bar for the domain controller `name`, which may be hostile; `place` is which of how many.
    /// Silent as [`Bar`] is.
    pub fn new(name: &str, place: (usize, usize), quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(REDRAWS_HZ)
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(
            ProgressStyle::with_template("simulating{prefix} {wide_bar} {percent}% ETA {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_prefix(which(name, place));
        Self(bar)
    }

    /// Notes how much is done.
    pub fn update(&self, done: u64, whole: u64) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_length(whole);
        self.0.set_position(done);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// Which domain controller of how many; nothing where there is one only.
fn which(name: &str, (place, all): (usize, usize)) -> String {
    if all <= 1 {
        return String::new();
    }
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let shown: String = name.chars().take(NAME_CHARS).map(safe).collect();
    format!(" {shown} ({place} of {all})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_domain_controllers_are_told_apart_and_move_no_cursor() {
        assert_eq!(which("DC01", (1, 1)), "");
        assert_eq!(which("DC01", (2, 3)), " DC01 (2 of 3)");
        assert_eq!(which("a\u{1b}[2Jb", (1, 2)), " a\u{fffd}[2Jb (1 of 2)");
        assert_eq!(which(&"x".repeat(99), (1, 2)).len(), 1 + NAME_CHARS + " (1 of 2)".len());
    }
}
