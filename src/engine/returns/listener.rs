//! The program's own SMTP listener for what comes back.
//!
//! Invariants: mail is taken only for addresses that name a letter and for those of complaints, so that nothing can be relayed
//! and no rubbish is kept; a 2xx to the last byte is said after the commit; connections, their rate, recipients and sizes are
//! bounded.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::Engine;
use crate::mail::smtpd::{self, Action, Features, House, Limits, Moment, Received, Stage};
use crate::mail::trust::{CertificateError, server_tls};
use crate::settings::ListenerSettings;
use crate::store::{NewReturned, ReturnedForm};

/// How long a server on the other side may be silent.
const SILENCE: Duration = Duration::from_mins(2);
/// How long a conversation may last.
const LONGEST: Duration = Duration::from_mins(15);
/// How long a conversation may go on once the daemon is to stop: whoever sends a mail just then sends it again.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long nothing is accepted after accepting failed.
const AFTER_A_FAULT: Duration = Duration::from_millis(100);
/// Most recipients of a mail: reports have one.
const RECIPIENTS: usize = 10;
/// After so many connections the addresses that have been quiet are forgotten.
const FORGET_EVERY: u64 = 1_000;

/// Why the listener can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The address can't be listened on.
    #[error(
        "mail.returns.listener: {0} can't be listened on; another program may hold it, or ports below 1024 are not yours"
    )]
    Bind(String, #[source] std::io::Error),
    /// The certificate can't be used.
    #[error("mail.returns.listener: {0}")]
    Certificate(#[from] CertificateError),
}

/// A listener that is bound and not yet running.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    settings: ListenerSettings,
    tls: Option<Arc<ServerConfig>>,
}

impl Listener {
    /// Binds the address of the settings; `None` if they name none.
    pub async fn bind(settings: &ListenerSettings) -> Result<Option<Self>, ListenerError> {
        let Some(address) = &settings.listen else { return Ok(None) };
        let tls = server_tls(settings)?;
        let socket = TcpListener::bind(address).await.map_err(|error| ListenerError::Bind(address.clone(), error))?;
        Ok(Some(Self { socket, settings: settings.clone(), tls }))
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Holds conversations until told to stop; then those under way have a few seconds, and no letter is cut off whose last byte
    /// has come by then.
    pub async fn run(self, engine: Arc<Engine>, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(self.settings.connections as usize));
        let rate: DefaultKeyedRateLimiter<IpAddr> = RateLimiter::keyed(Quota::per_minute(self.settings.per_minute));
        let own = engine.mailing.load().composer.returns().domain().unwrap_or("localhost").to_owned();
        let door = Arc::new(Door {
            name: self.settings.hostname.clone().unwrap_or(own),
            features: Features { starttls: self.tls.is_some(), tls: self.tls, ..Features::default() },
            letter: self.settings.max_bytes as usize,
            engine,
            stop: stop.clone(),
        });
        let mut number: u64 = 0;
        while let Some(accepted) = stop.run_until_cancelled(self.socket.accept()).await {
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Mostly there are no more file descriptors: asking at once again would only keep a processor busy.
                    tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                    tokio::time::sleep(AFTER_A_FAULT).await;
                    continue;
                }
            };
            number += 1;
            if number.is_multiple_of(FORGET_EVERY) {
                rate.retain_recent();
            }
            let too_often = rate.check_key(&from.ip().to_canonical()).is_err();
            let place = Arc::clone(&places).try_acquire_owned();
            let (Ok(place), false) = (place, too_often) else {
                metrics::counter!("milepost_listener_total", "answer" => "refused").increment(1);
                tasks.spawn(refuse(stream));
                continue;
            };
            metrics::counter!("milepost_listener_total", "answer" => "held").increment(1);
            let door = Arc::clone(&door);
            let ends = stop.clone();
            tasks.spawn(async move {
                let longest = async {
                    let stopped = async {
                        ends.cancelled().await;
                        tokio::time::sleep(FAREWELL).await;
                    };
                    tokio::select! {
                        () = tokio::time::sleep(LONGEST) => {}
                        () = stopped => {}
                    }
                };
                // However a conversation ends, there is nobody to tell: what it brought is kept already.
                tokio::select! {
                    _ = smtpd::hold(stream, &*door, number) => {}
                    () = longest => {}
                }
                drop(place);
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

async fn refuse(mut stream: TcpStream) {
    // Whoever does not hear it finds the connection closed.
    let _ = stream.write_all(b"421 4.3.2 too many connections, come back later\r\n").await;
}

/// What the listener takes.
struct Door {
    name: String,
    features: Features,
    letter: usize,
    engine: Arc<Engine>,
    stop: CancellationToken,
}

impl House for Door {
    fn name(&self) -> &str {
        &self.name
    }

    fn features(&self) -> &Features {
        &self.features
    }

    fn limits(&self) -> Limits {
        Limits { letter: self.letter, recipients: RECIPIENTS, silence: SILENCE, told: true }
    }

    fn ask(&self, moment: &Moment<'_>) -> Action {
        let ours = || moment.to.last().is_some_and(|to| self.engine.mailing.load().composer.returns().takes(to));
        if moment.stage == Stage::Rcpt && !ours() {
            return Action::say("550 5.1.1 no such address here");
        }
        Action::Go
    }

    async fn keep(&self, letter: Received) -> &'static str {
        let thing = NewReturned {
            source: "listener".into(),
            form: ReturnedForm::Mail,
            recipients: letter.to,
            bytes: with_return_path(&letter.from, &letter.bytes),
            once: None,
            received_at: self.engine.clock.now(),
        };
        let kept = async {
            let mut tx = self.engine.store.begin().await?;
            tx.put_returned(&[thing]).await?;
            tx.commit().await
        };
        match kept.await {
            Ok(()) => {
                self.engine.wakes.returns.notify_one();
                "250 2.0.0 kept"
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "mail that came back could not be kept");
                "451 4.3.0 not now, come back later"
            }
        }
    }

    async fn hang_up(&self, _connection: u64) -> Option<String> {
        self.stop.cancelled().await;
        Some("421 4.3.2 closing".to_owned())
    }
}

/// The envelope's sender as the server that delivers a mail puts it on top (RFC 5321 §4.4).
fn with_return_path(from: &str, mail: &[u8]) -> Vec<u8> {
    let clean: String = from.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).take(254).collect();
    let mut kept = format!("Return-Path: <{clean}>\r\n").into_bytes();
    kept.extend_from_slice(mail);
    kept
}
