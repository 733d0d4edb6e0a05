//! Arguments to the command line's rooms, their outcome to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Dependencies bring more than one TLS provider, after which rustls has no default. A second call would find the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    milepost::cli::main()
}
