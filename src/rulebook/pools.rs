//! Promo pools: `rules/<map>/promo/<pool>.csv`, the first column named `code`, and `<pool>.yaml` (`rules`).
//!
//! Not here: who got which code. The store gives codes out.

mod rules;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::source::Source;
use crate::journey::promo::PoolRules;

/// Longest code that is one; anything longer is a broken file.
const MAX_CODE: usize = 100;

/// Reads a pool; its faults are reported. A code that is there twice is given out once.
pub(super) fn read(source: &Source, faults: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(source.text.as_bytes());
    let first = match reader.headers() {
        Ok(headers) => headers.get(0).unwrap_or_default().to_owned(),
        Err(error) => {
            faults.push(source.error("bad-csv", &(0..0), format!("this is not CSV: {error}")));
            return Vec::new();
        }
    };
    if first != "code" {
        let end = source.text.find('\n').unwrap_or(source.text.len());
        let fault = source.error("bad-csv", &(0..end), "the first column must be called `code`");
        faults.push(fault.help("begin the file with a line `code`, then one code a line"));
        return Vec::new();
    }
    let mut codes = Vec::new();
    let mut seen: HashMap<String, (String, u64)> = HashMap::new();
    for record in reader.into_records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push(source.error("bad-csv", &(0..0), format!("this is not CSV: {error}")));
                break;
            }
        };
        let place = record.position().map_or(0..0, |at| line_place(source, at.byte()));
        let line = record.position().map_or(0, csv::Position::line);
        let code = record.get(0).unwrap_or_default();
        if code.is_empty() {
            faults.push(source.error("bad-code", &place, "this line has no code").help("remove the line"));
        } else if code.chars().count() > MAX_CODE || code.chars().any(char::is_control) {
            let message = format!("a code is at most {MAX_CODE} characters, none of them a control character");
            faults.push(source.error("bad-code", &place, message));
        } else {
            // Orders are matched with codes without regard to case, so codes that differ in nothing else are one.
            match seen.entry(code.to_lowercase()) {
                Entry::Occupied(first) => {
                    let (other, before) = first.get();
                    let message = if other == code {
                        format!("the code `{code}` is there already")
                    } else {
                        format!("the code `{code}` is there already, as `{other}`: case makes no difference")
                    };
                    let fault = source.error("duplicate-code", &place, message).warning();
                    faults.push(fault.help(format!("it stands on line {before} too and is given out once")));
                }
                Entry::Vacant(free) => {
                    free.insert((code.to_owned(), line));
                    codes.push(code.to_owned());
                }
            }
        }
    }
    if codes.is_empty() {
        let fault = source.error("empty-pool", &(0..0), "the pool has no codes").warning();
        faults.push(fault.help("a rule that asks for one ends there"));
    }
    codes
}

fn line_place(source: &Source, byte: u64) -> Range<usize> {
    let start = usize::try_from(byte).unwrap_or_default().min(source.text.len());
    let length = source.text.get(start..).and_then(|rest| rest.find('\n')).unwrap_or_default();
    start..start + length
}

/// One pool of a rulebook.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// The codes of its CSV file.
    pub(super) codes: Vec<String>,
    /// What its YAML file says of them.
    pub(super) rules: PoolRules,
    map: String,
    listed: bool,
    described: bool,
}

/// Reads every pool of every map: `sources` are their files, each with the map it belongs to. Pools are named by their
/// files; a pool may have a CSV file, a YAML file, or both.
pub(super) fn read_all<'a>(
    sources: impl Iterator<Item = (&'a str, &'a Source)>,
    faults: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Pool> {
    let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
    // The lists first: whether a pool has one decides what its YAML file may say.
    let (lists, rules): (Vec<_>, Vec<_>) = sources.partition(|(_, source)| is_list(source));
    for (map, source) in lists.into_iter().chain(rules) {
        let name = name(source);
        if !super::is_id(&name) {
            let fault = source.error("bad-id", &(0..0), format!("`{name}` cannot be the name of a pool"));
            faults.push(fault.help("use lower-case letters, digits, `-` and `_`"));
            continue;
        }
        let list = is_list(source);
        let known = pools.get(&name);
        let listed = known.is_some_and(|known| known.listed && known.map == map);
        let codes = if list { read(source, faults) } else { Vec::new() };
        let of_pool = if list { PoolRules::default() } else { rules::read(source, listed, faults) };
        let taken = known.filter(|known| known.map != map || if list { known.listed } else { known.described });
        if let Some(other) = taken {
            let message = format!("the map `{}` has a pool `{name}` already", other.map);
            let fault = source.error("duplicate-pool", &(0..0), message);
            faults.push(fault.help("pools are known by their names alone: rename one of the two"));
            continue;
        }
        let pool = pools.entry(name).or_default();
        map.clone_into(&mut pool.map);
        if list {
            (pool.codes, pool.listed) = (codes, true);
        } else {
            (pool.rules, pool.described) = (of_pool, true);
        }
    }
    pools
}

/// The pool that a file belongs to.
pub(super) fn name(source: &Source) -> String {
    source.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_list(source: &Source) -> bool {
    source.path.extension().is_some_and(|extension| extension == "csv")
}
