//! One SMTP conversation from the server's side (RFC 5321), as far as the mailbox needs it.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::script::{Action, Moment, Stage};
use super::stream::{Stream, seal};
use super::{Received, Shared};

/// Longest command line taken.
const MAX_LINE: u64 = 4_096;
/// Largest letter taken.
const MAX_LETTER: usize = 32 * 1024 * 1024;

struct Conversation<'a> {
    stream: BufReader<Box<dyn Stream>>,
    sealed: bool,
    shared: &'a Shared,
    connection: u64,
    letters: usize,
    from: Option<String>,
    to: Vec<String>,
}

/// Whether the conversation goes on.
enum Next {
    Go,
    End,
}

/// Holds a conversation to its end.
pub(super) async fn hold(stream: TcpStream, shared: &Shared, connection: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let sealed = shared.features.sealed;
    if sealed {
        let Some(tls) = shared.features.tls.clone() else { return Ok(()) };
        stream = seal(stream, tls).await?;
    }
    let stream = BufReader::new(stream);
    let mut talk = Conversation { stream, sealed, shared, connection, letters: 0, from: None, to: Vec::new() };
    if let Next::End = talk.answer(Stage::Connected, "", "220 mailbox.example ESMTP Milepost").await?.1 {
        return Ok(());
    }
    loop {
        let Some(line) = talk.next_command().await? else { return Ok(()) };
        if let Next::End = talk.command(&line).await? {
            return Ok(());
        }
    }
}

impl Conversation<'_> {
    /// The next command line; `None` at the end, or when the mailbox hangs up.
    async fn next_command(&mut self) -> io::Result<Option<String>> {
        let mut hang_up = self.shared.hang_up.subscribe();
        let number = self.connection;
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(MAX_LINE);
        tokio::select! {
            read = limited.read_until(b'\n', &mut line) => {
                if read? == 0 || line.len() as u64 == MAX_LINE {
                    return Ok(None);
                }
            }
            farewell = async { hang_up.wait_for(|wanted| wanted.up_to >= number).await.ok()?.farewell.clone() } => {
                if let Some(farewell) = farewell {
                    self.write(&farewell).await?;
                }
                return Ok(None);
            }
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
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
                self.from = Some(from);
                let (done, next) = self.answer(Stage::Mail, line, "250 2.1.0 ok").await?;
                if !done {
                    self.forget();
                }
                Ok(next)
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
            "RCPT" | "DATA" => {
                self.write("503 5.5.1 not in this order").await?;
                Ok(Next::Go)
            }
            "RSET" => {
                self.forget();
                Ok(self.answer(Stage::Other, line, "250 2.0.0 ok").await?.1)
            }
            "NOOP" => Ok(self.answer(Stage::Other, line, "250 2.0.0 ok").await?.1),
            "QUIT" => {
                self.answer(Stage::Other, line, "221 2.0.0 bye").await?;
                Ok(Next::End)
            }
            _ => {
                self.write("500 5.5.2 what?").await?;
                Ok(Next::Go)
            }
        }
    }

    async fn start_tls(&mut self, line: &str) -> io::Result<Next> {
        let Some(tls) = self.shared.features.tls.clone().filter(|_| !self.sealed) else {
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
        let mut lines = vec!["mailbox.example".to_owned()];
        let features = &self.shared.features;
        if features.pipelining {
            lines.push("PIPELINING".into());
        }
        if features.starttls && !self.sealed {
            lines.push("STARTTLS".into());
        }
        if let Some((mechanisms, ..)) = &features.auth {
            lines.push(format!("AUTH {mechanisms}"));
        }
        lines.push("ENHANCEDSTATUSCODES".into());
        let last = lines.len() - 1;
        let line = |(n, line): (usize, &String)| format!("250{}{line}", if n == last { ' ' } else { '-' });
        lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
    }

    async fn auth(&mut self, line: &str) -> io::Result<Next> {
        let Some((_, user, password)) = self.shared.features.auth.clone() else {
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
        let Some(bytes) = self.content().await? else { return Ok(Next::End) };
        let letter = Received {
            connection: self.connection,
            from: self.from.clone().unwrap_or_default(),
            to: self.to.clone(),
            message_id: message_id(&bytes),
            bytes,
        };
        let action = self.shared.ask(&self.moment(Stage::Dot, ""));
        let takes = match &action {
            Action::Go | Action::KeepAndDrop => true,
            Action::Say(reply) => positive(reply),
            Action::SayAndDrop(_) | Action::Drop | Action::Hang => false,
        };
        if takes {
            // As a good server does: first it has the letter, then it says so.
            self.letters += 1;
            self.shared.keep(letter);
        }
        let (_, next) = self.act(action, "250 2.0.0 kept").await?;
        self.forget();
        Ok(next)
    }

    /// While the letter comes: nothing is due, so only a script has something to say.
    async fn at_content(&mut self) -> io::Result<Next> {
        match self.shared.ask(&self.moment(Stage::Content, "")) {
            Action::Go => Ok(Next::Go),
            action => Ok(self.act(action, "").await?.1),
        }
    }

    /// The letter up to its final dot; `None` if it breaks off or is too large.
    async fn content(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            let read = self.stream.read_until(b'\n', &mut bytes).await?;
            if read == 0 || bytes.len() > MAX_LETTER {
                return Ok(None);
            }
            if &bytes[start..] == b".\r\n" {
                bytes.truncate(start);
                return Ok(Some(bytes));
            }
            if bytes[start] == b'.' {
                bytes.remove(start);
            }
        }
    }

    /// Asks the script, answers, and tells whether the step was done and whether to go on.
    async fn answer(&mut self, stage: Stage, line: &str, reply: &str) -> io::Result<(bool, Next)> {
        let action = self.shared.ask(&self.moment(stage, line));
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
