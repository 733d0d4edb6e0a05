//! A rulebook as a folder on a disk: what is read, what is left alone, and being told of changes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use milepost::journey::book::Shop;
use milepost::rulebook::{Watch, load};
use proptest::prelude::*;

use super::{codes, sound};

fn write(dir: &Path) {
    for (path, bytes) in sound() {
        let place = dir.join(path);
        fs::create_dir_all(place.parent().expect("a folder")).expect("folders");
        fs::write(place, bytes).expect("a file");
    }
}

#[test]
fn other_files_are_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path());
    let before = load(dir.path(), Shop::default()).book.expect("a book").rulebook.hash;
    fs::write(dir.path().join("README.md"), "notes").expect("a file");
    fs::create_dir_all(dir.path().join("shop/tests")).expect("a folder");
    fs::write(dir.path().join("shop/tests/one.yaml"), "broken: [").expect("a file");
    fs::create_dir_all(dir.path().join(".git/deep")).expect("a folder");
    fs::write(dir.path().join("shop/.hello.yaml.swp"), "x").expect("a file");
    let loaded = load(dir.path(), Shop::default());
    assert!(loaded.diagnostics.is_empty());
    assert_eq!(loaded.book.expect("a book").rulebook.hash, before);
}

#[test]
fn a_folder_that_is_not_there_is_a_fault() {
    let dir = tempfile::tempdir().expect("a folder");
    let loaded = load(&dir.path().join("nothing"), Shop::default());
    assert!(loaded.book.is_none());
    assert_eq!(loaded.diagnostics[0].code, "unreadable");
}

#[test]
fn a_folder_without_a_map_is_a_fault() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path());
    fs::remove_file(dir.path().join("shop/map.yaml")).expect("removed");
    let loaded = load(dir.path(), Shop::default());
    assert_eq!(codes(&loaded.diagnostics), ["no-map shop/map.yaml:1:1"]);
}

#[tokio::test]
async fn a_burst_of_changes_is_told_once_it_rests() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path());
    let mut watch = Watch::begin(dir.path()).expect("a watch");
    for n in 0..5 {
        fs::write(dir.path().join("shop/promo/ten.csv"), format!("code\nB{n}\n")).expect("a file");
    }
    let told = tokio::time::timeout(Duration::from_secs(20), watch.changed()).await;
    assert_eq!(told, Ok(true));
    // All five came in that one call: nothing is left to tell.
    assert!(tokio::time::timeout(Duration::from_secs(1), watch.changed()).await.is_err());
}

#[tokio::test]
async fn a_change_is_told_even_if_whoever_waited_was_called_away() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path());
    let mut watch = Watch::begin(dir.path()).expect("a watch");
    fs::write(dir.path().join("shop/promo/ten.csv"), "code\nB1\n").expect("a file");
    // Long enough to hear of it, too short for it to come to rest.
    assert!(tokio::time::timeout(Duration::from_millis(150), watch.changed()).await.is_err());
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), watch.changed()).await, Ok(true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_it_panic(path in 0..4_usize, at in 0.0..1.0_f64, cut in 0..40_usize, put in "[\\x00-\\x7fа-я]{0,12}") {
        let mut files = sound();
        let name = files.keys().nth(path).expect("a file").clone();
        let bytes = files.get_mut(&name).expect("a file");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place inside a small file")]
        let at = (at * bytes.len() as f64) as usize;
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put.into_bytes());
        let loaded = milepost::rulebook::load_files(&files, Shop::default());
        milepost::rulebook::render(&loaded.diagnostics, true);
        prop_assert!(loaded.book.is_some() || !loaded.diagnostics.is_empty());
    }
}

#[test]
fn a_folder_without_a_map_is_no_rulebook() {
    let folder = tempfile::tempdir().expect("a folder");
    for empty in [true, false] {
        if !empty {
            fs::write(folder.path().join("attributes.yaml"), "pet: {type: text}\n").expect("written");
        }
        let loaded = load(folder.path(), Shop::default());
        assert!(loaded.book.is_none());
        let codes: Vec<_> = loaded.diagnostics.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["no-map"]);
    }
}
