//! Letters a second that one relay's transport hands to postfix's `smtp-sink` over loopback.
//!
//! `cargo bench --bench transport` starts the sink itself (Debian: `apt install postfix`) and prints one line for each
//! number of connections, with what postfix's own `smtp-source` reaches beside it, for absolute figures mean little on
//! another machine. Run without `--bench` (as `cargo test --all-targets` does) it does nothing.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench prints its figures and has nobody to recover for"
)]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use milepost::mail::{Address, Outcome, Relay};
use milepost::settings::{RelaySecurity, RelaySettings};

const LETTERS: usize = 40_000;
const LETTER_BYTES: usize = 5 * 1024;
const CONNECTIONS: [u32; 4] = [1, 8, 16, 32];

/// The sink, ended with the bench.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing more to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for connections in CONNECTIONS {
        let (_sink, port) = start_sink();
        let ours = runtime.block_on(hand_over_all(port, connections));
        let theirs = smtp_source(port, connections);
        println!(
            "{connections:>3} connections: {ours:>7.0} letters/s, smtp-source {theirs:>7.0}, ratio {:.2}",
            ours / theirs
        );
    }
}

fn start_sink() -> (Sink, u16) {
    let port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port").port();
    let sink = Command::new("/usr/sbin/smtp-sink")
        .args(["-u", "postfix", &format!("127.0.0.1:{port}"), "256"])
        .stderr(Stdio::null())
        .spawn()
        .expect("smtp-sink, of the package postfix");
    let sink = Sink(sink);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    (sink, port)
}

async fn hand_over_all(port: u16, connections: u32) -> f64 {
    let settings = RelaySettings {
        host: "127.0.0.1".into(),
        port: Some(port),
        security: RelaySecurity::None,
        connections,
        ..RelaySettings::default()
    };
    let relay = Relay::new("sink", &settings, "bench.example").expect("a relay");
    let raw: Arc<[u8]> = letter().into();
    let left = Arc::new(AtomicUsize::new(LETTERS));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(work(relay.clone(), Arc::clone(&raw), Arc::clone(&left)));
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no letter failed");
    }
    LETTERS as f64 / began.elapsed().as_secs_f64()
}

async fn work(relay: Relay, raw: Arc<[u8]>, left: Arc<AtomicUsize>) {
    let address = |text: &str| text.parse::<Address>().expect("an address");
    let (from, to) = (address("shop@shop.example"), address("ann@cats.example"));
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
        let opened = relay.open(&from, &to).await.expect("an envelope");
        let outcome = opened.hand_over(&raw).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
}

fn smtp_source(port: u16, sessions: u32) -> f64 {
    let began = Instant::now();
    let done = Command::new("/usr/sbin/smtp-source")
        .args(["-d", "-s", &sessions.to_string(), "-m", &LETTERS.to_string(), "-l", &LETTER_BYTES.to_string()])
        .args(["-f", "shop@shop.example", "-t", "ann@cats.example", &format!("127.0.0.1:{port}")])
        .status()
        .expect("smtp-source, of the package postfix");
    assert!(done.success());
    LETTERS as f64 / began.elapsed().as_secs_f64()
}

fn letter() -> Vec<u8> {
    let mut letter = b"From: <shop@shop.example>\r\nTo: <ann@cats.example>\r\nSubject: bench\r\n\r\n".to_vec();
    while letter.len() < LETTER_BYTES {
        letter.extend_from_slice(b"A line of a letter about automatic feeders for office cats, seventy octets.\r\n");
    }
    letter
}
