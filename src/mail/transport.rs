//! One relay: its connections, and the hand-over of a letter in two halves.
//!
//! `open` goes up to the recipient being taken; then the caller makes durable that a hand-over begins; then `hand_over`
//! sends `DATA` and the letter. So a crash leaves at most one letter a connection in doubt.
//!
//! Invariants: never more conversations than the relay's `connections`; a waiting connection that the server has closed is
//! replaced before any of a letter is sent, and the letter is none the worse for it.
//!
//! Not here: when to try again, which relay to take and how fast, what a second try may do (`engine`).

mod content;
mod pool;
mod session;
mod tls;
mod wire;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::pool::Pool;
use self::session::{Failure, Session, Target};
use self::tls::Protection;
use super::address::Address;
use super::outcome::{Outcome, Step};
use super::refusal::Refusals;
use super::trust;
use crate::settings::{RelaySecurity, RelaySettings};

pub use self::session::Patience;
pub use self::tls::TlsError;

const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;
/// RFC 5321 §4.5.3.2 gives the reply to a letter ten minutes where a command has one or a few.
const LETTER_PATIENCE: u32 = 10;

/// Why settings make no relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// No host.
    #[error("relay `{0}` has no host")]
    NoHost(String),
    /// Our own name is not one.
    #[error("`{0}` is not a name to greet a relay with")]
    Hello(String),
    /// A user name without a password, or the other way round.
    #[error("relay `{0}` has a user name or a password, but not both")]
    HalfLogin(String),
    /// A password would go over a network unprotected.
    #[error("relay `{0}` has a password but no protection, and is not on this machine")]
    ClearPassword(String),
    /// What is to be trusted is no certificate.
    #[error("`authority` of relay `{0}` is not a list of certificates in PEM")]
    Authority(String),
    /// TLS cannot be set up.
    #[error("relay `{0}` cannot be protected")]
    Tls(String, #[source] TlsError),
}

/// A relay with its connections. Cheap to clone.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    name: String,
    target: Target,
    connections: u32,
    slots: Arc<Semaphore>,
    pool: Pool,
}

/// What the settings do not say of a relay, or say in other words.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// How long it may take.
    pub patience: Patience,
    /// Certificates (DER) trusted besides the system's.
    pub roots: Vec<Vec<u8>>,
    /// What its refusals mean.
    pub refusals: Arc<Refusals>,
}

impl Tuning {
    /// What follows from the settings.
    pub fn of(settings: &RelaySettings) -> Self {
        let command = Duration::from_secs(settings.timeout_seconds.max(1));
        let patience = Patience { command, letter: command * LETTER_PATIENCE };
        Self { patience, roots: Vec::new(), refusals: Refusals::shipped() }
    }
}

/// What a relay offers, for people who check their settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Under TLS.
    pub protected: bool,
    /// A user name and password were accepted.
    pub logged_in: bool,
    /// Several commands may go in one write.
    pub pipelining: bool,
}

impl Relay {
    /// A relay by its settings; `hello` is this machine's name. Connects to nothing yet.
    pub fn new(name: &str, settings: &RelaySettings, hello: &str) -> Result<Self, RelayError> {
        Self::tuned(name, settings, hello, &Tuning::of(settings))
    }

