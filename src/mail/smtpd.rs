//! One SMTP conversation from the server's side (RFC 5321): what the mailbox of the demo and the listener for mail that comes
//! back have in common. Whose house it is decides what is taken.
//!
//! Invariants: a letter ends with a dot on a line by itself whose line and the one before it end in CRLF, and with nothing
//! else, so that no other letter can be smuggled inside it; what the house did not take is not said to be taken.

mod script;
mod stream;

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub use self::script::{Action, Features, Moment, Stage};
use self::stream::{Stream, seal};

/// Longest command line taken.
const MAX_LINE: u64 = 4_096;
/// Most commands in a row that mean nothing.
const MAX_NONSENSE: u32 = 10;

/// A letter that was brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which connection brought it, counted from 1.
    pub connection: u64,
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The letter as sent, with dots undoubled.
    pub bytes: Vec<u8>,
    /// The value of its `Message-ID` field, angle brackets included.
    pub message_id: Option<String>,
}

/// What a house takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest letter, in octets.
    pub letter: usize,
    /// Most recipients of a letter.
    pub recipients: usize,
    /// How long the other side may be silent.
    pub silence: Duration,
    /// Whether it says so: `8BITMIME` and `SIZE`.
    pub told: bool,
}

/// Whose conversation it is.
pub trait House: Send + Sync {
    /// Its name in greetings.
    fn name(&self) -> &str;

    /// What it offers.
    fn features(&self) -> &Features;

    /// What it takes.
    fn limits(&self) -> Limits;

    /// What to do at a step.
    fn ask(&self, moment: &Moment<'_>) -> Action;

    /// Keeps a letter; what to answer to its last byte. 2yz only if it has the letter from now on.
    fn keep(&self, letter: Received) -> impl Future<Output = &'static str> + Send;

    /// Ends when a connection is to be ended, with a farewell first if one is given.
    fn hang_up(&self, connection: u64) -> impl Future<Output = Option<String>> + Send;
}

struct Conversation<'a, H> {
    stream: BufReader<Box<dyn Stream>>,
    sealed: bool,
    house: &'a H,
    connection: u64,
    letters: usize,
    nonsense: u32,
    from: Option<String>,
    to: Vec<String>,
}

/// Most octets read at once of a line without end.
const MAX_PIECE: u64 = 64 * 1024;

/// A letter as it came.
enum Content {
    Whole(Vec<u8>),
    TooLarge,
    BrokenOff,
}

/// Whether the conversation goes on.
enum Next {
    Go,
    End,
}

/// Holds a conversation to its end.
pub async fn hold(stream: TcpStream, house: &impl House, connection: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let sealed = house.features().sealed;
    if sealed {
        let Some(tls) = house.features().tls.clone() else { return Ok(()) };
        stream = seal(stream, tls).await?;
    }
    let stream = BufReader::new(stream);
    let mut talk =
        Conversation { stream, sealed, house, connection, letters: 0, nonsense: 0, from: None, to: Vec::new() };
    let greeting = format!("220 {} ESMTP Milepost", house.name());
    if let Next::End = talk.answer(Stage::Connected, "", &greeting).await?.1 {
        return Ok(());
    }
    loop {
        let Some(line) = talk.next_command().await? else { return Ok(()) };
        if let Next::End = talk.command(&line).await? {
            return Ok(());
        }
    }
}

