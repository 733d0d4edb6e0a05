//! One form for the YAML files of a rulebook: `milepost fmt`.
//!
//! Invariants: what a file says never changes, and every comment is still there once: what was made is read again and compared
//! before anybody sees it. Formatting what is formatted changes nothing. What this form does not know (tags, several
//! documents) is told, and the file left as it is.
//!
//! Built on the parser that reads the files in earnest, which tells comments and styles, too. The crates that keep a whole
//! syntax tree of YAML are editors: they keep every space where it was, which is what is to be changed here, and each brings a
//! second reading of YAML that could differ from the first.

mod attach;
mod order;
mod print;
mod scalar;
mod tree;

use std::path::PathBuf;

use super::diagnostic::Diagnostic;
use super::source::Source;
use tree::{Group, Item, Value};

/// A file's text in the one form; the faults, if it can't be read or holds what the form does not know.
pub fn format(file: PathBuf, text: &str) -> Result<String, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(file.clone(), text.to_owned());
    let (read, comments) = tree::read(&source).map_err(|fault| vec![*fault])?;
    let Some(mut root) = read else {
        return Ok(only_comments(text));
    };
    let written: Vec<String> = comments.iter().map(|comment| comment.text.clone()).collect();
    let before = root.clone();
    attach::attach(&mut root, comments, text);
    order::sort(&mut root);
    let out = print::print(&root);
    let again = Source::new(file, out.clone());
    let same = match tree::read(&again) {
        Ok((Some(after), comments)) => {
            same(&before, &after) && same_lines(written, comments.into_iter().map(|c| c.text).collect())
        }
        _ => false,
    };
    if same {
        return Ok(out);
    }
    let fault =
        source.error("fmt", &(0..0), "this file can't be brought into the usual form without changing what it says");
    Err(vec![fault.help("it is left as it is; please report it as a fault of `milepost fmt`")])
}

/// A file that says nothing: its comments, with single empty lines between.
fn only_comments(text: &str) -> String {
    let mut out = String::new();
    let mut blank = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line == "---" {
            blank = !out.is_empty();
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Whether two items say the same; the order of keys says nothing.
fn same(a: &Item, b: &Item) -> bool {
    let all = |a: &Group, b: &Group, same: &dyn Fn(usize, &Item) -> bool| {
        a.items.len() == b.items.len() && a.items.iter().enumerate().all(|(n, item)| same(n, item))
    };
    let key = |item: &Item| item.key.as_ref().map(|key| key.text.clone());
    a.anchor == b.anchor
        && match (&a.value, &b.value) {
            (Value::Scalar(a), Value::Scalar(b)) => a.meaning() == b.meaning(),
            (Value::Alias(a, _), Value::Alias(b, _)) => a == b,
            (Value::List(a), Value::List(b)) => all(a, b, &|n, item| same(item, &b.items[n])),
            (Value::Map(a), Value::Map(b)) => {
                all(a, b, &|_, item| b.items.iter().any(|other| key(item) == key(other) && same(item, other)))
            }
            _ => false,
        }
}

fn same_lines(mut a: Vec<String>, mut b: Vec<String>) -> bool {
    a.sort();
    b.sort();
    a == b
}
