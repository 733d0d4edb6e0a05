//! Files from addresses that go with letters: attached, or shown as pictures.
//!
//! Invariants: nothing is fetched but from below the addresses of the settings, redirects included; an address of a private
//! network is reached only where the settings allow it; no proxy is asked; a file is fetched once for all letters that want it
//! at the same time, and not again while it is fresh; a server that fails is left alone for a moment; what one letter fetches is
//! bounded in number, in size and in how much of it at once. A letter goes out with everything that is attached to it, or not at
//! all; a picture that can't be had is shown from its address, like any other.
//!
//! Not here: files of the rulebook (`rulebook::letters`), when a letter is tried again (`engine`).

mod allow;
mod fetch;
mod pictures;

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use moka::future::Cache;
use reqwest::Url;

use crate::journey::time::{Span, Timestamp};
use crate::rulebook::{MAX_ENCLOSED, Rendered, content_id};
use crate::settings::AttachmentSettings;
pub use allow::{AllowList, EntryFault, NotAllowed};
use fetch::{Fetched, Fetcher};

/// Most megabytes that one file can be allowed to have: what may go with one letter.
pub const MOST_MB: u32 = 10;
/// Most octets of files that are kept.
const KEPT: u64 = 64 * 1024 * 1024;
/// How long a failure stands for the next letters, counted from when the server had its time.
const LEFT_ALONE: Span = Span::seconds(30);
/// Most files that are fetched for one letter, and most at once.
const MOST_FILES: usize = 40;
const AT_ONCE: usize = 4;

/// Fetches the files of letters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Attachments {
    allow: Arc<AllowList>,
    /// `None`: nothing may be fetched.
    fetcher: Option<Fetcher>,
    fresh_for: Span,
    left_alone: Span,
    kept: Cache<String, Kept>,
}

/// What came of fetching a file, and when.
#[derive(Clone, Debug)]
struct Kept {
    at: Timestamp,
    what: Result<Arc<Fetched>, Unavailable>,
}

/// A file of an address can't go along. It never shows a password, nor what stands behind a `?`: that may be a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} can't be fetched: {reason}")]
pub struct Unavailable {
    /// Of what.
    pub address: String,
    /// Why.
    pub reason: String,
    /// Whether a later try may have it.
    pub passes: bool,
}

/// What can't be had of the files that a letter wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// Files to be attached: without them the letter is not what it says.
    pub attached: Vec<Unavailable>,
    /// Pictures, which are shown from their addresses.
    pub pictures: Vec<Unavailable>,
}

