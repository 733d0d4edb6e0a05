//! A mailbox read by IMAP (RFC 3501): connecting under TLS, fetching what is new, waiting for more (IDLE, RFC 2177).
//!
//! Invariants: no password is said before TLS, but to this machine; nothing is deleted; reading marks nothing as read, only
//! setting aside does.
//!
//! Not here: what is kept of the mail, and how far it was read (`engine`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_imap::extensions::idle::IdleResponse;
use async_imap::{Client, Session};
use futures_util::TryStreamExt as _;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::trust;
use crate::settings::{ImapSettings, RelaySecurity};

/// How long one command may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long to idle at most before asking anew: networks on the way forget connections that are silent for longer.
const LONGEST_IDLE: Duration = Duration::from_mins(5);
/// How often to ask a server that can't tell of new mail by itself.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// What a conversation is held over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug> Stream for T {}

type Boxed = Box<dyn Stream>;

/// A folder of a mailbox.
#[derive(Clone, Debug)]
pub struct Account {
    host: String,
    port: u16,
    security: RelaySecurity,
    username: String,
    password: SecretString,
    folder: String,
    move_to: Option<String>,
    /// Certificates (DER) that are trusted besides the system's.
    roots: Vec<Vec<u8>>,
}

/// What went wrong, and at which step.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The host does not answer.
    #[error("the IMAP server can't be reached")]
    Connect(#[source] std::io::Error),
    /// TLS could not be set up.
    #[error("TLS with the IMAP server failed")]
    Tls(#[source] std::io::Error),
    /// The server does not let us in. What it said is not shown: it may repeat what was sent.
    #[error("the IMAP server does not take the user name and the password")]
    Login,
    /// A command failed.
    #[error("the IMAP server failed at {0}")]
    Command(&'static str, #[source] async_imap::error::Error),
    /// The server is silent.
    #[error("the IMAP server did not answer {0} in time")]
    Silent(&'static str),
}

type Result<T> = std::result::Result<T, ImapError>;

impl Account {
    /// The folder that the settings name; `None` if they name none.
    pub fn of(settings: &ImapSettings) -> Option<Self> {
        let default = if settings.security == RelaySecurity::Tls { 993 } else { 143 };
        Some(Self {
            host: settings.host.clone()?,
            port: settings.port.unwrap_or(default),
            security: settings.security,
            username: settings.username.clone().unwrap_or_default(),
            password: settings.password.clone().unwrap_or_else(|| String::new().into()),
            folder: settings.folder.clone(),
            move_to: settings.move_to.clone(),
            roots: settings.authority.as_ref().and_then(trust::certificates).unwrap_or_default(),
        })
    }

    /// What it is called on record: the mailbox, without a password.
    pub fn name(&self) -> String {
        format!("imap:{}@{}", self.username, self.host)
    }

    /// The folder.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Connects, logs in and opens the folder.
    pub async fn open(&self) -> Result<Open> {
        let client = in_time("the connection", self.connect()).await??;
        let login = client.login(&self.username, self.password.expose_secret());
        let mut session = in_time("LOGIN", login).await?.map_err(|_| ImapError::Login)?;
        let can = in_time("CAPABILITY", session.capabilities()).await?.map_err(failed("CAPABILITY"))?;
        let (can_idle, can_move) = (can.has_str("IDLE"), can.has_str("MOVE"));
        if let Some(folder) = &self.move_to {
            // It is there already, mostly; if it can't be made, moving says so.
            let _ = in_time("CREATE", session.create(folder)).await?;
        }
        let selected = in_time("SELECT", session.select(&self.folder)).await?.map_err(failed("SELECT"))?;
        let validity = selected.uid_validity.unwrap_or_default();
        Ok(Open { session, can_idle, can_move, move_to: self.move_to.clone(), validity })
    }

    async fn connect(&self) -> Result<Client<Boxed>> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(ImapError::Connect)?;
        let plain: Boxed = Box::new(tcp);
        match self.security {
            RelaySecurity::None => greeted(plain).await,
            RelaySecurity::Tls => greeted(self.seal(plain).await?).await,
            RelaySecurity::Starttls => {
                let mut client = greeted(plain).await?;
                client.run_command_and_check_ok("STARTTLS", None).await.map_err(failed("STARTTLS"))?;
                // What came in the clear after the answer is dropped with the old reader.
                Ok(Client::new(self.seal(client.into_inner()).await?))
            }
        }
    }

    async fn seal(&self, plain: Boxed) -> Result<Boxed> {
        let bad = |error: rustls::Error| ImapError::Tls(std::io::Error::other(error));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = self.roots.iter().cloned().map(CertificateDer::from);
        let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(bad)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(bad)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let name = ServerName::try_from(self.host.clone()).map_err(|e| ImapError::Tls(std::io::Error::other(e)))?;
        let sealed = TlsConnector::from(Arc::new(config)).connect(name, plain).await.map_err(ImapError::Tls)?;
        Ok(Box::new(sealed))
    }
}

async fn greeted(stream: Boxed) -> Result<Client<Boxed>> {
    let mut client = Client::new(stream);
    match client.read_response().await {
        Ok(Some(_)) => Ok(client),
        Ok(None) => Err(ImapError::Connect(std::io::ErrorKind::UnexpectedEof.into())),
        Err(error) => Err(ImapError::Connect(error)),
    }
}

/// An open folder.
#[derive(Debug)]
pub struct Open {
    session: Session<Boxed>,
    can_idle: bool,
    can_move: bool,
    move_to: Option<String>,
    /// Under another value the folder's numbers mean other mails.
    pub validity: u32,
}

impl Open {
    /// The numbers of mails after one, in order.
    pub async fn after(&mut self, uid: u32) -> Result<Vec<u32>> {
        let from = uid.saturating_add(1);
        let search = self.session.uid_search(format!("UID {from}:*"));
        let found = in_time("SEARCH", search).await?.map_err(failed("SEARCH"))?;
        // `*` is the last mail, whatever its number.
        let mut found: Vec<u32> = found.into_iter().filter(|uid| *uid >= from).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// The numbers of unread mails up to one: those that were kept and not set aside.
    pub async fn left_behind(&mut self, uid: u32) -> Result<Vec<u32>> {
        if uid == 0 {
            return Ok(Vec::new());
        }
        let search = self.session.uid_search(format!("UID 1:{uid} UNSEEN"));
        let found = in_time("SEARCH", search).await?.map_err(failed("SEARCH"))?;
        Ok(found.into_iter().filter(|found| *found <= uid).collect())
    }

    /// Mails by their numbers; one larger than `most` octets has no bytes. One that was removed meanwhile is absent.
    pub async fn fetch(&mut self, uids: &[u32], most: u32) -> Result<BTreeMap<u32, Option<Vec<u8>>>> {
        let sizes = self.ask(uids, "(UID RFC822.SIZE)").await?;
        let mut mails: BTreeMap<u32, Option<Vec<u8>>> = BTreeMap::new();
        let mut wanted = Vec::new();
        for fetch in sizes {
            let Some(uid) = fetch.uid else { continue };
            mails.insert(uid, None);
            if fetch.size.is_none_or(|size| size <= most) {
                wanted.push(uid);
            }
        }
        if !wanted.is_empty() {
            for fetch in self.ask(&wanted, "(UID BODY.PEEK[])").await? {
                if let (Some(uid), Some(body)) = (fetch.uid, fetch.body()) {
                    mails.insert(uid, Some(body.to_vec()));
                }
            }
        }
        Ok(mails)
    }

    async fn ask(&mut self, uids: &[u32], what: &str) -> Result<Vec<async_imap::types::Fetch>> {
        let asked = async {
            let answers = self.session.uid_fetch(set(uids), what).await?;
            answers.try_collect::<Vec<_>>().await
        };
        in_time("FETCH", asked).await?.map_err(failed("FETCH"))
    }

    /// Marks mails as read, or moves them where the settings say.
    pub async fn set_aside(&mut self, uids: &[u32]) -> Result<()> {
        if uids.is_empty() {
            return Ok(());
        }
        let (set, can_move, target) = (set(uids), self.can_move, self.move_to.clone());
        let session = &mut self.session;
        let marked = async {
            let flags = match &target {
                Some(folder) if can_move => {
                    let seen = session.uid_store(&set, "+FLAGS.SILENT (\\Seen)").await?;
                    seen.try_collect::<Vec<_>>().await?;
                    return session.uid_mv(&set, folder).await;
                }
                Some(folder) => {
                    session.uid_copy(&set, folder).await?;
                    // Nothing is expunged: that is for whoever keeps the mailbox.
                    "+FLAGS.SILENT (\\Seen \\Deleted)"
                }
                None => "+FLAGS.SILENT (\\Seen)",
            };
            session.uid_store(&set, flags).await?.try_collect::<Vec<_>>().await.map(drop)
        };
        in_time("STORE", marked).await?.map_err(failed("STORE"))
    }

    /// Waits until there may be more mail; `None` when told to stop.
    pub async fn wait(mut self, stop: &CancellationToken) -> Result<Option<Self>> {
        if !self.can_idle {
            tokio::select! {
                () = stop.cancelled() => {
                    self.close().await;
                    return Ok(None);
                }
                () = tokio::time::sleep(ASK_EVERY) => {}
            }
            in_time("NOOP", self.session.noop()).await?.map_err(failed("NOOP"))?;
            return Ok(Some(self));
        }
        let Self { session, can_idle, can_move, move_to, validity } = self;
        let mut idle = session.idle();
        in_time("IDLE", idle.init()).await?.map_err(failed("IDLE"))?;
        let (waiting, interrupt) = idle.wait_with_timeout(LONGEST_IDLE);
        let told = tokio::select! {
            told = waiting => Some(told),
            () = stop.cancelled() => None,
        };
        drop(interrupt);
        let session = in_time("DONE", idle.done()).await?.map_err(failed("DONE"))?;
        let open = Self { session, can_idle, can_move, move_to, validity };
        match told {
            None => {
                open.close().await;
                Ok(None)
            }
            Some(Ok(IdleResponse::NewData(_) | IdleResponse::Timeout | IdleResponse::ManualInterrupt)) => {
                Ok(Some(open))
            }
            Some(Err(error)) => Err(ImapError::Command("IDLE", error)),
        }
    }

    /// Takes leave. A server that does not answer is left all the same.
    pub async fn close(mut self) {
        let _ = tokio::time::timeout(PATIENCE, self.session.logout()).await;
    }
}

fn set(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn failed(what: &'static str) -> impl FnOnce(async_imap::error::Error) -> ImapError {
    move |error| ImapError::Command(what, error)
}

async fn in_time<T>(what: &'static str, work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| ImapError::Silent(what))
}
