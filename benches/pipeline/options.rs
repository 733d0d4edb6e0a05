//! What can be asked of the bench: `cargo bench --bench pipeline -- --rounds 5 --milepost /path/to/another/binary`.

use std::path::PathBuf;

pub(crate) struct Options {
    /// Customers known before letters are measured.
    pub(crate) customers: u64,
    /// Letters of the throughput part.
    pub(crate) letters: u64,
    /// How long the latency part lasts.
    pub(crate) seconds: u64,
    /// How often all of it is done.
    pub(crate) rounds: usize,
    /// Connections that hooks come in by.
    pub(crate) connections: usize,
    /// Connections that letters go out by.
    pub(crate) relay_connections: u32,
    /// The program to measure: another build of it can be compared under the same conditions.
    pub(crate) milepost: PathBuf,
}

impl Options {
    pub(crate) fn from_arguments() -> Self {
        let mut options = Self {
            customers: 100_000,
            letters: 20_000,
            seconds: 20,
            rounds: 3,
            connections: 64,
            relay_connections: 32,
            milepost: env!("CARGO_BIN_EXE_milepost").into(),
        };
        let mut arguments = std::env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap_or_else(|| panic!("{name} needs a value"));
            let number = || value.parse::<u64>().unwrap_or_else(|_| panic!("{name} needs a number"));
            match name.as_str() {
                "--customers" => options.customers = number(),
                "--letters" => options.letters = number(),
                "--seconds" => options.seconds = number(),
                "--rounds" => options.rounds = number().max(1) as usize,
                "--connections" => options.connections = number().max(1) as usize,
                "--relay-connections" => options.relay_connections = number().max(1) as u32,
                "--milepost" => options.milepost = value.into(),
                _ => panic!("there is no option {name}"),
            }
        }
        // The latency part writes to customers that have no order yet.
        assert!(options.letters * 3 <= options.customers, "there must be three customers for each letter");
        options
    }
}
