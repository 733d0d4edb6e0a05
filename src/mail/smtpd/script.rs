//! What a house offers, and how it answers at each step; the mailbox can be told to misbehave.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;

/// Where a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The client has just connected; the greeting is due.
    Connected,
    /// `EHLO` or `HELO`.
    Hello,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH`, with the credentials read.
    Auth,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// The command `DATA`.
    Data,
    /// The first bytes of the letter have come; its end has not been looked for.
    Content,
    /// The final dot has come; its reply is due.
    Dot,
    /// `RSET`, `NOOP` or `QUIT`.
    Other,
}

/// One step of one conversation.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The step.
    pub stage: Stage,
    /// The command line without its end; empty where there is none.
    pub line: &'a str,
    /// The envelope's sender so far.
    pub from: &'a str,
    /// The envelope's recipients so far, the one of this `RCPT` included.
    pub to: &'a [String],
    /// The connection, counted from 1.
    pub connection: u64,
    /// Letters that this connection has brought before.
    pub letters: usize,
}

/// What to do at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// What a good server does.
    Go,
    /// Answer this instead: one line, or several with CRLF between. A 2yz does the step nonetheless.
    Say(String),
    /// Answer this and close the connection.
    SayAndDrop(String),
    /// Close the connection without an answer; at [`Stage::Dot`] the letter is not kept.
    Drop,
    /// At [`Stage::Dot`]: keep the letter and close the connection without an answer.
    KeepAndDrop,
    /// Never answer.
    Hang,
}

impl Action {
    /// Answers this instead.
    pub fn say(reply: &str) -> Self {
        Self::Say(reply.to_owned())
    }

    /// Answers this and closes the connection.
    pub fn say_and_drop(reply: &str) -> Self {
        Self::SayAndDrop(reply.to_owned())
    }
}

/// What a house offers after `EHLO`.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the EHLO's answer, there or not")]
pub struct Features {
    /// `PIPELINING`.
    pub pipelining: bool,
    /// `SMTPUTF8`: addresses with characters outside ASCII.
    pub smtputf8: bool,
    /// `STARTTLS`, refused with a 454 if there is no certificate.
    pub starttls: bool,
    /// TLS from the first byte; nothing without a certificate.
    pub sealed: bool,
    /// Certificate and key.
    pub tls: Option<Arc<ServerConfig>>,
    /// `AUTH` with these mechanisms, for this name and password.
    pub auth: Option<(&'static str, String, String)>,
}

impl Default for Features {
    fn default() -> Self {
        Self { pipelining: true, smtputf8: false, starttls: false, sealed: false, tls: None, auth: None }
    }
}
