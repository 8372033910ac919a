//! The result types that are written to disk, versioned. Plain data: what is computed where
//! is said on each field, and every figure says whose it is.
//!
//! Names that serialise carry their unit. Unknown is `None`, which prints as `–`, never 0.

mod calibration;
mod course;
mod dc;
mod inspection;
mod measurement;
mod simulation;
mod source;
mod synthesis;
mod timeline;
mod understood;
mod verdict;
mod virtual_verdict;

pub use calibration::{CalibratedRow, CalibrationSummary, Estimate, TableReading};
pub use dc::{
    Basis, DomainController, Fact, HostFacts, NameLookups, Offload, ProtocolCount,
    RejectedReadings, Service,
};
pub use inspection::{
    FlowCounts, Inspection, Layers, PortCount, ProtocolFlows, Quantiles, RunFigures, Server,
    Traffic,
};
pub use measurement::{
    BatchCost, Cost, CrossCheck, Digest, Disturbance, EnforcedLimit, Envelope, GoalResult,
    Interval, Latency, Machine, MeasureMode, Measurement, ProtocolCost, Replay, Spread, StageCost,
    Trial,
};
pub use simulation::{
    Chance, Exhaustion, Headroom, HealthSpan, Limit, LossStretch, SensorSize, SimulatedInterval,
    SimulatedSize, SizeProbability, SufficientSize,
};
pub use source::{Damage, Drops, Format, InputFile, Interface};
pub use synthesis::{
    DerivedCount, GroundTruth, MessageCount, PlannedCount, Synthesis, SynthesisParameter,
    SynthesisServer,
};
pub use timeline::{Peak, ProtocolSeries, Timeline, Window};
pub use understood::{
    Activity, ActivityCount, ActivitySeries, KindSeries, Limits, MalformedReason, MethodSuccess,
    NameResolution, OperationCount, ProtocolMessages, Streams, Talker, Understood,
};
pub use verdict::{
    Assumption, CapacityRow, CapacityTable, Load, OtherTable, Resource, ResourceCheck, Sized,
    SizingReport, Total, Verdict, VerdictKind,
};
pub use virtual_verdict::{ArrivalsFrom, Evidence, REPLICAS_FOR_YES, VirtualVerdict, WhatIf};

/// Version of everything in this room as it is written to disk. Raised by any change that a
/// reader of the older version would misunderstand.
pub const SCHEMA_VERSION: u32 = 1;