    /// The same with the waits and the trusted certificates given.
    pub fn tuned(name: &str, settings: &RelaySettings, hello: &str, tuning: &Tuning) -> Result<Self, RelayError> {
        let host = settings.host.trim().to_owned();
        if host.is_empty() {
            return Err(RelayError::NoHost(name.to_owned()));
        }
        if hello.is_empty() || !hello.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(RelayError::Hello(hello.to_owned()));
        }
        let credentials = match (&settings.username, &settings.password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.expose_secret().to_owned())),
            (None, None) => None,
            _ => return Err(RelayError::HalfLogin(name.to_owned())),
        };
        if credentials.is_some() && settings.security == RelaySecurity::None && !is_this_machine(&host) {
            return Err(RelayError::ClearPassword(name.to_owned()));
        }
        let mut roots = tuning.roots.clone();
        if let Some(pem) = &settings.authority {
            roots.extend(trust::certificates(pem).ok_or_else(|| RelayError::Authority(name.to_owned()))?);
        }
        let connections = settings.connections.clamp(1, 1_000);
        let target = Target {
            port: settings.port.unwrap_or(match settings.security {
                RelaySecurity::Tls => SUBMISSIONS,
                RelaySecurity::Starttls | RelaySecurity::None => SUBMISSION,
            }),
            hello: ClientId::Domain(hello.to_owned()),
            protection: Protection::new(settings.security, &host, &roots)
                .map_err(|error| RelayError::Tls(name.to_owned(), error))?,
            host,
            credentials,
            patience: tuning.patience,
            refusals: Arc::clone(&tuning.refusals),
        };
        Ok(Self(Arc::new(Inner {
            name: name.to_owned(),
            target,
            connections,
            slots: Arc::new(Semaphore::new(connections as usize)),
            pool: Pool::default(),
        })))
    }

    /// The name in the settings.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Most conversations at once.
    pub fn connections(&self) -> u32 {
        self.0.connections
    }

    /// Waits for a free connection and opens an envelope on it: the relay has taken sender and recipient. Whoever holds all
    /// [`Relay::connections`] of them and asks for one more waits for himself.
    pub async fn open(&self, from: &Address, to: &Address) -> Result<Opened, Outcome> {
        let slot =
            Arc::clone(&self.0.slots).acquire_owned().await.map_err(|gone| Outcome::lost(Step::Connect, gone))?;
        if let Some(mut session) = self.0.pool.take() {
            match session.envelope(from, to).await {
                Ok(()) => return Ok(Opened { session, relay: self.clone(), slot }),
                // The server let go of it while it waited (or answers nothing any more): not the letter's fault.
                Err(Failure { usable: false, .. }) => {
                    tracing::debug!(relay.name = %self.0.name, "replacing a connection that the relay closed");
                }
                Err(failure) => {
                    self.undo(session).await;
                    return Err(failure.outcome);
                }
            }
        }
        let mut session = Session::connect(&self.0.target).await?;
        match session.envelope(from, to).await {
            Ok(()) => Ok(Opened { session, relay: self.clone(), slot }),
            Err(failure) => {
                if failure.usable {
                    self.undo(session).await;
                }
                Err(failure.outcome)
            }
        }
    }

    /// Connects, secures and logs in, and says good-bye: whether letters could go out this way.
    pub async fn check(&self) -> Result<Checked, Outcome> {
        let session = Session::connect(&self.0.target).await?;
        let checked = Checked {
            protected: !matches!(self.0.target.protection, Protection::None),
            logged_in: self.0.target.credentials.is_some(),
            pipelining: session.pipelining(),
        };
        session.quit().await;
        Ok(checked)
    }

    /// Ends the waiting connections politely; those in use end with their letters.
    pub async fn close(&self) {
        for session in self.0.pool.empty() {
            session.quit().await;
        }
    }

    /// Takes an envelope back and keeps the connection if the server agrees.
    async fn undo(&self, mut session: Session) {
        if session.reset().await {
            self.0.pool.give_back(session);
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// An envelope the relay has taken. Dropped, it closes its connection and nothing was sent.
pub struct Opened {
    session: Session,
    relay: Relay,
    /// Held until the conversation is over or back in the pool.
    #[expect(dead_code, reason = "held for its Drop")]
    slot: OwnedSemaphorePermit,
}

impl Opened {
    /// Hands the letter over. From here on only the outcome says whether the relay has it; if this is not driven to its
    /// end, nobody knows.
    pub async fn hand_over(mut self, raw: &[u8]) -> Outcome {
        match self.session.letter(raw).await {
            Ok(outcome) => {
                self.relay.0.pool.give_back(self.session);
                outcome
            }
            Err(failure) => {
                if failure.usable {
                    self.relay.undo(self.session).await;
                }
                failure.outcome
            }
        }
    }

    /// Takes the envelope back: nothing is sent, and the connection waits for the next letter.
    pub async fn cancel(self) {
        self.relay.undo(self.session).await;
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("relay", &self.relay.0.name).finish_non_exhaustive()
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