/// Fetching can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("files for letters can't be fetched")]
pub struct FetchError(#[from] reqwest::Error);

impl Attachments {
    /// From the settings, which were checked.
    pub fn new(settings: &AttachmentSettings) -> Result<Self, FetchError> {
        let allow = Arc::new(AllowList::new(settings));
        let fetcher = if allow.is_empty() { None } else { Some(Fetcher::new(settings, &allow)?) };
        let weight = |_: &String, kept: &Kept| {
            let octets = kept.what.as_ref().map_or(0, |fetched| fetched.bytes.len());
            u32::try_from(octets).unwrap_or(u32::MAX).saturating_add(1_024)
        };
        let kept = Cache::builder().max_capacity(KEPT).weigher(weight).build();
        let patience = Span::seconds(i64::try_from(settings.timeout_seconds).unwrap_or_default());
        let left_alone = Span::from_micros(LEFT_ALONE.micros().saturating_add(patience.micros()));
        Ok(Self { allow, fetcher, fresh_for: settings.fresh_for, left_alone, kept })
    }

    /// From where files may be fetched.
    pub fn allowed(&self) -> &AllowList {
        &self.allow
    }

    /// Whether what is attached to a letter may be fetched at all.
    pub(super) fn admit(&self, letter: &Rendered) -> Result<(), Unavailable> {
        letter.linked.iter().try_for_each(|address| self.url(address).map(drop))
    }

    /// Fetches what a letter wants and encloses it; gives what can't be had.
    pub(super) async fn enclose(&self, letter: &mut Rendered, now: Timestamp) -> Lacking {
        let mut lacking = Lacking::default();
        let shown = letter.html.as_deref().map(pictures::addresses).unwrap_or_default();
        if shown.is_empty() && letter.linked.is_empty() {
            return lacking;
        }
        let taken: usize = letter.enclosed.iter().map(|file| file.bytes.len()).sum();
        let mut room = MAX_ENCLOSED.saturating_sub(taken);
        let linked = std::mem::take(&mut letter.linked);
        let shown = shown.into_iter().map(|address| (address, true));
        let wanted = linked.into_iter().map(|address| (address, false)).chain(shown);
        let fetched = wanted.enumerate().map(|(place, (address, picture))| async move {
            let file = if place < MOST_FILES { self.get(&address, now).await } else { Err(too_much(&address)) };
            let file = if picture { file.and_then(|file| file.as_picture(&address)) } else { file };
            (address, picture, file)
        });
        let mut ids = Vec::new();
        let mut files = stream::iter(fetched).buffered(AT_ONCE);
        while let Some((address, picture, file)) = files.next().await {
            let file = file.and_then(|file| if file.bytes.len() <= room { Ok(file) } else { Err(too_much(&address)) });
            let file = match file {
                Ok(file) => file,
                Err(error) => {
                    if picture { &mut lacking.pictures } else { &mut lacking.attached }.push(error);
                    continue;
                }
            };
            room -= file.bytes.len();
            let id = picture.then(|| content_id(&address, &file.bytes));
            letter.enclosed.push(file.enclosed(id.clone()));
            ids.extend(id.map(|id| (address, id)));
        }
        letter.html = letter.html.take().map(|html| pictures::shown(&html, &ids));
        lacking
    }

    fn url(&self, address: &str) -> Result<Url, Unavailable> {
        self.allow.admit(address).map_err(|error| Unavailable {
            address: told(address),
            reason: error.to_string(),
            passes: false,
        })
    }

    async fn get(&self, address: &str, now: Timestamp) -> Result<Arc<Fetched>, Unavailable> {
        let url = self.url(address)?;
        let Some(fetcher) = &self.fetcher else {
            return Err(Unavailable {
                address: told(address),
                reason: NotAllowed::Unlisted.to_string(),
                passes: false,
            });
        };
        let stale = |kept: &Kept| {
            let life = if kept.what.is_ok() { self.fresh_for } else { self.left_alone };
            now >= kept.at.after(life)
        };
        // No address of a file is like this.
        let server = format!("server {}", url.origin().ascii_serialization());
        if let Some(Kept { what: Err(error), .. }) = self.kept.get(&server).await.filter(|kept| !stale(kept)) {
            return Err(Unavailable { address: told(address), ..error });
        }
        let fetch = async {
            let what = fetcher.fetch(&url).await.map_err(|failure| {
                let error =
                    Unavailable { address: told(address), reason: failure.to_string(), passes: failure.passes() };
                (error, failure.is_of_server())
            });
            if let Err((error, true)) = &what {
                // Other files of a server that does not answer would only make more letters wait for it.
                self.kept.insert(server, Kept { at: now, what: Err(error.clone()) }).await;
            }
            Kept { at: now, what: what.map(Arc::new).map_err(|(error, _)| error) }
        };
        self.kept.entry_by_ref(url.as_str()).or_insert_with_if(fetch, stale).await.into_value().what
    }
}

fn too_much(address: &str) -> Unavailable {
    let reason = format!("more than {MOST_MB} MB or {MOST_FILES} files would go with the letter");
    Unavailable { address: told(address), reason, passes: false }
}

/// An address as it may be told: without a user's name and password, and without what stands behind a `?`.
fn told(address: &str) -> String {
    let plain = without_credentials(address);
    plain.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// An address without a user's name and password.
fn without_credentials(address: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = address.split_once("://") else { return address.into() };
    let host = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    match host.rfind('@') {
        Some(at) => format!("{scheme}://{}", rest.get(at + 1..).unwrap_or_default()).into(),
        None => address.into(),
    }
}
