//! The one door for raw bodies and letters' bytes: what is stored is sealed here, what is read is opened here.
//!
//! A sealed value begins with a byte that names its form, so that a later form (a key per customer) can stand beside these.

use std::cell::RefCell;
use std::io;

use zstd::bulk::Compressor;

use super::{Result, StoreError};

/// As it came.
const PLAIN: u8 = 0;
/// Compressed with zstd.
const ZSTD: u8 = 1;
/// Below this size compression costs more time than it saves room.
const WORTH_COMPRESSING: usize = 2_048;
/// Half the time of the library's own choice, for a thirtieth more room.
const LEVEL: i32 = 1;

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

/// Makes bytes of stored bytes.
pub(super) fn open(sealed: &[u8]) -> Result<Vec<u8>> {
    match sealed.split_first() {
        Some((&PLAIN, bytes)) => Ok(bytes.to_vec()),
        Some((&ZSTD, bytes)) => zstd::decode_all(bytes).map_err(StoreError::Sealed),
        _ => Err(StoreError::Sealed(io::Error::from(io::ErrorKind::InvalidData))),
    }
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
            assert_eq!(open(&sealed).expect("opens"), bytes);
        }
    }

    #[test]
    fn damage_is_told() {
        for damaged in [&[][..], &[9, 1, 2], &[ZSTD, 1, 2, 3]] {
            assert!(matches!(open(damaged), Err(StoreError::Sealed(_))));
        }
    }
}
