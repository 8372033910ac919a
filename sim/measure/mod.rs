//! Puts the core under load inside an envelope and records what it cost.
//!
//! Frames are held in memory ([`window`]), come as a schedule says ([`load`]), wait in a ring of
//! stated size and are carried by the core of `sensor`, in real time ([`realtime`]) or in virtual
//! time from measured costs ([`cost`], [`virtual_time`]). A search finds the highest load by goal
//! ([`search`]). Others on the machine are noticed ([`disturbance`]) and told.

mod clock;
mod cost;
mod crowd;
mod digest;
mod disturbance;
mod drive;
mod envelope;
mod judge;
mod load;
mod log;
mod plan;
mod process;
mod realtime;
mod run;
mod runner;
mod search;
mod statistics;
mod virtual_time;
mod window;

pub use envelope::Wish;
pub use load::{Arrivals, Mmpp};
pub use log::logs;
pub use plan::{
    BUFFER_BYTES, Load, Mode, PDR_LOSS_RATIO, Plan, RATES, REALTIME_SUM_SECONDS, WINDOW_BYTES,
    goal, rfc2544,
};
pub use process::Stopwatch;
pub use run::{MeasureError, Measured, measure};
pub use search::Goal;
pub use virtual_time::Histograms;
pub use window::Window;
