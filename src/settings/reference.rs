//! The commented settings' file and the reference page, both made from the doc comments of the settings.
//!
//! To add a setting: a field with a doc comment in its section. A test compares `config/milepost.toml` and
//! `docs/settings.md` with what is made here.

use std::fmt::Write;

use serde_json::Value;

use super::load::{Kind, Node, Schema};

/// What a starter sets; every other key is shown commented out, with its default or an example.
const STARTER: [(&str, &str); 9] = [
    ("shop.name", "\"Milk & Whiskers\""),
    ("shop.url", "\"https://shop.example\""),
    ("shop.time_zone", "\"Europe/Berlin\""),
    ("shop.currency", "\"EUR\""),
    ("shop.locale", "\"en\""),
    ("mail.from", "\"Milk & Whiskers <hello@shop.example>\""),
    ("mail.relays.<name>.host", "\"localhost\""),
    ("mail.relays.<name>.port", "25"),
    ("mail.relays.<name>.security", "\"none\""),
];

/// Names shown where the shop chooses them, and whether the section is switched on in a starter.
const NAMES: [(&str, &str, bool); 8] = [
    ("mail.senders", "news", false),
    ("mail.relays", "main", true),
    ("mail.domains", "google", false),
    ("mail.providers", "ses", false),
    ("mail.dkim", "mp1", false),
    ("connections", "shop", false),
    ("webhooks", "stock", false),
    ("api.tokens", "shop", false),
];

const FILE_HEAD: &str = "\
# Milepost's settings. What is commented out shows a default or an example.
# Any key can be set by the environment: [server] listen is MILEPOST__SERVER__LISTEN.
# A secret is best kept out of this file: in the environment, or in a file named by `<key>_file`.
# `milepost check` checks it all; docs/settings.md is the reference.
";

const PAGE_HEAD: &str = "\
# Settings

<!-- Made from the doc comments in src/settings; `cargo test` says how to make it again. -->

Settings are read from `config/milepost.toml` (`--config FILE` or `MILEPOST_CONFIG` names another file) and from the
environment, which wins. `milepost check` shows every fault in one run.

- **Environment.** `MILEPOST__`, then the parts of the name in capitals with two underscores between them. Where the shop
  chooses a name, dashes become underscores: `api_key` of `[connections.my-shop]` is `MILEPOST__CONNECTIONS__MY_SHOP__API_KEY`.
  A list is written with commas (`1m,5m,1h`) or as in TOML (`[\"1m\", \"5m\"]`).
- **Secrets.** Each can be given by the environment, or lie in a file of its own: `<key>_file` holds the path, relative to
  the folder that holds `config/`. The line break at the file's end is not part of the secret. No secret is ever printed.
- **Lengths of time** are a number and a unit: `90s`, `15m`, `1h`, `7d`, `2w`, or a sum such as `1d 12h`.
- **Relative paths** begin at the folder that holds `config/`.
";

/// The commented `config/milepost.toml`.
pub fn commented_file() -> String {
    let schema = Schema::of_settings();
    let mut out = FILE_HEAD.to_owned();
    for_each_section(schema.root(), &mut |section| section.write_toml(&mut out));
    out
}

/// The page `docs/settings.md`.
pub fn page() -> String {
    let schema = Schema::of_settings();
    let mut out = PAGE_HEAD.to_owned();
    for_each_section(schema.root(), &mut |section| section.write_page(&mut out));
    out
}

/// One section: its path with `<name>` where the shop chooses, the name shown instead, and whether it is switched on.
struct Section<'a> {
    path: String,
    header: String,
    on: bool,
    node: Node<'a>,
    doc: String,
}

fn for_each_section<'a>(root: Node<'a>, visit: &mut impl FnMut(&Section<'a>)) {
    let top = Section { path: String::new(), header: String::new(), on: true, node: root, doc: String::new() };
    visit(&top);
    for name in root.keys() {
        if let Some(node) = root.child(&name).filter(|node| node.kind() == Kind::Table || node.kind() == Kind::Map) {
            walk(name.clone(), name, true, node, node.doc(), visit);
        }
    }
}

