//! The synthesizer against our own core and against tshark: what is on the wire is what its
//! ground truth says.
//!
//! `SYNTH=name` plays only the activity of that name, for working on it.

mod accounts;
mod flight;
mod links;
mod names;
mod net;
mod planned;
mod play;
mod reference;
mod round;
mod sizes;
mod smb;
mod tshark;
