//! The files of a rulebook: which there are, what each is by its place, and their hash.
//!
//! Invariants: bounded (size of a file, number of files); reading touches the disk once and everything after it is a
//! function of the bytes read, so a load can be tested and fuzzed without a disk. A file that cannot be read is reported and
//! hides no other.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::diagnostic::{Diagnostic, Severity};
use super::source::Source;
use crate::journey::book::Shop;
use crate::journey::consents::DoubleOptIn;

/// Largest YAML file or template.
const MAX_FILE: u64 = 1024 * 1024;
/// Largest file of promo codes.
const MAX_POOL: u64 = 32 * 1024 * 1024;
/// Largest file that goes with letters.
const MAX_ENCLOSED: u64 = 5 * 1024 * 1024;
/// Most files of a rulebook.
const MAX_FILES: usize = 20_000;

/// The bytes of a rulebook's files by path, with `/` between the parts.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The files by what they are.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) attributes: Option<Source>,
    pub(super) limits: Option<Source>,
    pub(super) shared: Vec<Source>,
    /// Files that go with letters, by path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) maps: BTreeMap<String, MapTree>,
    /// Faults of scenarios' files: they are no reason to refuse the rulebook.
    pub(super) scenario_faults: Vec<Diagnostic>,
}

/// The files of one map.
#[derive(Debug, Default)]
pub(super) struct MapTree {
    pub(super) map: Option<Source>,
    /// There is a `map.yaml`, readable or not.
    pub(super) has_map: bool,
    pub(super) segments: Option<Source>,
    /// There is a `segments.yaml`, readable or not.
    pub(super) has_segments: bool,
    pub(super) rules: Vec<Source>,
    pub(super) templates: Vec<Source>,
    pub(super) pools: Vec<Source>,
    pub(super) scenarios: Vec<Source>,
}

/// Reads every file of a folder that can belong to a rulebook.
pub(super) fn read_folder(dir: &Path, faults: &mut Vec<Diagnostic>) -> Files {
    let mut files = Files::new();
    let mut folders = vec![(dir.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                let shown = if prefix.is_empty() { dir.to_path_buf() } else { PathBuf::from(&prefix) };
                let message = format!("the folder cannot be read: {error}");
                faults.push(Diagnostic::of_file(Severity::Error, "unreadable", shown, message));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let place = entry.path();
            if name.starts_with('.') {
                continue;
            }
            // map/templates/letter/file is as deep as it goes.
            if place.is_dir() {
                if path.matches('/').count() < 3 {
                    folders.push((place, path));
                }
            } else if role(&path).is_some() {
                read_file(&place, path, &mut files, faults);
            }
            if files.len() > MAX_FILES {
                let message = format!("the folder holds more than {MAX_FILES} files");
                faults.push(Diagnostic::of_file(Severity::Error, "too-many-files", dir.to_path_buf(), message));
                return files;
            }
        }
    }
    files
}

fn read_file(place: &Path, path: String, files: &mut Files, faults: &mut Vec<Diagnostic>) {
    let limit = limit(&path);
    let mut bytes = Vec::new();
    // One byte beyond the limit is read, so that what is too large is known without reading all of it.
    let read = fs::File::open(place).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => {
            files.insert(path, bytes);
        }
        Err(error) => {
            let message = format!("the file cannot be read: {error}");
            faults.push(Diagnostic::of_file(Severity::Error, "unreadable", PathBuf::from(path), message));
        }
    }
}