fn walk<'a>(path: String, header: String, on: bool, node: Node<'a>, doc: &str, visit: &mut impl FnMut(&Section<'a>)) {
    if node.kind() == Kind::Map {
        let (_, name, used) = NAMES.iter().find(|(of, ..)| *of == path).copied().unwrap_or(("", "name", false));
        match node.child(name) {
            // Keys with plain values stand in this very section.
            Some(value) if value.kind() != Kind::Table => {
                visit(&Section { path, header, on: used, node, doc: doc.to_owned() });
            }
            Some(value) => walk(format!("{path}.<name>"), format!("{header}.{name}"), on && used, value, doc, visit),
            None => {}
        }
        return;
    }
    visit(&Section { path: path.clone(), header: header.clone(), on, node, doc: doc.to_owned() });
    for key in node.keys() {
        let Some(child) = node.child(&key) else { continue };
        let (path, header) = (format!("{path}.{key}"), format!("{header}.{key}"));
        if let Some(item) = child.item() {
            // A list of sections is none until the shop writes one.
            visit(&Section { path, header: format!("[{header}]"), on: false, node: item, doc: child.doc().to_owned() });
        } else if matches!(child.kind(), Kind::Table | Kind::Map) {
            walk(path, header, on, child, child.doc(), visit);
        }
    }
}

impl<'a> Section<'a> {
    /// The keys with plain values, without the `_file` forms.
    fn plain_keys(&self) -> Vec<(String, Node<'a>)> {
        let keys = self.node.keys().into_iter().filter_map(|key| self.node.child(&key).map(|node| (key, node)));
        let plain = |node: &Node<'_>| !matches!(node.kind(), Kind::Table | Kind::Map) && node.item().is_none();
        keys.filter(|(_, node)| !node.file && plain(node)).collect()
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn write_toml(&self, out: &mut String) {
        let mark = if self.on { "" } else { "# " };
        if !self.header.is_empty() {
            out.push('\n');
            comment(out, &self.doc);
            line(out, format_args!("{mark}[{}]", self.header));
        }
        if self.node.kind() == Kind::Map {
            line(out, format_args!("# shop_file = \"secrets/api_token_shop\""));
        }
        for (key, node) in self.plain_keys() {
            out.push('\n');
            comment(out, node.doc());
            let set = STARTER.iter().find(|(path, _)| *path == self.full(&key)).filter(|_| self.on);
            match set {
                Some((_, value)) => line(out, format_args!("{key} = {value}")),
                None if node.secret && node.example().is_none() => {
                    line(out, format_args!("# {key}_file = \"secrets/{}_{key}\"", self.header.replace('.', "_")));
                }
                None => line(out, format_args!("# {key} = {}", sample(node))),
            }
        }
    }

    fn write_page(&self, out: &mut String) {
        if !self.path.is_empty() {
            let mark = if self.header.starts_with('[') { ("[[", "]]") } else { ("[", "]") };
            line(out, format_args!("\n## `{}{}{}`\n\n{}", mark.0, self.path, mark.1, self.doc));
        }
        if self.node.kind() == Kind::Map {
            let path = self.path.to_uppercase().replace('.', "__");
            line(
                out,
                format_args!(
                    "\nAny names with text in quotes. Secret: also by `<name>_file` or `MILEPOST__{path}__<NAME>`."
                ),
            );
        }
        for (key, node) in self.plain_keys() {
            let full = self.full(&key);
            let variable = full.to_uppercase().replace('.', "__");
            line(out, format_args!("\n### `{}`\n\n{}\n", if self.path.is_empty() { &full } else { &key }, node.doc()));
            line(out, format_args!("- Takes {}.", node.kind().words()));
            if let Some(default) = node.default() {
                line(out, format_args!("- Default: `{}`.", toml(default)));
            }
            if let Some(example) = node.example() {
                line(out, format_args!("- Example: `{}`.", toml(example)));
            }
            if node.secret {
                line(out, format_args!("- Secret: also by `{key}_file`; never shown."));
            }
            if !self.header.starts_with('[') {
                line(out, format_args!("- Environment: `MILEPOST__{variable}`."));
            }
        }
    }
}

/// A value to show behind a comment mark.
fn sample(node: Node<'_>) -> String {
    if let Some(value) = node.example().or_else(|| node.default()) {
        return toml(value);
    }
    match node.kind() {
        Kind::Choice(words) => format!("\"{}\"", words.first().copied().unwrap_or_default()),
        Kind::Flag => "false".into(),
        Kind::Whole(..) => "0".into(),
        Kind::List(_) => "[]".into(),
        Kind::Text | Kind::Table | Kind::Map => "\"\"".into(),
    }
}

/// A plain value as TOML writes it.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Text as comment lines of at most 110 characters.
fn comment(out: &mut String, text: &str) {
    let mut width = 0;
    for word in text.split_whitespace() {
        if width > 0 && width + word.chars().count() + 1 > 110 {
            out.push('\n');
            width = 0;
        }
        if width == 0 {
            out.push('#');
            width = 1;
        }
        out.push(' ');
        out.push_str(word);
        width += word.chars().count() + 1;
    }
    if width > 0 {
        out.push('\n');
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{text}");
}
