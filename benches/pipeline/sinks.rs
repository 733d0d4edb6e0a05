//! Where letters end: postfix's `smtp-sink` for throughput, and one that looks at the clock for latency.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use milepost::mail::Mailbox;
use milepost::mail::mailbox::{Action, Stage};
use tokio::runtime::Runtime;

use crate::daemon::free_address;
use crate::hooks::number_of;

/// How long the last letters may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Letters of 5 KB that the yardstick takes.
const YARDSTICK_LETTERS: u32 = 20_000;

/// A running `smtp-sink`, ended with the bench.
pub(crate) struct SmtpSink {
    process: Child,
    port: u16,
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing more to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl SmtpSink {
    pub(crate) fn start() -> Self {
        let port = free_address().port();
        let process = Command::new("/usr/sbin/smtp-sink")
            .args(["-u", "postfix", &format!("127.0.0.1:{port}"), "256"])
            .stderr(Stdio::null())
            .spawn()
            .expect("smtp-sink, of the package postfix");
        let sink = Self { process, port };
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        sink
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Letters a second that Postfix' own load generator brings to this sink, and does nothing else: how fast this machine
    /// is at this moment.
    pub(crate) fn yardstick(&self, connections: u32) -> f64 {
        let began = Instant::now();
        let status = Command::new("/usr/sbin/smtp-source")
            .args(["-s", &connections.to_string(), "-l", "5120", "-m", &YARDSTICK_LETTERS.to_string(), "-d"])
            .arg(format!("127.0.0.1:{}", self.port))
            .status()
            .expect("smtp-source, of the package postfix");
        assert!(status.success(), "smtp-source ended with {status}");
        f64::from(YARDSTICK_LETTERS) / began.elapsed().as_secs_f64()
    }
}

/// Milepost's own mailbox on threads of this process, noting when it took each recipient's letter.
pub(crate) struct TimingSink {
    mailbox: Mailbox,
    taken: Arc<Mutex<HashMap<u64, Instant>>>,
    _runtime: Runtime,
}

impl TimingSink {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let mailbox = runtime.block_on(Mailbox::start((Ipv4Addr::LOCALHOST, 0).into())).expect("a mailbox");
        let taken: Arc<Mutex<HashMap<u64, Instant>>> = Arc::default();
        let noted = Arc::clone(&taken);
        mailbox.follow(move |moment| {
            if moment.stage == Stage::Dot
                && let Some(number) = moment.to.first().and_then(|to| number_of(to))
            {
                noted.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Instant::now());
            }
            Action::Go
        });
        Self { mailbox, taken, _runtime: runtime }
    }

    pub(crate) fn port(&self) -> u16 {
        self.mailbox.address().port()
    }

    /// How long each hook took to become an accepted letter.
    pub(crate) fn latencies(&self, sent: &[(u64, Instant)], first: u64) -> Vec<Duration> {
        let began = Instant::now();
        while self.mailbox.count() < sent.len() {
            assert!(began.elapsed() < PATIENCE, "{} of {} letters came", self.mailbox.count(), sent.len());
            std::thread::sleep(Duration::from_millis(20));
        }
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // The first second finds everything cold: it belongs to the start, not to the way.
        let warm =
            sent.iter().find(|(n, _)| *n == first).map(|(_, at)| *at + Duration::from_secs(1)).expect("a first hook");
        sent.iter().filter(|(_, at)| *at >= warm).map(|(n, at)| taken[n].duration_since(*at)).collect()
    }
}
