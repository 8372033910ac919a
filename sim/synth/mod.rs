//! The synthesizer: an estate and a seed become the packets at a domain controller.
//!
//! Two layers. A [`planner`](planner::Planner) turns the estate into a time-ordered list of
//! [`Item`]s: when which client does what. A renderer, one function per [`Activity`], turns each
//! item into packets on a [`Stage`], using the emitters of `proto`, and tells the [`Truth`] what
//! it put there. Neither knows how the core reads packets: that is what makes their round trip
//! a proof.
//!
//! The plan begins before the start: what is on the wire by then is not seen, but the connections
//! that are open at the start go on in what is, and end in it.
//!
//! Clients are spread over a fixed number of [`shard`]s, each of which plans, renders and sorts
//! by itself; a merge by time puts them together. What comes out therefore does not depend on
//! the number of threads.
//!
//! To add an activity: one function in `activity/`, one row in the table of `activity.rs`.

mod activity;
mod cast;
mod error;
mod memory;
mod net;
mod plan;
mod planner;
mod queue;
mod rpc;
mod shard;
mod source;
mod stage;
mod tickets;
mod truth;

pub use activity::Activity;
pub use cast::{Cast, Client, Peer};
pub use error::SynthError;
pub use memory::Memory;
pub use net::{Close, Conditions, Flow, Frames, Knock, Neighbour, Place, Segment, Tcp, Wire};
pub use plan::{Item, PlanError, PlanFile, PlanHeader, PlanReader, PlanWriter};
pub use planner::Planner;
pub use shard::WARM_UP_NS;
pub use source::{Options, Synth};
pub use stage::{Stage, Words};
pub use truth::{Derived, Did, Messages, Truth, outcome_name};
