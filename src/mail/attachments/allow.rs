//! From where files may be fetched: a list of addresses, each for everything below it.

use reqwest::Url;

use crate::settings::AttachmentSettings;

/// The addresses below which files may be fetched.
#[derive(Clone, Debug, Default)]
pub struct AllowList(Vec<Url>);

/// What is wrong with an entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// It is no address.
    #[error("this is not an address of the web")]
    NoAddress,
    /// It is not protected.
    #[error("this must begin with https:// (http:// is for private networks, with `allow_private = true`)")]
    Plain,
    /// It ends in the middle of a name.
    #[error("this must end with a slash: everything below it may be fetched")]
    NoFolder,
    /// It holds more than a place.
    #[error("this may hold no user name, password, `?` or `#`")]
    More,
}

/// Why nothing may be fetched from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// It is none.
    #[error("this is not an address of the web")]
    NoAddress,
    /// It bears a user's name or password.
    #[error("it bears a user name or a password")]
    Credentials,
    /// It lies below none of the list.
    #[error("it is below none of the addresses of mail.attachments.allow")]
    Unlisted,
}

impl AllowList {
    /// The list of the settings.
    pub fn new(settings: &AttachmentSettings) -> Self {
        Self(settings.allow.iter().filter_map(|entry| Self::entry(entry, settings.allow_private).ok()).collect())
    }

    /// Reads an entry.
    pub fn entry(text: &str, allow_private: bool) -> Result<Url, EntryFault> {
        let url = Url::parse(text).map_err(|_| EntryFault::NoAddress)?;
        if url.scheme() != "https" && !(url.scheme() == "http" && allow_private) {
            return Err(EntryFault::Plain);
        }
        if has_credentials(&url) || url.query().is_some() || url.fragment().is_some() {
            return Err(EntryFault::More);
        }
        // The parser adds the slash behind a host.
        if !text.ends_with('/') || is_ambiguous(url.path()) {
            return Err(EntryFault::NoFolder);
        }
        Ok(url)
    }

    /// Whether nothing may be fetched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads an address from which a file may be fetched.
    pub fn admit(&self, address: &str) -> Result<Url, NotAllowed> {
        let mut url = Url::parse(address).map_err(|_| NotAllowed::NoAddress)?;
        url.set_fragment(None);
        if has_credentials(&url) {
            return Err(NotAllowed::Credentials);
        }
        if self.admits(&url) { Ok(url) } else { Err(NotAllowed::Unlisted) }
    }

    /// Whether a file may be fetched from an address. `..` in it is gone by now: the parser follows it.
    pub(super) fn admits(&self, url: &Url) -> bool {
        let below = |entry: &Url| entry.origin() == url.origin() && url.path().starts_with(entry.path());
        !has_credentials(url) && !is_ambiguous(url.path()) && self.0.iter().any(below)
    }

    /// Whether a file may be fetched from an address that begins so.
    pub fn admits_start(&self, start: &str) -> bool {
        self.admit(start).is_ok() || self.0.iter().any(|entry| entry.as_str().starts_with(start))
    }
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether a server may read other folders in a path than we do: it may take these for slashes.
fn is_ambiguous(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.contains("%2f") || path.contains("%5c")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AllowList {
        let allow = entries.iter().map(|&entry| entry.to_owned()).collect();
        AllowList::new(&AttachmentSettings { allow, ..AttachmentSettings::default() })
    }

    #[test]
    fn only_what_lies_below_an_entry_is_admitted() {
        let list = list(&["https://cdn.shop.example/letters/", "https://[2606:4700::1111]:8443/"]);
        for fine in [
            "https://cdn.shop.example/letters/a.pdf",
            "https://CDN.shop.example:443/letters/x/../b.png?size=2#top",
            "https://cdn.shop.example/letters/%D0%BA.pdf",
            "https://[2606:4700::1111]:8443/a",
        ] {
            assert!(list.admit(fine).is_ok(), "{fine}");
        }
        for (bad, why) in [
            ("https://cdn.shop.example/lettersx/a.pdf", NotAllowed::Unlisted),
            ("https://cdn.shop.example/letters", NotAllowed::Unlisted),
            ("https://cdn.shop.example/letters/../a.pdf", NotAllowed::Unlisted),
            ("https://cdn.shop.example/letters/%2e%2e/a.pdf", NotAllowed::Unlisted),
            ("https://cdn.shop.example/letters/..%2fa.pdf", NotAllowed::Unlisted),
            ("https://cdn.shop.example/letters/..%5Ca.pdf", NotAllowed::Unlisted),
            ("https://cdn.shop.example/letters/..\\..\\a.pdf", NotAllowed::Unlisted),
            ("http://cdn.shop.example/letters/a.pdf", NotAllowed::Unlisted),
            ("https://cdn.shop.example:8443/letters/a.pdf", NotAllowed::Unlisted),
            ("https://ann:key@cdn.shop.example/letters/a.pdf", NotAllowed::Credentials),
            ("https://cdn.shop.example@evil.example/letters/a.pdf", NotAllowed::Credentials),
            ("https://cdn.shop.example.evil.example/letters/a.pdf", NotAllowed::Unlisted),
            ("https://evil.example/https://cdn.shop.example/letters/a.pdf", NotAllowed::Unlisted),
            ("file:///letters/a.pdf", NotAllowed::Unlisted),
            ("letters/a.pdf", NotAllowed::NoAddress),
            ("", NotAllowed::NoAddress),
        ] {
            assert_eq!(list.admit(bad).err(), Some(why), "{bad}");
        }
    }

    #[test]
    fn entries_are_whole_folders() {
        for (entry, fault) in [
            ("https://cdn.shop.example/", None),
            ("https://cdn.shop.example", Some(EntryFault::NoFolder)),
            ("https://cdn.shop.example/letters", Some(EntryFault::NoFolder)),
            ("https://cdn.shop.example/a%2f/", Some(EntryFault::NoFolder)),
            ("http://cdn.shop.example/", Some(EntryFault::Plain)),
            ("file:///srv/", Some(EntryFault::Plain)),
            ("https://ann@cdn.shop.example/", Some(EntryFault::More)),
            ("https://cdn.shop.example/?a/", Some(EntryFault::More)),
            ("cdn.shop.example/", Some(EntryFault::NoAddress)),
        ] {
            assert_eq!(AllowList::entry(entry, false).err(), fault, "{entry}");
        }
        assert!(AllowList::entry("http://10.0.0.7/", true).is_ok());
    }

    #[test]
    fn the_start_of_an_address_may_be_all_that_is_known() {
        let list = list(&["https://cdn.shop.example/letters/"]);
        for (start, fine) in [
            ("https://cdn.shop.example/letters/invoice-", true),
            ("https://cdn.shop.example/", true),
            ("https://", true),
            ("https://cdn.shop.example/other/", false),
            ("http://", false),
            ("letters/", false),
        ] {
            assert_eq!(list.admits_start(start), fine, "{start}");
        }
    }
}
