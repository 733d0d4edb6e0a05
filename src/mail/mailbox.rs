//! A mailbox that speaks real SMTP, inside this process: where the demo's letters go and what the tests send to.
//!
//! It keeps every letter it has accepted, byte for byte, and can be told to refuse, to break off or to fall silent at any
//! step of the conversation. It relays nothing and checks no sender; it is for this machine only.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::smtpd::{self, House, Limits};
pub use super::smtpd::{Action, Features, Moment, Received, Stage};

type Script = Arc<dyn Fn(&Moment<'_>) -> Action + Send + Sync>;

/// Largest letter taken.
const MAX_LETTER: usize = 32 * 1024 * 1024;

/// The running mailbox. Cheap to clone; it stops when the last clone is dropped.
#[derive(Clone)]
pub struct Mailbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    running: Arc<Running>,
}

struct Shared {
    features: Features,
    letters: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
    connections: watch::Sender<u64>,
    script: Mutex<Script>,
    /// Connections opened up to this number are to be ended.
    hang_up: watch::Sender<HangUp>,
}

#[derive(Clone, Debug, Default)]
struct HangUp {
    up_to: u64,
    farewell: Option<String>,
}

struct Running {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Mailbox {
    /// Listens on an address; port 0 takes a free one.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        Self::start_with(address, Features::default()).await
    }

    /// The same, offering what `features` says.
    pub async fn start_with(address: SocketAddr, features: Features) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            features,
            letters: Mutex::default(),
            count: watch::Sender::new(0),
            connections: watch::Sender::new(0),
            script: Mutex::new(Arc::new(|_| Action::Go)),
            hang_up: watch::Sender::new(HangUp::default()),
        });
        let running = Arc::new(Running { stop: CancellationToken::new(), tasks: TaskTracker::new() });
        let (stop, tasks) = (running.stop.clone(), running.tasks.clone());
        running.tasks.spawn(listen(listener, Arc::clone(&shared), stop, tasks));
        Ok(Self { shared, address, running })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every letter accepted so far, in order.
    pub fn letters(&self) -> Vec<Received> {
        self.shared.letters().clone()
    }

    /// The letters accepted after the first `known`.
    pub fn letters_after(&self, known: usize) -> Vec<Received> {
        self.shared.letters().get(known..).map(<[Received]>::to_vec).unwrap_or_default()
    }

    /// How many letters were accepted.
    pub fn count(&self) -> usize {
        *self.shared.count.borrow()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> u64 {
        *self.shared.connections.borrow()
    }

    /// Waits until at least `n` letters were accepted.
    pub async fn wait_for(&self, n: usize) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.shared.count.subscribe().wait_for(|count| *count >= n).await;
    }

    /// Asks `script` at every step from now on.
    pub fn follow(&self, script: impl Fn(&Moment<'_>) -> Action + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }

    /// Ends every connection that waits for a command, with a farewell first if one is given (`421 4.4.2 bye`).
    pub fn hang_up(&self, farewell: Option<&str>) {
        let up_to = self.connections();
        self.shared.hang_up.send_replace(HangUp { up_to, farewell: farewell.map(str::to_owned) });
    }

    /// Stops listening, ends every connection and waits for that.
    pub async fn stop(&self) {
        self.running.stop.cancel();
        self.running.tasks.close();
        self.running.tasks.wait().await;
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox")
            .field("address", &self.address)
            .field("letters", &self.count())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn letters(&self) -> MutexGuard<'_, Vec<Received>> {
        // A list of whole letters is whole whatever panicked while it was held.
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl House for Shared {
    fn name(&self) -> &'static str {
        "mailbox.example"
    }

    fn features(&self) -> &Features {
        &self.features
    }

    fn limits(&self) -> Limits {
        // Nobody but the tests and the demo talks to it.
        Limits { letter: MAX_LETTER, recipients: usize::MAX, silence: Duration::from_hours(24), told: false }
    }

    fn ask(&self, moment: &Moment<'_>) -> Action {
        let script = Arc::clone(&self.script.lock().unwrap_or_else(PoisonError::into_inner));
        script(moment)
    }

    async fn keep(&self, letter: Received) -> &'static str {
        let mut letters = self.letters();
        letters.push(letter);
        self.count.send_replace(letters.len());
        "250 2.0.0 kept"
    }

    async fn hang_up(&self, connection: u64) -> Option<String> {
        let mut told = self.hang_up.subscribe();
        told.wait_for(|wanted| wanted.up_to >= connection).await.ok()?.farewell.clone()
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken, tasks: TaskTracker) {
    let mut number = 0;
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        // A connection that failed before it was taken is the client's affair.
        let Ok((stream, _)) = accepted else { continue };
        number += 1;
        shared.connections.send_replace(number);
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            // However a conversation ends, there is nobody to tell: the letters it brought are kept already.
            let _ = stop.run_until_cancelled(smtpd::hold(stream, &*shared, number)).await;
        });
    }
}
