//! The `palisade` binary: one expression, everything else is in the library.

/// Rules are trees of small JSON values, made and dropped by the hundred thousand on several threads, and musl's allocator has
/// one lock for all of them (docs/performance.md, "The allocator").
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    palisade::cli::main()
}