/// What a file is, by its place.
pub(super) enum Role<'a> {
    Attributes,
    Limits,
    Shared,
    Map(&'a str),
    Segments(&'a str),
    Rule(&'a str),
    Template(&'a str),
    Pool(&'a str),
    /// A file that goes with letters of this map, or of all (`shared`).
    File(&'a str),
    Scenarios(&'a str),
}

pub(super) fn role(path: &str) -> Option<Role<'_>> {
    let (stem, extension) = path.rsplit_once('.')?;
    let yaml = matches!(extension, "yaml" | "yml");
    let template = matches!(extension, "txt" | "html" | "mjml");
    let parts: Vec<&str> = stem.split('/').collect();
    Some(match parts.as_slice() {
        ["attributes"] if yaml => Role::Attributes,
        ["limits"] if yaml => Role::Limits,
        [map, "files", _] => Role::File(map),
        ["shared", ..] => return template.then_some(Role::Shared),
        [map, "map"] if yaml => Role::Map(map),
        [map, "segments"] if yaml => Role::Segments(map),
        [map, _] if yaml => Role::Rule(map),
        [map, "tests", _] if yaml => Role::Scenarios(map),
        [map, "templates", _] | [map, "templates", _, _] if template => Role::Template(map),
        [map, "promo", _] if yaml || extension == "csv" => Role::Pool(map),
        _ => return None,
    })
}

fn limit(path: &str) -> u64 {
    if matches!(role(path), Some(Role::File(_))) {
        return MAX_ENCLOSED;
    }
    let list = matches!(role(path), Some(Role::Pool(_))) && Path::new(path).extension().is_some_and(|e| e == "csv");
    if list { MAX_POOL } else { MAX_FILE }
}

/// Sorts files by what they are; what is too large or not UTF-8 is reported.
pub(super) fn sort(files: &Files, faults: &mut Vec<Diagnostic>) -> Tree {
    let mut tree = Tree::default();
    for (path, bytes) in files {
        let Some(role) = role(path) else { continue };
        match role {
            Role::Map(map) => tree.maps.entry(map.to_owned()).or_default().has_map = true,
            Role::Segments(map) => tree.maps.entry(map.to_owned()).or_default().has_segments = true,
            _ => {}
        }
        let faults = if matches!(role, Role::Scenarios(_)) { &mut tree.scenario_faults } else { &mut *faults };
        if let Role::File(_) = role {
            if fits(path, bytes, faults) {
                tree.files.insert(path.clone(), bytes.clone());
            }
            continue;
        }
        let Some(source) = source(path, bytes, faults) else { continue };
        match role {
            Role::Attributes => tree.attributes = Some(source),
            Role::Limits => tree.limits = Some(source),
            Role::Shared => tree.shared.push(source),
            Role::Map(map) => tree.maps.entry(map.to_owned()).or_default().map = Some(source),
            Role::Segments(map) => tree.maps.entry(map.to_owned()).or_default().segments = Some(source),
            Role::Rule(map) => tree.maps.entry(map.to_owned()).or_default().rules.push(source),
            Role::Template(map) => tree.maps.entry(map.to_owned()).or_default().templates.push(source),
            Role::Pool(map) => tree.maps.entry(map.to_owned()).or_default().pools.push(source),
            Role::Scenarios(map) => tree.maps.entry(map.to_owned()).or_default().scenarios.push(source),
            // No text: taken above.
            Role::File(_) => {}
        }
    }
    tree
}

fn fits(path: &str, bytes: &[u8], faults: &mut Vec<Diagnostic>) -> bool {
    let limit = limit(path);
    let fits = bytes.len() as u64 <= limit;
    if !fits {
        let message = format!("the file is larger than {} MiB", limit / 1024 / 1024);
        faults.push(Diagnostic::of_file(Severity::Error, "file-too-large", PathBuf::from(path), message));
    }
    fits
}

fn source(path: &str, bytes: &[u8], faults: &mut Vec<Diagnostic>) -> Option<Source> {
    if !fits(path, bytes, faults) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            // A byte order mark is what some editors put in front; it means nothing here.
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            Some(Source::new(PathBuf::from(path), text.to_owned()))
        }
        Err(error) => {
            let lossy = Source::new(PathBuf::from(path), String::from_utf8_lossy(bytes).into_owned());
            // What stands before the fault is sound, so its offset holds in the lossy text too.
            let at = error.valid_up_to();
            let fault = lossy.error("not-utf8", &(at..at + 1), "the file is not UTF-8");
            faults.push(fault.help("save it as UTF-8"));
            None
        }
    }
}

/// Hex SHA-256 over every file that decides, and over the shop's settings that do. Scenarios decide nothing.
pub(super) fn hash(files: &Files, shop: &Shop) -> String {
    let mut hasher = Sha256::new();
    let mut add = |part: &[u8]| {
        // Length first, so that no two lists of parts read the same.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(b"milepost rulebook 1");
    add(shop.zone.name().as_bytes());
    add(shop.locale.as_bytes());
    add(shop.currency.as_bytes());
    add(shop.assumed_purposes.iter().map(String::as_str).collect::<Vec<_>>().join("\n").as_bytes());
    let DoubleOptIn { purposes, confirmed_by } = &shop.double_opt_in;
    // Without any the hash is what it was before there could be one.
    if !purposes.is_empty() {
        for names in [purposes, confirmed_by] {
            add(names.iter().map(String::as_str).collect::<Vec<_>>().join("\n").as_bytes());
        }
    }
    for (path, bytes) in files.iter().filter(|(path, _)| !matches!(role(path), Some(Role::Scenarios(_)))) {
        add(path.as_bytes());
        add(bytes);
    }
    hex::encode(hasher.finalize())
}
