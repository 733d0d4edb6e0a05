//! The one door for raw bodies and letters' bytes: what is stored is sealed here, what is read is opened here.
//!
//! A sealed value begins with a byte that names its form, so that a later form (a key per customer) can stand beside these.
//! Letters are alike: what a letter has in common with the others of its template is kept once, in a [`Dictionary`], and the
//! letter names it. A dictionary is never changed or removed, for letters can't be read without theirs.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use zstd::bulk::Compressor;
use zstd::dict::EncoderDictionary;
use zstd::stream::read::Decoder;

use super::{Result, StoreError};

/// As it came.
const PLAIN: u8 = 0;
/// Compressed with zstd.
const ZSTD: u8 = 1;
/// Compressed with zstd by a dictionary, whose id comes first.
const ZSTD_BY_DICTIONARY: u8 = 2;
const ID_BYTES: usize = 8;
/// More is not taken into a dictionary: it lies in memory prepared, about three times as large.
const MAX_DICTIONARY: usize = 112 * 1024;
/// Below this size compression costs more time than it saves room.
const WORTH_COMPRESSING: usize = 2_048;
/// Half the time of the library's own choice, for a thirtieth more room.
const LEVEL: i32 = 1;
/// By a dictionary the library's own choice is worth its time: a tenth less room.
const LEVEL_BY_DICTIONARY: i32 = 3;

/// Bytes as they are stored. To make them takes a processor for a while: better done before there is a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Makes stored bytes of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.len() >= WORTH_COMPRESSING
            && let Some(compressed) = compress(bytes)
            && compressed.len() < bytes.len()
        {
            return form(ZSTD, &compressed);
        }
        form(PLAIN, bytes)
    }

    /// The same for a letter, by what it has in common with others.
    pub fn by(dictionary: &Dictionary, bytes: &[u8]) -> Self {
        let compressed = Compressor::with_prepared_dictionary(&dictionary.prepared)
            .and_then(|mut compressor| compressor.compress(bytes));
        match compressed {
            Ok(compressed) if compressed.len() < bytes.len() => {
                let mut named = dictionary.id.to_vec();
                named.extend_from_slice(&compressed);
                form(ZSTD_BY_DICTIONARY, &named)
            }
            _ => Self::of(bytes),
        }
    }

    /// Its size as it is stored, in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        /// To set one up takes longer than to compress a letter.
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Compressor::new(LEVEL).ok();
        }
        kept.as_mut()?.compress(bytes).ok()
    })
}

/// What letters of one template have in common.
pub struct Dictionary {
    id: [u8; ID_BYTES],
    content: Vec<u8>,
    prepared: EncoderDictionary<'static>,
}

impl Dictionary {
    /// A dictionary of letters that nobody real gets: it is kept for ever, and whoever is forgotten must not be in it.
    pub fn of(samples: &[Vec<u8>]) -> Self {
        let mut content = samples.concat();
        // The nearest to the end is the cheapest to refer to, so the end stays.
        content.drain(..content.len().saturating_sub(MAX_DICTIONARY));
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&Sha256::digest(&content)[..ID_BYTES]);
        let prepared = EncoderDictionary::copy(&content, LEVEL_BY_DICTIONARY);
        Self { id, content, prepared }
    }

    /// Its name: the beginning of its hash, in hexadecimal.
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionary").field("id", &self.id()).field("bytes", &self.content.len()).finish_non_exhaustive()
    }
}

/// The id of the dictionary that stored bytes were made by, if they were.
pub(super) fn dictionary(sealed: &[u8]) -> Option<String> {
    let named = sealed.strip_prefix(&[ZSTD_BY_DICTIONARY])?;
    Some(hex::encode(named.get(..ID_BYTES)?))
}

/// Makes bytes of stored bytes. `content` is that of the dictionary they name.
pub(super) fn open(sealed: &[u8], content: Option<&[u8]>) -> Result<Vec<u8>> {
    match (sealed.split_first(), content) {
        (Some((&PLAIN, bytes)), _) => Ok(bytes.to_vec()),
        (Some((&ZSTD, bytes)), _) => zstd::decode_all(bytes).map_err(StoreError::Sealed),
        (Some((&ZSTD_BY_DICTIONARY, named)), Some(content)) => {
            unpack(named.get(ID_BYTES..).unwrap_or_default(), content).map_err(StoreError::Sealed)
        }
        _ => Err(StoreError::Sealed(io::Error::from(io::ErrorKind::InvalidData))),
    }
}

fn unpack(compressed: &[u8], content: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Decoder::with_dictionary(compressed, content)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn form(tag: u8, bytes: &[u8]) -> Sealed {
    let mut sealed = Vec::with_capacity(bytes.len() + 1);
    sealed.push(tag);
    sealed.extend_from_slice(bytes);
    Sealed(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_again() {
        for bytes in [vec![], vec![0, 1, 255], b"hello ".repeat(2_000), (0..=255).cycle().take(9_999).collect()] {
            let sealed = Sealed::of(&bytes).into_bytes();
            assert!(sealed.len() <= bytes.len() + 1);
            assert_eq!(dictionary(&sealed), None);
            assert_eq!(open(&sealed, None).expect("opens"), bytes);
        }
    }

    #[test]
    fn damage_is_told() {
        for damaged in [&[][..], &[9, 1, 2], &[ZSTD, 1, 2, 3], &[ZSTD_BY_DICTIONARY, 1, 2, 3]] {
            for content in [None, Some(&b"common"[..])] {
                assert!(matches!(open(damaged, content), Err(StoreError::Sealed(_))));
            }
        }
    }

    #[test]
    fn what_letters_have_in_common_is_kept_once() {
        let letter = |name: &str| format!("Dear {name},\n{}", include_str!("vault.rs")).into_bytes();
        let common = Dictionary::of(&[letter("Anna"), letter("Li")]);
        let sealed = Sealed::by(&common, &letter("Konstantin"));
        assert!(sealed.size() * 20 < Sealed::of(&letter("Konstantin")).size(), "{}", sealed.size());
        let sealed = sealed.into_bytes();
        assert_eq!(dictionary(&sealed), Some(common.id()));
        assert_eq!(open(&sealed, Some(common.content())).expect("opens"), letter("Konstantin"));
        assert!(matches!(open(&sealed, None), Err(StoreError::Sealed(_))), "not without it");
        let noise: Vec<u8> = (0..4_000_u32).map(|n| Sha256::digest(n.to_be_bytes())[0]).collect();
        let sealed = Sealed::by(&common, &noise).into_bytes();
        assert_eq!(open(&sealed, Some(common.content())).expect("opens"), noise);
    }

    #[test]
    fn a_dictionary_is_named_by_what_it_holds_and_has_its_limit() {
        let large = vec![vec![1; MAX_DICTIONARY], vec![2; 10]];
        let dictionary = Dictionary::of(&large);
        assert_eq!(dictionary.content().len(), MAX_DICTIONARY);
        assert!(dictionary.content().ends_with(&[1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]));
        assert_eq!(dictionary.id(), Dictionary::of(&large).id());
        assert_ne!(dictionary.id(), Dictionary::of(&large[..1]).id());
    }
}
