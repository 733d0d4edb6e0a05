//! A rulebook's files as one piece of bytes, with the settings that are part of its hash, so that it can be made again.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Book, Files};
use crate::journey::book::Shop;
use crate::journey::consents::DoubleOptIn;

#[derive(Serialize, Deserialize)]
struct Packed {
    zone: String,
    locale: String,
    currency: String,
    assumed_purposes: BTreeSet<String>,
    #[serde(default)]
    double_opt_in: DoubleOptIn,
    #[serde(default)]
    senders: BTreeSet<String>,
    #[serde(default)]
    webhooks: BTreeSet<String>,
    #[serde(default)]
    connections: BTreeSet<String>,
    files: BTreeMap<String, String>,
    /// Files that are no text, in Base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    octets: BTreeMap<String, String>,
}

/// The files of a book and its shop as bytes.
pub fn pack(book: &Book) -> Vec<u8> {
    let shop = &book.rulebook.shop;
    let text = |bytes: &Vec<u8>| std::str::from_utf8(bytes).map(str::to_owned);
    let files = book.files.iter();
    let packed = Packed {
        zone: shop.zone.name().to_owned(),
        locale: shop.locale.clone(),
        currency: shop.currency.clone(),
        assumed_purposes: shop.assumed_purposes.clone(),
        double_opt_in: shop.double_opt_in.clone(),
        senders: shop.senders.clone(),
        webhooks: shop.webhooks.clone(),
        connections: shop.connections.clone(),
        files: files.clone().filter_map(|(path, bytes)| Some((path.clone(), text(bytes).ok()?))).collect(),
        octets: files
            .filter(|(_, bytes)| text(bytes).is_err())
            .map(|(path, bytes)| (path.clone(), STANDARD.encode(bytes)))
            .collect(),
    };
    // Maps with text keys can always be written.
    serde_json::to_vec(&packed).unwrap_or_default()
}

/// The files and the shop that were [packed](pack); `None` if the bytes are nothing of the kind.
pub fn unpack(bytes: &[u8]) -> Option<(Files, Shop)> {
    let packed: Packed = serde_json::from_slice(bytes).ok()?;
    let shop = Shop {
        zone: packed.zone.parse().ok()?,
        locale: packed.locale,
        currency: packed.currency,
        assumed_purposes: packed.assumed_purposes,
        double_opt_in: packed.double_opt_in,
        senders: packed.senders,
        webhooks: packed.webhooks,
        connections: packed.connections,
    };
    let mut files: Files = packed.files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    for (path, text) in packed.octets {
        files.insert(path, STANDARD.decode(text).ok()?);
    }
    Some((files, shop))
}

#[cfg(test)]
mod tests {
    use super::super::load_files;
    use super::*;

    #[test]
    fn what_is_packed_gives_the_same_book() {
        let map = "map: shop\nstages:\n  - {id: known, enter: 'true'}\n";
        let picture = ("shop/files/logo.png".to_owned(), vec![0x89, b'P', 0xff, 0]);
        let files = Files::from([("shop/map.yaml".to_owned(), map.as_bytes().to_vec()), picture]);
        let shop = Shop { zone: chrono_tz::Tz::Asia__Tokyo, ..Shop::default() };
        let book = load_files(&files, shop).book.expect("a book");
        let (files, shop) = unpack(&pack(&book)).expect("unpacks");
        assert_eq!(load_files(&files, shop).book.expect("a book").rulebook.hash, book.rulebook.hash);
        assert!(unpack(b"{}").is_none());
    }
}
