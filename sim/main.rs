//! The `headroom` command. Everything lies in the library; see `headroom::cli`.

fn main() -> std::process::ExitCode {
    headroom::cli::main()
}
