//! Arguments to the command line's rooms, their outcome to an exit code.

use std::process::ExitCode;

/// With the system's allocator a fifth of the daemon's time went into allocating: see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Dependencies bring more than one TLS provider, after which rustls has no default. A second call would find the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    milepost::cli::main()
}
