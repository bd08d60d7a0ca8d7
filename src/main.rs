//! The `palisade` binary: one expression, everything else is in the library.

/// Rules are trees of small JSON values, made and dropped by the hundred thousand on many threads; the allocator of a static
/// musl binary is slow at exactly that (docs/performance.md, "The allocator").
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    palisade::cli::main()
}
