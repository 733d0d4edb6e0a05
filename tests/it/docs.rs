//! The pages under docs/: what they list is what the program knows, and their links lead somewhere.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use milepost::journey::event::kind;
use milepost::journey::facts::FACTS;
use milepost::mail::refusal::{AddressEffect, LetterEffect};
use milepost::mail::{Class, Refusals};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares what stands between two marks of a page; with `MILEPOST_WRITE_REFERENCE=1` writes it.
fn check_between(page: &str, mark: &str, expect: &str) {
    let file = root().join(page);
    let text = fs::read_to_string(&file).expect("the page");
    let (start, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->"));
    let (before, rest) = text.split_once(&start).expect("the first mark");
    let (inside, after) = rest.split_once(&end).expect("the second mark");
    if std::env::var_os("MILEPOST_WRITE_REFERENCE").is_some() {
        fs::write(&file, format!("{before}{start}{expect}{end}{after}")).expect("written");
        return;
    }
    assert!(inside == expect, "{page}: run `MILEPOST_WRITE_REFERENCE=1 cargo test docs::`");
}

#[test]
fn every_fact_and_every_kind_is_listed() {
    let mut table = String::from("\n| fact | type | meaning |\n| --- | --- | --- |\n");
    for fact in FACTS {
        writeln!(table, "| `{}.{}` | {} | {} |", fact.root, fact.name, fact.kind.word(), fact.doc).expect("text");
    }
    table.push('\n');
    check_between("docs/rules.md", "facts", &table);
    let list = kind::KNOWN.iter().map(|kind| format!("- `{kind}`\n")).collect::<Vec<_>>().concat();
    check_between("docs/rules.md", "kinds", &format!("\n{list}\n"));
}

#[test]
fn every_class_of_refusals_is_listed() {
    let refusals = Refusals::shipped();
    let mut table = String::from("\n| class | the letter | the address | the relay |\n| --- | --- | --- | --- |\n");
    for class in Class::ALL {
        let effect = refusals.effect(class);
        let mut letter = match effect.letter {
            LetterEffect::Retry => "tried again".to_owned(),
            LetterEffect::GiveUp => "given up; tried again after a 4yz".to_owned(),
        };
        if !effect.least_wait.is_zero() {
            write!(letter, ", every {} at most", effect.least_wait).expect("text");
        }
        if let Some(life) = effect.life {
            write!(letter, ", for {life}").expect("text");
        }
        let address = match effect.address {
            None => "nothing".to_owned(),
            Some(effect) if effect.after <= 1 => "suppressed".to_owned(),
            Some(effect) => {
                format!("suppressed after {} letters within {}{}", effect.after, effect.within, lasts(effect))
            }
        };
        let pace = match effect.pause {
            Some(pause) => format!("sends the domain nothing for {}, at most {}", pause.first, pause.longest),
            None if effect.stops_relay => "is left alone for a while".to_owned(),
            None => "goes on".to_owned(),
        };
        writeln!(table, "| `{class}`: {} | {letter} | {address} | {pace} |", effect.says).expect("text");
    }
    table.push('\n');
    check_between("docs/deliverability.md", "refusals", &table);
}

fn lasts(effect: AddressEffect) -> String {
    effect.lasts.map(|lasts| format!(", for {lasts}")).unwrap_or_default()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .expect("docs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root().join(name)));
    for page in pages {
        let text = fs::read_to_string(&page).expect("the page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or(link);
            if target.is_empty() || target.starts_with("http") {
                continue;
            }
            let folder = page.parent().unwrap_or(Path::new("."));
            let exists = folder.join(target).exists();
            assert!(exists, "{}: {link}", page.display());
        }
    }
}
