//! Behaviour of the rulebook room: the shipped rules load, every fault is told, letters come out right.

mod difference;
mod doubts;
mod faults;
mod filters;
mod folder;
mod format;
mod hostile;
mod items;
mod letters;
mod limits;
mod markup;
mod recipes;
pub mod scenarios;
mod shipped;
mod steps;
mod triggers;
mod words;

use milepost::journey::book::Shop;
use milepost::rulebook::{Diagnostic, Files, Loaded, load_files};

/// A small sound rulebook to break in one place at a time.
pub fn sound() -> Files {
    let files = [
        (
            "shop/map.yaml",
            "map: shop\nstages:\n  - {id: new, enter: \"true\"}\n  - {id: buyer, enter: \"orders.count > 0\"}\n",
        ),
        ("shop/hello.yaml", "rule: hello\non: {event: customer.created}\nsteps:\n  - wait: 1h\n  - send: hello\n"),
        ("shop/templates/hello.txt", "Subject: Hello\n\nHello {{ customer.first_name }}.\n{{ unsubscribe_url }}\n"),
        ("shop/promo/ten.csv", "code\nA1\nA2\n"),
    ];
    files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect()
}

/// The sound rulebook with some files replaced or added.
pub fn with(changes: &[(&str, &str)]) -> Loaded {
    let mut files = sound();
    for (path, text) in changes {
        files.insert((*path).to_owned(), text.as_bytes().to_vec());
    }
    load_files(&files, Shop::default())
}

/// `code file:line:column` of each diagnostic.
pub fn codes(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(|d| format!("{} {}:{}:{}", d.code, d.file.display(), d.line, d.column)).collect()
}
