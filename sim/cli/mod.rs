//! Flags to a checked plan to a call. The only room that prints.

/// Runs the command line.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
