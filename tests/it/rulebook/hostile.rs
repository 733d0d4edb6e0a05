//! Files that nobody writes by mistake: refused, within bounded time and memory. What fuzzing found stays here.

use milepost::journey::book::Shop;
use milepost::rulebook::{Diagnostic, Files, load_files, render};

use super::{codes, sound};

const HEAD: &str = "rule: hello\non: {event: customer.created}\n";

/// Loads the sound rulebook with one file replaced.
fn load(path: &str, bytes: impl Into<Vec<u8>>) -> milepost::rulebook::Loaded {
    let mut files: Files = sound();
    files.insert(path.to_owned(), bytes.into());
    let loaded = load_files(&files, Shop::default());
    // It must be possible to show whatever came.
    render(&loaded.diagnostics, true);
    loaded
}

fn refused(path: &str, bytes: impl Into<Vec<u8>>, code: &str) -> Vec<Diagnostic> {
    let loaded = load(path, bytes);
    assert!(loaded.book.is_none());
    assert!(loaded.diagnostics.iter().any(|d| d.code == code), "{code}: {:?}", codes(&loaded.diagnostics));
    loaded.diagnostics
}

#[test]
fn hostile_files_are_refused_without_harm() {
    refused("shop/hello.yaml", *b"rule: hell\xff\n", "not-utf8");
    refused("shop/hello.yaml", vec![b'a'; 1024 * 1024 + 1], "file-too-large");
    refused("shop/hello.yaml", vec![b'['; 500_000], "yaml");
    refused("shop/hello.yaml", "- ".repeat(100).into_bytes(), "yaml-too-deep");
    refused("shop/hello.yaml", *b"a: &a [*a]\n", "yaml-alias");
    refused("shop/hello.yaml", *b"a: *b\n", "yaml-alias");
    refused("shop/hello.yaml", *b"a: 1\n---\nb: 2\n", "yaml-documents");
    refused("shop/hello.yaml", Vec::new(), "empty-file");
    refused("shop/hello.yaml", *b"\xef\xbb\xbf", "empty-file");
    refused("shop/hello.yaml", *b"[a, b]: c\n", "yaml-key");
    refused("shop/hello.yaml", *b"rule: \"\\0\\u202e\"\n", "bad-id");
    refused("shop/templates/hello.txt", *b"Subject: \xc3\x28\n\nx", "not-utf8");
    refused("shop/promo/ten.csv", *b"code\n\"a\n\x01\n", "bad-code");
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (before, name) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        let items = vec![format!("*{before}"); 9].join(",");
        bomb = format!("{bomb}{name}: &{name} [{items}]\n");
    }
    refused("shop/hello.yaml", bomb.into_bytes(), "yaml-too-large");
    let mut nested = "[{send: hello}]".to_owned();
    for _ in 0..14 {
        nested = format!("[{{branch: [{{else: {nested}}}]}}]");
    }
    refused("shop/hello.yaml", format!("{HEAD}steps: {nested}\n").into_bytes(), "too-deep");
}

#[test]
fn segments_that_name_each_other_do_not_multiply() {
    let mut doubling = "a0: orders.count > 1\n".to_owned();
    for n in 1..60 {
        doubling = format!("{doubling}a{n}: segment.a{0} || segment.a{0}\n", n - 1);
    }
    refused("shop/segments.yaml", doubling.into_bytes(), "condition");
    let many = (0..2_000).rev().map(|n| format!("a{n}: segment.a{}\n", n + 1)).collect::<Vec<_>>().concat();
    refused("shop/segments.yaml", many.into_bytes(), "too-many-segments");
}

#[test]
fn a_long_text_is_not_multiplied() {
    let text = "x".repeat(400_000);
    refused("shop/hello.yaml", format!("a: &a {text}\nb: [{}]\n", "*a, ".repeat(20_000)), "yaml-too-large");
    let open = (0..60).map(|n| format!("&a{n} [")).collect::<Vec<_>>().concat();
    refused("shop/hello.yaml", format!("a: {open}{}{}", "x, ".repeat(40_000), "]".repeat(60)), "yaml-too-large");
}

#[test]
fn one_line_with_a_fault_at_every_word_is_reported_in_little_space() {
    let keys = (0..20_000).map(|n| format!("key{n}: 1, ")).collect::<Vec<_>>().concat();
    let faults = refused("shop/hello.yaml", format!("{{{keys}rule: hello, {keys}}}"), "too-many-faults");
    assert!(faults.len() < 300, "{} faults are more than anybody reads", faults.len());
    assert!(faults.iter().all(|fault| fault.source_line.len() < 1_000 && fault.line == 1));
    let names = "{{a}}".repeat(60_000);
    refused("shop/templates/hello.html", names, "too-many-faults");
}

#[test]
fn a_fault_far_out_in_a_line_has_its_column() {
    let faults = refused(
        "shop/hello.yaml",
        format!("rule: hello # {}\non: {{{}evnt: x}}\n", "я".repeat(9_000), " ".repeat(5_000)),
        "unknown-key",
    );
    let found = faults.iter().find(|fault| fault.code == "unknown-key").expect("the fault");
    assert_eq!((found.line, found.column, found.end_column), (2, 5_006, 5_010));
}

#[test]
fn endless_names_are_not_compared() {
    let name = "a".repeat(1_000_000);
    refused("shop/hello.yaml", format!("{HEAD}steps: [{{send: {name}}}]\n"), "unknown-letter");
    refused("shop/hello.yaml", format!("{HEAD}{name}: 1\n"), "yaml");
}

/// What a text may nest, each by its opening and closing half.
const NESTS: [(&str, &str, &str); 14] = [
    ("{{ ", "(", ")"),
    ("{{ ", "[", "]"),
    ("{{ ", "-", ""),
    ("{{ ", "not ", ""),
    ("{{ ", "1 + ", ""),
    ("{{ ", "1 ** ", ""),
    ("{{ ", "{\"a\": ", "}"),
    ("{{ ", "1 if true else ", ""),
    ("{{ ", "a[", "]"),
    ("{{ ", "range(end=", ")"),
    ("", "{% if true %}", "{% endif %}"),
    ("", "{% for a in cart.items %}", "{% endfor %}"),
    ("", "{% filter upper %}", "{% endfilter %}"),
    ("", "{% if true %}{% elif true %}", "{% endif %}"),
];

#[test]
fn templates_nest_in_bounds() {
    for depth in [100, 10_000] {
        for (start, open, close) in NESTS {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            let end = if start.is_empty() { "" } else { " }}" };
            let text = format!("Subject: Hi\n\n{{{{ unsubscribe_url }}}}{start}{open}1{close}{end}\n");
            load("shop/templates/hello.txt", text);
        }
    }
}
