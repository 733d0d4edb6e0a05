//! Files that go with letters: what stands in `files/` of a map or in `shared/files/`, attached or shown as a picture.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::journey::spelling::suggest;

/// Most octets of what goes with one letter; many mailboxes take no more than 20 MB, which Base64 makes of 15.
pub const MAX_ENCLOSED: usize = 10 * 1024 * 1024;
/// Octets of a hash that tell one file from another.
const TOLD_APART: usize = 10;

/// Media types by the end of a file's name; what is not here is octets.
const KINDS: [(&str, &str); 16] = [
    ("csv", "text/csv; charset=utf-8"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("gif", "image/gif"),
    ("ics", "text/calendar; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("vcf", "text/vcard; charset=utf-8"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("zip", "application/zip"),
];

/// A file that goes with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosed {
    /// Its name, as the customer sees it.
    pub name: String,
    /// Its media type.
    pub kind: Cow<'static, str>,
    /// By what the HTML shows it; `None`: it is attached.
    pub content_id: Option<String>,
    /// What is in it.
    pub bytes: Arc<[u8]>,
}

/// The files of a rulebook that letters may take along, by path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shelf<'t>(pub(super) &'t BTreeMap<String, Vec<u8>>);

impl Shelf<'_> {
    /// A file for a letter of a map: the map's own, else the shared one. `Err`: what to do about its name.
    pub(super) fn find(self, map: &str, name: &str, shown: bool) -> Result<Enclosed, String> {
        let folders = [format!("{map}/files/"), "shared/files/".to_owned()];
        let found = folders.iter().find_map(|folder| self.0.get_key_value(&format!("{folder}{name}")));
        let Some((path, bytes)) = found else {
            let of_folder =
                |path: &String| folders.iter().find_map(|folder| path.strip_prefix(folder).map(str::to_owned));
            let known: Vec<String> = self.0.keys().filter_map(of_folder).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(if known.is_empty() {
                format!("put it into `rules/{map}/files/` or `rules/shared/files/`")
            } else {
                suggest(name, &known, "files")
            });
        };
        Ok(Enclosed {
            name: name.to_owned(),
            kind: kind(name).into(),
            content_id: shown.then(|| content_id(path, bytes)),
            bytes: bytes.as_slice().into(),
        })
    }
}

/// The media type of a file, by the end of its name.
pub fn kind(name: &str) -> &'static str {
    let end = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    KINDS.iter().find(|(known, _)| *known == end).map_or("application/octet-stream", |(_, kind)| kind)
}

/// By what HTML shows a file: the same for the same file, so that the same letter is the same bytes.
pub fn content_id(path: &str, bytes: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update((path.len() as u64).to_le_bytes());
    hasher.update(path.as_bytes());
    hasher.update(bytes);
    let hash = hasher.finalize();
    format!("{}@files.milepost", hex::encode(hash.get(..TOLD_APART).unwrap_or_default()))
}
