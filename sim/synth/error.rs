//! Why no traffic can be made.

/// Why no traffic can be made of an estate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SynthError {
    /// There is no such domain controller.
    #[error("find domain controller '{wanted}': the estate has {known}")]
    NoDomainController {
        /// What was asked for.
        wanted: String,
        /// Those there are.
        known: String,
    },
    /// The estate lacks something that traffic needs.
    #[error("{0}")]
    Estate(String),
    /// A span of time that cannot be.
    #[error("{0}")]
    Span(String),
    /// The system refuses threads.
    #[error("start worker threads: {0}")]
    Threads(String),
}
