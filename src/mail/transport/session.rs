//! One SMTP conversation: connecting up to log-in, the envelope, the letter. lettre speaks; here each step's failure
//! becomes an [`Outcome`].
//!
//! Invariants: STARTTLS, where it is asked for, is never gone without; nothing of a letter is written before a 354; once
//! its first byte may have been written, only a reply to its last can say what came of it.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use tokio::time::timeout;

use super::content::Content;
use super::tls::Protection;
use super::wire::Wire;
use crate::mail::address::Address;
use crate::mail::outcome::{Outcome, Step};
use crate::mail::refusal::{self, Refusals};

/// The code by which a server says that it is closing the connection (RFC 5321 §3.8).
const CLOSING: u16 = 421;
const GO_ON: u16 = 354;
const LOGGED_IN: u16 = 235;

/// How long the relay may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For one command.
    pub command: Duration,
    /// For the reply to a whole letter: giving up here leaves the letter in doubt.
    pub letter: Duration,
}

/// Where and how to connect.
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) hello: ClientId,
    pub(super) protection: Protection,
    pub(super) credentials: Option<Credentials>,
    pub(super) patience: Patience,
    /// What its refusals mean.
    pub(super) refusals: Arc<Refusals>,
}

/// A conversation that is ready for an envelope.
pub(super) struct Session {
    smtp: AsyncSmtpConnection,
    wire: Wire,
    pipelining: bool,
    smtputf8: bool,
    patience: Patience,
    refusals: Arc<Refusals>,
}

/// A step that failed: what came of it, and whether the conversation can go on.
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    /// The server still listens, with the step undone.
    pub(super) usable: bool,
}

/// Why a command has no positive reply.
enum Trouble {
    Said { code: u16, text: String },
    Broken(String),
}

impl Session {
    /// Connects, secures and logs in.
    pub(super) async fn connect(target: &Target) -> Result<Self, Outcome> {
        let patience = target.patience;
        let (host, hello) = (target.host.as_str(), &target.hello);
        let wire = within(patience.command, Step::Connect, Wire::connect(host, target.port)).await?;
        let stream: Box<dyn AsyncTokioStream> = match &target.protection {
            Protection::FromTheStart(connector) => {
                Box::new(within(patience.command, Step::Tls, wire.clone().seal(connector, host)).await?)
            }
            Protection::None | Protection::StartTls(_) => Box::new(wire.clone()),
        };
        let greeting = timeout(patience.command, AsyncSmtpConnection::connect_with_transport(stream, hello)).await;
        let refusals = Arc::clone(&target.refusals);
        let smtp = settled(greeting).map_err(|trouble| trouble.outcome(Step::Greeting, &refusals))?;
        let mut session = Self { smtp, wire, pipelining: false, smtputf8: false, patience, refusals };
        if let Protection::StartTls(parameters) = &target.protection {
            if !session.smtp.can_starttls() {
                return Err(Outcome::lost(Step::Tls, "the relay does not offer STARTTLS"));
            }
            let secured = timeout(patience.command, session.smtp.starttls(parameters.clone(), hello)).await;
            settled(secured).map_err(|trouble| trouble.outcome(Step::Tls, &session.refusals))?;
        }
        // lettre does not tell whether these are offered, so the greeting is repeated once a connection.
        let offered = session.ask(Step::Greeting, format!("EHLO {hello}\r\n")).await;
        let offered = offered.map_err(|failure| failure.outcome)?;
        let offers = |word: &str| offered.message().any(|line| line.trim().eq_ignore_ascii_case(word));
        session.pipelining = offers("PIPELINING");
        session.smtputf8 = offers("SMTPUTF8");
        if let Some(credentials) = &target.credentials {
            session.log_in(credentials).await?;
        }
        Ok(session)
    }

    async fn log_in(&mut self, credentials: &Credentials) -> Result<(), Outcome> {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let said = timeout(self.patience.command, self.smtp.auth(&mechanisms, credentials)).await;
        let said = settled(said).map_err(|trouble| trouble.outcome(Step::Login, &self.refusals))?;
        // A reply that is merely positive may be the answer to something else.
        if !said.has_code(LOGGED_IN) {
            return Err(Outcome::lost(Step::Login, format!("answered {} where 235 was due", said.code())));
        }
        Ok(())
    }

