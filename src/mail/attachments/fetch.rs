//! One file from one address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::header::ContentType;
use mail_parser::{MessageParser, MimeHeaders as _};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};

use super::{AllowList, Unavailable, told};
use crate::guard::{self, Guard, is_public};
use crate::rulebook::{Enclosed, kind};
use crate::settings::AttachmentSettings;

const MB: usize = 1024 * 1024;
/// Most redirects that are followed, all of them within the list.
const MAX_REDIRECTS: usize = 3;
/// Most characters of a file's name.
const MAX_NAME: usize = 120;

/// What was fetched.
#[derive(Debug)]
pub(super) struct Fetched {
    name: String,
    kind: String,
    pub(super) bytes: Arc<[u8]>,
}

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{}", guard::Refused)]
    Private,
    #[error("it has more than {0} MB")]
    Size(usize),
    #[error("the server answered {0}")]
    Status(StatusCode),
    #[error("it leads to an address that is not below those of mail.attachments.allow")]
    Elsewhere,
    #[error("the server has sent nothing")]
    Empty,
    #[error("{0}")]
    Lost(String),
}

impl Failure {
    /// Whether a later try may have it: only what the shop has to change first does not pass.
    pub(super) fn passes(&self) -> bool {
        !matches!(self, Self::Private | Self::Size(_))
    }

    /// Whether it is the server that fails, and not this file.
    pub(super) fn is_of_server(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            // One document that can't be made is no reason to ask for no other.
            Self::Status(status) => matches!(status.as_u16(), 429 | 502..=504),
            Self::Private | Self::Size(_) | Self::Elsewhere | Self::Empty => false,
        }
    }
}

/// Asks the servers of the list.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    http: reqwest::Client,
    allow_private: bool,
    most: usize,
}

impl Fetcher {
    pub(super) fn new(settings: &AttachmentSettings, allow: &Arc<AllowList>) -> Result<Self, reqwest::Error> {
        let (listed, allow_private) = (Arc::clone(allow), settings.allow_private);
        let within = Policy::custom(move |attempt| {
            let follow = attempt.previous().len() <= MAX_REDIRECTS
                && listed.admits(attempt.url())
                && may_reach(attempt.url(), allow_private);
            // What is not followed is an answer that says so.
            if follow { attempt.follow() } else { attempt.stop() }
        });
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(settings.timeout_seconds))
            .user_agent(concat!("milepost/", env!("CARGO_PKG_VERSION")))
            .redirect(within)
            // A proxy would resolve names by itself.
            .no_proxy();
        let client = if allow_private { client } else { client.dns_resolver(Arc::new(Guard)) };
        let most = usize::try_from(settings.max_mb).unwrap_or(usize::MAX).saturating_mul(MB);
        Ok(Self { http: client.build()?, allow_private, most })
    }

    pub(super) async fn fetch(&self, url: &Url) -> Result<Fetched, Failure> {
        // A name is resolved by the guard; an address needs no resolving, so nobody would ask the guard.
        if !may_reach(url, self.allow_private) {
            return Err(Failure::Private);
        }
        let mut answer = self.http.get(url.clone()).send().await.map_err(lost)?;
        if answer.status().is_redirection() {
            return Err(Failure::Elsewhere);
        }
        if !answer.status().is_success() {
            return Err(Failure::Status(answer.status()));
        }
        let size = || Failure::Size(self.most / MB);
        if answer.content_length().is_some_and(|octets| octets > u64::try_from(self.most).unwrap_or(u64::MAX)) {
            return Err(size());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > self.most {
                return Err(size());
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.is_empty() {
            return Err(Failure::Empty);
        }
        let name = name(&answer);
        let kind = media_type(&answer, &name);
        Ok(Fetched { name, kind, bytes: bytes.into() })
    }
}

impl Fetched {
    /// It as a part of a letter.
    pub(super) fn enclosed(&self, content_id: Option<String>) -> Enclosed {
        let (name, kind) = (self.name.clone(), self.kind.clone().into());
        Enclosed { name, kind, content_id, bytes: Arc::clone(&self.bytes) }
    }

    /// It, if HTML can show it.
    pub(super) fn as_picture(self: Arc<Self>, address: &str) -> Result<Arc<Self>, Unavailable> {
        if self.kind.starts_with("image/") {
            return Ok(self);
        }
        let reason = format!("it is {}, not a picture", self.kind);
        Err(Unavailable { address: told(address), reason, passes: false })
    }
}

/// Whether an address that needs no resolving may be asked.
fn may_reach(url: &Url, allow_private: bool) -> bool {
    allow_private || guard::literal(url).is_none_or(|address: IpAddr| is_public(address))
}

fn lost(error: reqwest::Error) -> Failure {
    if guard::refused(&error) {
        return Failure::Private;
    }
    let error = error.without_url();
    Failure::Lost(if error.is_timeout() { "the server takes too long".to_owned() } else { crate::mail::chain(&error) })
}

fn field(answer: &Response, name: HeaderName) -> Option<&str> {
    answer.headers().get(name)?.to_str().ok()
}

/// The media type that the server names, without parameters but the charset of text; else the one of the file's name.
fn media_type(answer: &Response, name: &str) -> String {
    let given = field(answer, CONTENT_TYPE).map(str::trim).filter(|given| ContentType::parse(given).is_ok());
    let Some(given) = given else { return kind(name).to_owned() };
    let (essence, parameters) = given.split_once(';').unwrap_or((given, ""));
    let essence = essence.trim().to_ascii_lowercase();
    if matches!(essence.as_str(), "application/octet-stream" | "binary/octet-stream") {
        // Stores say this of what they know nothing of.
        return kind(name).to_owned();
    }
    let mut parameters = parameters.split(';').map(str::trim);
    let charset = parameters.find(|parameter| {
        parameter.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("charset="))
            && parameter.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=\"".contains(&b))
    });
    match charset.filter(|_| essence.starts_with("text/")) {
        Some(charset) => format!("{essence}; {}", charset.to_ascii_lowercase()),
        None => essence,
    }
}

/// The name that the server gives the file (RFC 6266), else the last part of its address.
fn name(answer: &Response) -> String {
    let given = field(answer, CONTENT_DISPOSITION).and_then(|value| {
        let head = format!("Content-Disposition: {value}\r\n\r\n");
        let head = MessageParser::default().parse(head.as_bytes())?;
        // The one in any script comes behind the one in ASCII, and is the better one.
        let mut names =
            head.content_disposition()?.attributes()?.iter().filter(|attribute| attribute.name == "filename");
        names.next_back().map(|attribute| attribute.value.clone().into_owned())
    });
    let last = || {
        let path = answer.url().path_segments()?.rfind(|part| !part.is_empty())?;
        // A path is written as a form's values are, but for what means something there.
        let form = path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
        form_urlencoded::parse(form.as_bytes()).next().map(|(name, _)| name.into_owned())
    };
    let clean = |name: String| {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
        Some(name.trim().trim_start_matches('.').to_owned()).filter(|name| !name.is_empty())
    };
    given.and_then(clean).or_else(|| last().and_then(clean)).unwrap_or_else(|| "file".to_owned())
}
