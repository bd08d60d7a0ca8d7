//! The `palisade` binary: one expression, everything else is in the library.

fn main() -> std::process::ExitCode {
    palisade::cli::main()
}
