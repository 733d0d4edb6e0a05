//! The whole way under load: the real daemon as a process of its own, hooks of 1 KB over HTTP into SQLite, letters out to
//! postfix's `smtp-sink`.
//!
//! `cargo bench --bench pipeline` prints one line a round and the medians. What is measured, and how to read it, stands in
//! docs/benchmarks.md. Run without `--bench` (as `cargo test --all-targets` does) it does nothing.
#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench prints its figures, counts in small numbers and has nobody to recover for"
)]

#[path = "pipeline/daemon.rs"]
mod daemon;
#[path = "pipeline/hooks.rs"]
mod hooks;
#[path = "pipeline/load.rs"]
mod load;
#[path = "pipeline/options.rs"]
mod options;
#[path = "pipeline/sinks.rs"]
mod sinks;

use std::time::{Duration, Instant};

use daemon::{Daemon, Folder};
use hooks::Hooks;
use load::Load;
use options::Options;
use sinks::{SmtpSink, TimingSink};

/// What one round came to.
struct Figures {
    accepted: f64,
    accept_p99: Duration,
    applied: f64,
    letters: f64,
    yardstick: f64,
    p50: Duration,
    p99: Duration,
    memory_mib: f64,
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let options = Options::from_arguments();
    println!(
        "{} customers, {} letters, {} connections in, {} out; {}",
        options.customers,
        options.letters,
        options.connections,
        options.relay_connections,
        options.milepost.display()
    );
    let rounds: Vec<Figures> = (1..=options.rounds).map(|number| round(number, &options)).collect();
    let median = |of: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!("medians of {}:", rounds.len());
    println!(
        "  hooks accepted      {:>8.0} /s (p99 of the answer {:.1} ms)",
        median(|f| f.accepted),
        median(|f| ms(f.accept_p99))
    );
    println!("  hooks applied       {:>8.0} /s", median(|f| f.applied));
    println!(
        "  letters end to end  {:>8.0} /s ({:.1} % of what smtp-source alone brings to the sink)",
        median(|f| f.letters),
        median(|f| 100.0 * f.letters / f.yardstick)
    );
    println!("  hook to sink        {:>8.1} ms p50, {:.1} ms p99", median(|f| ms(f.p50)), median(|f| ms(f.p99)));
    println!("  peak memory         {:>8.0} MiB", median(|f| f.memory_mib));
}

/// One round on a fresh database.
fn round(number: usize, options: &Options) -> Figures {
    let folder = Folder::make();
    let hooks = Hooks::new();

    let sink = SmtpSink::start();
    let daemon = Daemon::start(options, &folder, sink.port());
    let load = Load::new(daemon.address(), daemon::HOOK_PATH, options.connections);

    // Customers become known: what is accepted, and when the last of them is applied.
    let began = Instant::now();
    let answers = load.as_fast_as_possible(0..options.customers, Hooks::customer);
    let accepted = per_second(options.customers, began);
    daemon.wait_for("milepost_bodies_applied_total", options.customers);
    let applied = per_second(options.customers, began);

    // One order each, one letter an order, until the sink has the last; the machine's own speed just before and after.
    let yardstick = sink.yardstick(options.relay_connections);
    let began = Instant::now();
    load.as_fast_as_possible(0..options.letters, |n, body| hooks.order(n, body));
    daemon.wait_for("milepost_letters_total{outcome=\"sent\"}", options.letters);
    let letters = per_second(options.letters, began);
    let yardstick = f64::midpoint(yardstick, sink.yardstick(options.relay_connections));
    let memory = daemon.peak_memory_mib();
    daemon.stop();
    drop(sink);

    // The same daemon once more, at a tenth of that rate, in front of a sink that looks at the clock.
    let sink = TimingSink::start();
    let daemon = Daemon::start(options, &folder, sink.port());
    let load = Load::new(daemon.address(), daemon::HOOK_PATH, options.connections);
    let rate = (letters / 10.0).max(1.0);
    let wanted = (rate * options.seconds as f64) as u64;
    let first = options.letters;
    let sent = load.at_a_rate(first..first + wanted, rate, |n, body| hooks.order(n, body));
    let mut latencies = sink.latencies(&sent, first);
    let memory = memory.max(daemon.peak_memory_mib());
    daemon.stop();

    let figures = Figures {
        accepted,
        accept_p99: percentile(answers, 99),
        applied,
        letters,
        yardstick,
        p50: percentile(latencies.clone(), 50),
        p99: percentile(std::mem::take(&mut latencies), 99),
        memory_mib: memory,
    };
    println!(
        "round {number}: {accepted:.0} hooks/s accepted (p99 {:.1} ms), {applied:.0} applied/s, {letters:.0} letters/s \
         ({:.1} % of smtp-source's {yardstick:.0}), p50 {:.1} ms, p99 {:.1} ms at {rate:.0}/s, {memory:.0} MiB",
        ms(figures.accept_p99),
        100.0 * letters / yardstick,
        ms(figures.p50),
        ms(figures.p99),
    );
    figures
}

fn per_second(count: u64, began: Instant) -> f64 {
    count as f64 / began.elapsed().as_secs_f64()
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

fn percentile(mut spans: Vec<Duration>, percent: usize) -> Duration {
    spans.sort_unstable();
    spans[(spans.len() * percent / 100).min(spans.len() - 1)]
}