    /// `MAIL` and `RCPT`, in one write where the server allows it.
    pub(super) async fn envelope(&mut self, from: &Address, to: &Address) -> Result<(), Failure> {
        if to.needs_smtputf8() && !self.smtputf8 {
            return Err(Failure { outcome: Outcome::NoSmtpUtf8, usable: true });
        }
        let with = if to.needs_smtputf8() { " SMTPUTF8" } else { "" };
        if !self.pipelining {
            self.ask(Step::Sender, format!("MAIL FROM:<{from}>{with}\r\n")).await?;
            self.ask(Step::Recipient, format!("RCPT TO:<{to}>\r\n")).await?;
            return Ok(());
        }
        let both = format!("MAIL FROM:<{from}>{with}\r\nRCPT TO:<{to}>\r\n");
        let sender = self.ask(Step::Sender, both).await;
        if let Err(failure) = &sender
            && !failure.usable
        {
            return sender.map(drop);
        }
        // Both commands are on their way, so both replies are read even if the first is a refusal.
        let said = timeout(self.patience.command, self.smtp.read_response()).await;
        let recipient = settled(said).map_err(|trouble| trouble.failure(Step::Recipient, &self.refusals));
        match (sender, recipient) {
            (Ok(_), recipient) => recipient.map(drop),
            (Err(refused), Err(next)) if !next.usable => Err(Failure { usable: false, ..refused }),
            (Err(refused), _) => Err(refused),
        }
    }

    /// `DATA`, then the letter. Nothing of the letter is written unless the server said 354.
    pub(super) async fn letter(&mut self, raw: &[u8]) -> Result<Outcome, Failure> {
        let said = self.ask(Step::Data, "DATA\r\n").await?;
        if !said.has_code(GO_ON) {
            let outcome = Outcome::lost(Step::Data, format!("answered {} where 354 was due", said.code()));
            return Err(Failure { outcome, usable: false });
        }
        self.wire.begin();
        let sent = async {
            match std::str::from_utf8(raw) {
                Ok(text) => self.smtp.command(Content(text)).await,
                // Not a letter of ours; its bytes are its own affair.
                Err(_) => self.smtp.message(raw).await,
            }
        };
        match settled(timeout(self.patience.letter, sent).await) {
            Ok(said) if said.code().severity == Severity::PositiveCompletion => {
                Ok(Outcome::Accepted { code: said.code().into(), reply: refusal::tidy(&joined(&said)) })
            }
            Ok(said) => {
                let error = format!("answered {} to the letter's end", said.code());
                Err(Failure { outcome: Outcome::Uncertain { error }, usable: false })
            }
            Err(Trouble::Broken(error)) if self.wire.kept_back() => {
                Err(Failure { outcome: Outcome::lost(Step::Content, error), usable: false })
            }
            Err(Trouble::Broken(error)) => Err(Failure { outcome: Outcome::Uncertain { error }, usable: false }),
            // A reply ends the transaction whatever it says, so there is nothing to undo.
            Err(Trouble::Said { code: CLOSING, text }) => {
                Err(Failure { outcome: self.refusals.outcome(Step::Content, CLOSING, &text), usable: false })
            }
            Err(Trouble::Said { code, text }) => Ok(self.refusals.outcome(Step::Content, code, &text)),
        }
    }

    /// Undoes an envelope; whether that worked.
    pub(super) async fn reset(&mut self) -> bool {
        // Anything but a 2yz is the answer to something else.
        self.ask(Step::Sender, "RSET\r\n").await.is_ok_and(|said| said.code().severity == Severity::PositiveCompletion)
    }

    /// Says good-bye without caring for the answer.
    pub(super) async fn quit(mut self) {
        // A server that does not answer is left alone after a moment; there is nothing to lose any more.
        let _ = timeout(Duration::from_secs(1), self.smtp.quit()).await;
    }

    /// Whether the server said nothing and did not hang up since the last command.
    pub(super) fn is_quiet(&self) -> bool {
        self.wire.is_quiet()
    }

    pub(super) fn pipelining(&self) -> bool {
        self.pipelining
    }

    async fn ask(&mut self, step: Step, command: impl Display) -> Result<Response, Failure> {
        let said = timeout(self.patience.command, self.smtp.command(command)).await;
        settled(said).map_err(|trouble| trouble.failure(step, &self.refusals))
    }
}

impl Trouble {
    fn outcome(self, step: Step, refusals: &Refusals) -> Outcome {
        match self {
            Self::Said { code, text } => refusals.outcome(step, code, &text),
            Self::Broken(error) => Outcome::lost(step, error),
        }
    }

    fn failure(self, step: Step, refusals: &Refusals) -> Failure {
        let usable = matches!(&self, Self::Said { code, .. } if *code != CLOSING);
        Failure { outcome: self.outcome(step, refusals), usable }
    }
}

/// lettre's result within a time, taken apart.
fn settled<T>(
    done: Result<Result<T, lettre::transport::smtp::Error>, tokio::time::error::Elapsed>,
) -> Result<T, Trouble> {
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(match error.status() {
            Some(code) => {
                let text = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                Trouble::Said { code: code.into(), text }
            }
            None => Trouble::Broken(refusal::tidy(&error.to_string())),
        }),
        Err(_) => Err(Trouble::Broken("no answer in time".into())),
    }
}

/// An I/O step within a time.
async fn within<T>(limit: Duration, step: Step, work: impl Future<Output = std::io::Result<T>>) -> Result<T, Outcome> {
    match timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Outcome::lost(step, error)),
        Err(_) => Err(Outcome::lost(step, "no answer in time")),
    }
}

fn joined(said: &Response) -> String {
    said.message().collect::<Vec<_>>().join(" ")
}