impl<H: House> Conversation<'_, H> {
    /// The next command line; `None` at the end, or when the mailbox hangs up.
    async fn next_command(&mut self) -> io::Result<Option<String>> {
        let (number, silence) = (self.connection, self.house.limits().silence);
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(MAX_LINE);
        let farewell = tokio::select! {
            read = limited.read_until(b'\n', &mut line) => {
                if read? == 0 || line.len() as u64 == MAX_LINE {
                    return Ok(None);
                }
                return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()));
            }
            farewell = self.house.hang_up(number) => farewell,
            () = tokio::time::sleep(silence) => Some("421 4.4.2 silent for too long".to_owned()),
        };
        if let Some(farewell) = farewell {
            self.write(&farewell).await?;
        }
        Ok(None)
    }

    /// A command that means nothing here; whoever goes on with it is no mail server.
    async fn senseless(&mut self, reply: &str) -> io::Result<Next> {
        self.nonsense += 1;
        if self.nonsense > MAX_NONSENSE {
            self.write("421 4.7.0 enough").await?;
            return Ok(Next::End);
        }
        self.write(reply).await?;
        Ok(Next::Go)
    }

    async fn command(&mut self, line: &str) -> io::Result<Next> {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => {
                self.forget();
                let offer = self.offer();
                Ok(self.answer(Stage::Hello, line, &offer).await?.1)
            }
            "STARTTLS" => self.start_tls(line).await,
            "AUTH" => self.auth(line).await,
            "MAIL" => {
                let from = path(line);
                self.forget();
                // One that sends mail is a mail server, whatever it tried before.
                self.nonsense = 0;
                if size(line).is_some_and(|size| size > self.house.limits().letter) {
                    self.write("552 5.3.4 too large").await?;
                    return Ok(Next::Go);
                }
                self.from = Some(from);
                let (done, next) = self.answer(Stage::Mail, line, "250 2.1.0 ok").await?;
                if !done {
                    self.forget();
                }
                Ok(next)
            }
            "RCPT" if self.from.is_some() && self.to.len() >= self.house.limits().recipients => {
                self.write("452 4.5.3 too many recipients").await?;
                Ok(Next::Go)
            }
            "RCPT" if !line.is_ascii() && !self.house.features().smtputf8 => {
                self.write("553 5.6.7 SMTPUTF8 is not offered").await?;
                Ok(Next::Go)
            }
            "RCPT" if self.from.is_some() => {
                self.to.push(path(line));
                let (done, next) = self.answer(Stage::Rcpt, line, "250 2.1.5 ok").await?;
                if !done {
                    self.to.pop();
                }
                Ok(next)
            }
            "DATA" if !self.to.is_empty() => self.data(line).await,
            // All its recipients were refused, and with PIPELINING it had said so before it knew (RFC 2920 §3.1).
            "DATA" if self.from.is_some() => {
                self.write("554 5.5.1 no valid recipients").await?;
                Ok(Next::Go)
            }
            "RCPT" | "DATA" => self.senseless("503 5.5.1 not in this order").await,
            "RSET" => {
                self.forget();
                Ok(self.answer(Stage::Other, line, "250 2.0.0 ok").await?.1)
            }
            "NOOP" => Ok(self.answer(Stage::Other, line, "250 2.0.0 ok").await?.1),
            "QUIT" => {
                self.answer(Stage::Other, line, "221 2.0.0 bye").await?;
                Ok(Next::End)
            }
            _ => self.senseless("500 5.5.2 what?").await,
        }
    }

    async fn start_tls(&mut self, line: &str) -> io::Result<Next> {
        let Some(tls) = self.house.features().tls.clone().filter(|_| !self.sealed) else {
            return Ok(self.answer(Stage::StartTls, line, "454 4.7.0 not now").await?.1);
        };
        let (done, next) = self.answer(Stage::StartTls, line, "220 2.0.0 go ahead").await?;
        if done {
            // What came in the clear after the command is dropped with the old reader.
            let plain: Box<dyn Stream> = Box::new(tokio::io::empty());
            let plain = std::mem::replace(self.stream.get_mut(), plain);
            self.stream = BufReader::new(seal(plain, tls).await?);
            self.sealed = true;
            self.forget();
        }
        Ok(next)
    }

    fn offer(&self) -> String {
        let mut lines = vec![self.house.name().to_owned()];
        let features = self.house.features();
        if features.pipelining {
            lines.push("PIPELINING".into());
        }
        if features.smtputf8 {
            lines.push("SMTPUTF8".into());
        }
        if features.starttls && !self.sealed {
            lines.push("STARTTLS".into());
        }
        if let Some((mechanisms, ..)) = &features.auth {
            lines.push(format!("AUTH {mechanisms}"));
        }
        if self.house.limits().told {
            lines.push("8BITMIME".into());
            lines.push(format!("SIZE {}", self.house.limits().letter));
        }
        lines.push("ENHANCEDSTATUSCODES".into());
        let last = lines.len() - 1;
        let line = |(n, line): (usize, &String)| format!("250{}{line}", if n == last { ' ' } else { '-' });
        lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
    }

    async fn auth(&mut self, line: &str) -> io::Result<Next> {
        let Some((_, user, password)) = self.house.features().auth.clone() else {
            self.write("502 5.5.1 no AUTH here").await?;
            return Ok(Next::Go);
        };
        let mut words = line.split(' ').skip(1);
        let (mechanism, first) = (words.next().unwrap_or_default().to_ascii_uppercase(), words.next());
        let given = if mechanism == "PLAIN" {
            let first = first.map(str::to_owned);
            let said = if let Some(first) = first { first } else { self.challenge("").await? };
            decoded(&said)
        } else {
            let name = self.challenge("VXNlcm5hbWU6").await?;
            let word = self.challenge("UGFzc3dvcmQ6").await?;
            format!("\0{}\0{}", decoded(&name), decoded(&word))
        };
        let right = given == format!("\0{user}\0{password}");
        let reply = if right { "235 2.7.0 welcome" } else { "535 5.7.8 wrong name or password" };
        Ok(self.answer(Stage::Auth, line, reply).await?.1)
    }

    async fn challenge(&mut self, text: &str) -> io::Result<String> {
        self.write(&format!("334 {text}")).await?;
        Ok(self.next_command().await?.unwrap_or_default())
    }

    async fn data(&mut self, line: &str) -> io::Result<Next> {
        let (done, next) = self.answer(Stage::Data, line, "354 end with a dot on a line by itself").await?;
        if !done {
            return Ok(next);
        }
        self.stream.fill_buf().await?;
        if let Next::End = self.at_content().await? {
            return Ok(Next::End);
        }
        let bytes = match self.content().await? {
            Content::Whole(bytes) => bytes,
            Content::TooLarge => {
                self.forget();
                self.write("552 5.3.4 too large").await?;
                return Ok(Next::Go);
            }
            Content::BrokenOff => return Ok(Next::End),
        };
        let letter = Received {
            connection: self.connection,
            from: self.from.clone().unwrap_or_default(),
            to: self.to.clone(),
            message_id: message_id(&bytes),
            bytes,
        };
        let action = self.house.ask(&self.moment(Stage::Dot, ""));
        let takes = match &action {
            Action::Go | Action::KeepAndDrop => true,
            Action::Say(reply) => positive(reply),
            Action::SayAndDrop(_) | Action::Drop | Action::Hang => false,
        };
        let mut reply = "250 2.0.0 kept";
        if takes {
            // As a good server does: first it has the letter, then it says so.
            reply = self.house.keep(letter).await;
            self.letters += usize::from(positive(reply));
        }
        let (_, next) = self.act(action, reply).await?;
        self.forget();
        Ok(next)
    }

    /// While the letter comes: nothing is due, so only a script has something to say.
    async fn at_content(&mut self) -> io::Result<Next> {
        match self.house.ask(&self.moment(Stage::Content, "")) {
            Action::Go => Ok(Next::Go),
            action => Ok(self.act(action, "").await?.1),
        }
    }

    /// The letter up to its final dot. One that is too large is heard to its end, for the other side reads no reply before.
    async fn content(&mut self) -> io::Result<Content> {
        let Limits { letter: most, silence, .. } = self.house.limits();
        let mut bytes = Vec::new();
        let mut whole = true;
        let mut line = Vec::new();
        // Whether the line before ended as lines of mail end.
        let mut proper = true;
        loop {
            line.clear();
            let mut limited = (&mut self.stream).take(MAX_PIECE);
            let Ok(read) = tokio::time::timeout(silence, limited.read_until(b'\n', &mut line)).await else {
                return Ok(Content::BrokenOff);
            };
            if read? == 0 {
                return Ok(Content::BrokenOff);
            }
            if proper && line == b".\r\n" {
                return Ok(if whole { Content::Whole(bytes) } else { Content::TooLarge });
            }
            let begins = usize::from(proper && line.first() == Some(&b'.'));
            proper = line.ends_with(b"\r\n");
            whole &= bytes.len() + line.len() <= most;
            if whole {
                bytes.extend_from_slice(&line[begins..]);
            } else {
                bytes = Vec::new();
            }
        }
    }

    /// Asks the script, answers, and tells whether the step was done and whether to go on.
    async fn answer(&mut self, stage: Stage, line: &str, reply: &str) -> io::Result<(bool, Next)> {
        let action = self.house.ask(&self.moment(stage, line));
        self.act(action, reply).await
    }

    async fn act(&mut self, action: Action, reply: &str) -> io::Result<(bool, Next)> {
        match action {
            Action::Go => {
                self.write(reply).await?;
                Ok((positive(reply), Next::Go))
            }
            Action::Say(reply) => {
                self.write(&reply).await?;
                Ok((positive(&reply), Next::Go))
            }
            Action::SayAndDrop(reply) => {
                self.write(&reply).await?;
                Ok((false, Next::End))
            }
            Action::Drop | Action::KeepAndDrop => Ok((false, Next::End)),
            Action::Hang => std::future::pending().await,
        }
    }

    fn moment<'m>(&'m self, stage: Stage, line: &'m str) -> Moment<'m> {
        Moment {
            stage,
            line,
            from: self.from.as_deref().unwrap_or_default(),
            to: &self.to,
            connection: self.connection,
            letters: self.letters,
        }
    }

    async fn write(&mut self, reply: &str) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        stream.flush().await
    }

    fn forget(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

/// The size that a client says its letter has (RFC 1870).
fn size(line: &str) -> Option<usize> {
    line.split(' ').find_map(|word| word.to_ascii_uppercase().strip_prefix("SIZE=")?.parse().ok())
}

/// Whether a reply lets the conversation go on.
fn positive(reply: &str) -> bool {
    reply.starts_with(['2', '3'])
}

/// What stands between the angle brackets of a command.
fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(path, _)| path.to_owned()).unwrap_or_default()
}

fn decoded(text: &str) -> String {
    STANDARD.decode(text.trim()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The value of the `Message-ID` field.
fn message_id(letter: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(letter);
    let head = text.split("\r\n\r\n").next()?;
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("message-id").then(|| value.trim().to_owned())
    })
}
