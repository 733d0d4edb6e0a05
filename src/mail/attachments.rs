//! Files from addresses that go with letters: attached, or shown as pictures.
//!
//! Invariants: nothing is fetched but from below the addresses of the settings, redirects included; an address of a private
//! network is reached only where the settings allow it; no proxy is asked; a file is fetched once for all letters that want it
//! at the same time, and not again while it is fresh; a server that fails is left alone for a moment. A letter goes out with
//! everything that is attached to it, or not at all; a picture that can't be had is shown from its address, like any other.
//!
//! Not here: files of the rulebook (`rulebook::letters`), when a letter is tried again (`engine`).

mod allow;
mod fetch;
mod pictures;

use std::sync::Arc;

use futures_util::future::join_all;
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
/// How long a failure stands for the next letters.
const LEFT_ALONE: Span = Span::seconds(30);

/// Fetches the files of letters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Attachments {
    allow: Arc<AllowList>,
    /// `None`: nothing may be fetched.
    fetcher: Option<Fetcher>,
    fresh_for: Span,
    kept: Cache<String, Kept>,
}

/// What came of fetching a file, and when.
#[derive(Clone, Debug)]
struct Kept {
    at: Timestamp,
    what: Result<Arc<Fetched>, Unavailable>,
}

/// A file of an address can't go along. It never shows what stands behind a `?`: that may be a key.
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
        Ok(Self { allow, fetcher, fresh_for: settings.fresh_for, kept })
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
        let (attached, shown) = futures_util::join!(
            join_all(letter.linked.iter().map(|address| self.get(address, now))),
            join_all(shown.into_iter().map(async |address| {
                let picture = self.get(&address, now).await.and_then(|file| file.as_picture(&address));
                (address, picture)
            }))
        );
        let taken: usize = letter.enclosed.iter().map(|file| file.bytes.len()).sum();
        let mut room = MAX_ENCLOSED.saturating_sub(taken);
        for (file, address) in attached.into_iter().zip(std::mem::take(&mut letter.linked)) {
            match file {
                Ok(file) if file.bytes.len() <= room => {
                    room -= file.bytes.len();
                    letter.enclosed.push(file.enclosed(None));
                }
                Ok(_) => lacking.attached.push(too_much(&address)),
                Err(error) => lacking.attached.push(error),
            }
        }
        let mut ids = Vec::new();
        for (address, picture) in shown {
            match picture {
                Ok(file) if file.bytes.len() <= room => {
                    room -= file.bytes.len();
                    let id = content_id(&address, &file.bytes);
                    letter.enclosed.push(file.enclosed(Some(id.clone())));
                    ids.push((address, id));
                }
                Ok(_) => lacking.pictures.push(too_much(&address)),
                Err(error) => lacking.pictures.push(error),
            }
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
            let life = if kept.what.is_ok() { self.fresh_for } else { LEFT_ALONE };
            now >= kept.at.after(life)
        };
        let server = format!("{}/", url.origin().ascii_serialization());
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
    let reason = format!("more than {MOST_MB} MB would go with the letter");
    Unavailable { address: told(address), reason, passes: false }
}

/// An address as it may be told: without what stands behind a `?`.
fn told(address: &str) -> String {
    address.split(['?', '#']).next().unwrap_or_default().to_owned()
}
