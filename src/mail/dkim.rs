//! DKIM (RFC 6376): the shop's domain signs its letters, by RSA or Ed25519 (RFC 8463).
//!
//! Invariants: the same letter at the same moment gets the same signature; what is signed is a letter's bytes as they go
//! out; fields that must not be added on the way are signed as absent, too.
//!
//! Not here: which letters go out, and asking DNS whether the key is published (`cli/doctor`).

mod canonical;
mod key;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

pub use key::{Algorithm, DkimKey, KeyError, generate};

use self::canonical::{body, field, fields};
use crate::journey::time::{MICROS_PER_SECOND, Timestamp};
use crate::settings::DkimSettings;

/// What is signed where a letter has it. Both fields of RFC 8058 §4 must be.
const SIGNED: [&str; 15] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
    "Precedence",
    "List-ID",
];
/// Signed once more than they occur, so that nobody can add another on the way (RFC 6376 §8.15).
const SEALED: [&str; 9] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];
/// Longest line of the field.
const LINE: usize = 76;

/// A shop's keys.
#[derive(Debug, Default)]
pub struct DkimKeys(Vec<DkimKey>);

impl DkimKeys {
    /// The keys of the settings. `default_domain` is the one of keys that name none.
    pub fn new(settings: &BTreeMap<String, DkimSettings>, default_domain: &str) -> Result<Self, KeyError> {
        settings.iter().map(|(name, key)| DkimKey::new(name, key, default_domain)).collect::<Result<_, _>>().map(Self)
    }

    /// Every key.
    pub fn all(&self) -> &[DkimKey] {
        &self.0
    }

    /// The keys that sign for a domain: its own, else those of the domains above it, which DMARC's relaxed alignment (RFC 7489
    /// §3.1.1) takes for it.
    pub fn of<'k>(&'k self, domain: &str) -> impl Iterator<Item = &'k DkimKey> {
        let own = self.0.iter().any(|key| key.domain() == domain);
        let domain = domain.to_owned();
        self.0.iter().filter(move |key| {
            let above = || domain.strip_suffix(key.domain()).is_some_and(|rest| rest.ends_with('.'));
            if own { key.domain() == domain } else { above() }
        })
    }

    /// A letter from a domain with a signature of each of its keys in front. Without a key it stays as it is.
    pub fn sign(&self, domain: &str, letter: Vec<u8>, at: Timestamp) -> Vec<u8> {
        let mut keys = self.of(domain).peekable();
        if keys.peek().is_none() {
            return letter;
        }
        let end = canonical::end_of_head(&letter);
        let head = fields(&letter[..end]);
        let hash = STANDARD.encode(digest(&SHA256, &body(&letter[end..])));
        let mut signed = Vec::with_capacity(letter.len() + 1_024);
        for key in keys {
            if let Some(field) = signature(key, &head, &hash, at) {
                signed.extend_from_slice(field.as_bytes());
            } else {
                tracing::error!(dkim.key = %key.name(), "a letter goes out without this key's signature");
            }
        }
        signed.extend_from_slice(&letter);
        signed
    }
}

/// The whole field with its line end.
fn signature(key: &DkimKey, head: &[(&[u8], &[u8])], body_hash: &str, at: Timestamp) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    let mut said = Vec::new();
    for name in SIGNED {
        // Of several of a name the last comes first (RFC 6376 §5.4.2).
        for (written, value) in head.iter().rev().filter(|(written, _)| written.eq_ignore_ascii_case(name.as_bytes())) {
            names.push(name);
            field(&mut said, written, value);
            said.extend_from_slice(b"\r\n");
        }
        if SEALED.contains(&name) {
            names.push(name);
        }
    }
    let seconds = at.micros().div_euclid(MICROS_PER_SECOND).max(0);
    let mut text = format!(
        "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={seconds};\r\n\th=",
        key.algorithm().tag(),
        key.domain(),
        key.selector()
    );
    let mut line = text.rsplit('\n').next().map_or(0, str::len);
    for (n, name) in names.iter().enumerate() {
        let colon = if n == 0 { "" } else { ":" };
        if line + name.len() + 2 > LINE {
            text.push_str(colon);
            text.push_str("\r\n\t");
            line = 1;
        } else {
            text.push_str(colon);
            line += colon.len();
        }
        text.push_str(&name.to_ascii_lowercase());
        line += name.len();
    }
    // Writing to a String can't fail.
    let _ = write!(text, ";\r\n\tbh={body_hash};\r\n\tb=");
    let (name, value) = text.split_once(':').unwrap_or((&text, ""));
    field(&mut said, name.as_bytes(), value.as_bytes());
    let signed = STANDARD.encode(key.sign(&said)?);
    for (n, part) in signed.as_bytes().chunks(LINE - 4).enumerate() {
        if n > 0 {
            text.push_str("\r\n\t");
        }
        text.push_str(&String::from_utf8_lossy(part));
    }
    text.push_str("\r\n");
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(domains: &[&str]) -> DkimKeys {
        let key = |domain: &&str| {
            let made = generate(Algorithm::Ed25519).expect("a key");
            let settings = DkimSettings {
                domain: Some((*domain).to_owned()),
                selector: Some("mp1".into()),
                private_key: Some(made),
            };
            DkimKey::new(domain, &settings, "shop.example").expect("loads")
        };
        DkimKeys(domains.iter().map(key).collect())
    }

    #[test]
    fn whose_key_signs() {
        let keys = keys(&["shop.example", "news.shop.example", "other.example"]);
        let of = |domain: &str| keys.of(domain).map(DkimKey::domain).collect::<Vec<_>>();
        assert_eq!(of("shop.example"), ["shop.example"]);
        assert_eq!(of("news.shop.example"), ["news.shop.example"]);
        assert_eq!(of("a.b.shop.example"), ["shop.example"]);
        assert_eq!(of("myshop.example"), [""; 0]);
        assert_eq!(of("example"), [""; 0]);
    }

    #[test]
    fn a_letter_without_a_key_stays_as_it_is() {
        let letter = b"From: a@b.example\r\n\r\nx\r\n".to_vec();
        assert_eq!(keys(&["shop.example"]).sign("b.example", letter.clone(), Timestamp::from_micros(0)), letter);
    }

    #[test]
    fn the_same_letter_gets_the_same_signature_in_short_lines() {
        let keys = keys(&["shop.example"]);
        let letter = b"From: a@shop.example\r\nSubject: Hello\r\n\r\nx\r\n".to_vec();
        let at = Timestamp::from_micros(1_767_225_600_000_000);
        let signed = String::from_utf8(keys.sign("shop.example", letter.clone(), at)).expect("text");
        assert_eq!(signed.as_bytes(), keys.sign("shop.example", letter.clone(), at));
        let field = signed.strip_suffix(std::str::from_utf8(&letter).expect("text")).expect("the letter follows");
        assert!(field.lines().all(|line| line.len() <= LINE + 2), "{field}");
        assert!(field.contains("t=1767225600;") && field.contains("h=from:from:to:subject:subject:"), "{field}");
    }
}
