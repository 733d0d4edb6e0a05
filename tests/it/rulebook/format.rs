//! `fmt`: one form, the same meaning, every comment.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use milepost::rulebook::{format, render, starters};
use proptest::prelude::*;
use serde_json::Value;

fn formatted(text: &str) -> String {
    format(PathBuf::from("a.yaml"), text).unwrap_or_else(|faults| panic!("{text}\n{}", render(&faults, false)))
}

/// What another reader takes a file for.
fn meaning(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn check(text: &str, expect: &str) {
    let out = formatted(text);
    assert_eq!(out, expect, "from\n{text}");
    assert_eq!(formatted(&out), out, "again");
    assert_eq!(meaning(&out), meaning(text));
}

#[test]
fn keys_come_in_the_documented_order() {
    check(
        "steps:\n- send: hello\non: {event: order.created}\nrule: hello\nwhen: orders.count>=1\n",
        "rule: hello\non: {event: order.created}\nwhen: \"orders.count>=1\"\nsteps:\n  - send: hello\n",
    );
    check(
        "stages:\n- enter: 'true'\n  id: new\n  # why\n  title: New\nmap: shop\n",
        "map: shop\nstages:\n  - id: new\n    # why\n    title: New\n    enter: \"true\"\n",
    );
    check(
        "rule: r\non: {segment: orders.count > 0, cron: 0 10 * * 2}\ngoal: {within: 3d, event: order.created}\nsteps:\n  - branch:\n      - then: [exit]\n        if: orders.count > 3\n  - wait: {tz: shop, at: '9:30', for: 1d}\n",
        "rule: r\non: {cron: \"0 10 * * 2\", segment: \"orders.count > 0\"}\ngoal: {event: order.created, within: 3d}\nsteps:\n  - branch:\n      - if: \"orders.count > 3\"\n        then: [exit]\n  - wait: {for: 1d, at: \"9:30\", tz: shop}\n",
    );
    check("b: 1\na: 2\n", "b: 1\na: 2\n");
    check(
        "rule: r\nsteps:\n  - split: {arms: [{name: a, then: [exit], share: 100%}], pick_winner: {after: 500}}\n",
        "rule: r\nsteps:\n  - split: {pick_winner: {after: 500}, arms: [{share: 100%, name: a, then: [exit]}]}\n",
    );
    check(
        "- clock: 2026-06-10 12:00\n  # why\n  scenario: S\n  expect:\n  - {letters: [{subject: Hi, letter: a}], after: 1h}\n  events:\n  - {order: {total: 5, id: 7}, event: order.created}\n",
        "# why\n- scenario: S\n  clock: 2026-06-10 12:00\n  events:\n    - {event: order.created, order: {id: 7, total: 5}}\n  expect:\n    - {after: 1h, letters: [{letter: a, subject: Hi}]}\n",
    );
}

#[test]
fn comments_stay_where_they_belong() {
    check(
        "# head\n\n\n# more\nrule: r   # name\nsteps: # all\n    # first\n    - wait: 1h # long\n    # second\n    - send: x\n    # last\n# goal\ngoal: {}\n# end\n",
        "# head\n\n# more\nrule: r   # name\n# goal\ngoal: {}\nsteps:  # all\n  # first\n  - wait: 1h   # long\n  # second\n  - send: x\n  # last\n# end\n",
    );
    check("- # a\n  b: 1\n- c # d\n", "# a\n- b: 1\n- c  # d\n");
    check("a: [ # one\n  b, # two\n  c\n  # three\n]\n", "a:   # one\n  - b  # two\n  - c\n  # three\n");
    check("a: [] # none\nb: {\n # nothing\n}\n", "a: []  # none\n# nothing\nb: {}\n");
    check("a: | # text\n  # no comment\nb: 1\n", "a: |  # text\n  # no comment\nb: 1\n");
    check("# only\n\n\n#comments \n", "# only\n\n#comments\n");
}

#[test]
fn lists_in_brackets_stay_on_a_line_that_has_room() {
    let long = format!("a: [{}]\n", ["abcdefgh"; 12].join(", "));
    let broken = format!("a:\n{}", "  - abcdefgh\n".repeat(12));
    check(&long, &broken);
    check("a: [b,\n c]\n", "a: [b, c]\n");
    check("a:\n- b\n- [c,   d]\n", "a:\n  - b\n  - [c, d]\n");
    check("-   - a\n    - b\n-   c: 1\n    d: [ ]\n", "- - a\n  - b\n- c: 1\n  d: []\n");
}

#[test]
fn text_is_quoted_where_it_must_be() {
    check(
        "a: 'it''s'\nb: \"x\"\nc: 'yes'\nd: \"1.0\"\ne: '# no'\n",
        "a: it's\nb: x\nc: \"yes\"\nd: \"1.0\"\ne: \"# no\"\n",
    );
    check("a: [\"x, y\", 'z']\n", "a: [\"x, y\", z]\n");
    check("a: \"say \\\"hi\\\"\"\n", "a: say \"hi\"\n");
    check("a: >\n  one\n  two\n\n  three\nb: |-\n  x\n   y\n", "a: >\n  one two\n\n  three\nb: |-\n  x\n   y\n");
    check("a:\n  many words that\n  go over lines\n", "a: many words that go over lines\n");
    check("a:\nb: ~\nc: null\nd: 0x1f\ne: 1_000\n", "a:\nb: ~\nc: null\nd: 0x1f\ne: 1_000\n");
}

#[test]
fn what_is_named_once_stands_elsewhere_too() {
    check("a: &x   {b: 1}\nc: *x\nd: [ &z e, *z]\n", "a: &x {b: 1}\nc: *x\nd: [&z e, *z]\n");
    check(
        "a: &x # all\n  # b\n  b: 1\nl:\n- &y   # one\n  b: 2\n- *y  # again\n- &s text\n",
        "a: &x  # all\n  # b\n  b: 1\nl:\n  # one\n  - &y\n    b: 2\n  - *y  # again\n  - &s text\n",
    );
}

#[test]
fn what_the_form_does_not_know_is_told_and_left() {
    for (text, told) in [
        ("&x a: 1\n", "does not know anchors of keys"),
        ("a: *x\n", "does not know aliases of what was not named"),
        ("a: !t 1\n", "does not know tags"),
        ("a: 1\n---\nb: 2\n", "does not know a second document"),
        ("a: [\n", "not YAML"),
        ("? [a]\n: b\n", "a key must be plain text"),
    ] {
        let faults = format(PathBuf::from("a.yaml"), text).expect_err(text);
        assert!(faults[0].message.contains(told), "{text}: {}", faults[0].message);
    }
}

#[test]
fn every_shipped_file_is_in_form() {
    let shipped = starters().iter().flat_map(|starter| starter.files);
    for (path, text) in shipped.filter(|(path, _)| Path::new(path).extension().is_some_and(|end| end == "yaml")) {
        let out = formatted(text);
        assert_eq!(&out, text, "{path} is not in form");
    }
}

/// A document as it may be written by hand.
#[derive(Clone, Debug)]
enum Doc {
    Text(String, u8),
    List(Vec<(Doc, Marks)>, Style),
    Map(Vec<(Doc, Marks)>, Style),
}

/// What stands around an item: a comment above, one beside, an empty line.
type Marks = (bool, bool, bool);
/// Brackets, indentation, a comment at the end.
type Style = (bool, usize, bool);

fn doc() -> impl Strategy<Value = Doc> {
    let words = prop::sample::select(vec![
        "welcome",
        "it's",
        "true",
        "No",
        "10:00",
        "1",
        "-3.5",
        "",
        "a: b",
        "x > 3 && y",
        "- z",
        "[k]",
        "say \"hi\"",
        "null",
        "a, b",
        "two  spaces",
        " lead",
        "2026-12-24",
        "0x1f",
        "ümlaut",
        "tab\there",
        "line\nbreak",
        "end\n",
        "\\",
        "'",
        "@at",
    ]);
    let text = (words, any::<u8>()).prop_map(|(text, style)| Doc::Text(text.to_owned(), style));
    text.prop_recursive(4, 24, 4, |inner| {
        let items = prop::collection::vec((inner, any::<Marks>()), 0..4);
        let style = (any::<bool>(), 1_usize..5, any::<bool>());
        prop_oneof![
            (items.clone(), style.clone()).prop_map(|(items, style)| Doc::List(items, style)),
            (items, style).prop_map(|(items, style)| Doc::Map(items, style)),
        ]
    })
}

#[derive(Default)]
struct Hand {
    out: String,
    comments: usize,
}

impl Hand {
    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# c{}", self.comments)
    }

    fn text(text: &str, style: u8, flow: bool) -> String {
        let plain = text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == ':') && !text.starts_with(['-', ':']);
        match style % 4 {
            0 if plain && !text.is_empty() => text.to_owned(),
            1 if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', "''")),
            2 if !flow && text.is_empty() => "null".into(),
            _ => serde_json::to_string(text).expect("text"),
        }
    }

    fn flow(&mut self, doc: &Doc, indent: usize) {
        match doc {
            Doc::Text(text, style) => self.out += &Self::text(text, *style, true),
            Doc::List(items, style) | Doc::Map(items, style) => {
                let is_map = matches!(doc, Doc::Map(..));
                self.out.push(if is_map { '{' } else { '[' });
                let pad = " ".repeat(indent + style.1);
                for (n, (item, (above, beside, _))) in items.iter().enumerate() {
                    if *above {
                        let comment = self.comment();
                        write!(self.out, " {comment}\n{pad}").expect("text");
                    }
                    if is_map {
                        write!(self.out, "k{n}: ").expect("text");
                    }
                    self.flow(item, indent + style.1);
                    self.out.push(',');
                    if *beside {
                        let comment = self.comment();
                        write!(self.out, " {comment}\n{pad}").expect("text");
                    }
                    self.out.push(' ');
                }
                if style.2 {
                    let comment = self.comment();
                    write!(self.out, " {comment}\n{pad}").expect("text");
                }
                self.out.push(if is_map { '}' } else { ']' });
            }
        }
    }

    fn block(&mut self, doc: &Doc, indent: usize) {
        let (Doc::List(items, style) | Doc::Map(items, style)) = doc else { return };
        let pad = " ".repeat(indent);
        for (n, (item, (above, beside, blank))) in items.iter().enumerate() {
            if *blank {
                self.out.push_str("\n\n");
            }
            if *above {
                let comment = self.comment();
                writeln!(self.out, "{pad}{comment}").expect("text");
            }
            let mark = if matches!(doc, Doc::Map(..)) { format!("k{n}:") } else { "-".into() };
            write!(self.out, "{pad}{mark}").expect("text");
            let nested =
                matches!(item, Doc::List(items, (false, ..)) | Doc::Map(items, (false, ..)) if !items.is_empty());
            if !nested {
                self.out.push(' ');
                self.flow(item, indent + style.1);
            }
            if *beside {
                let comment = self.comment();
                write!(self.out, "   {comment}").expect("text");
            }
            self.out.push('\n');
            if nested {
                self.block(item, indent + style.1);
            }
        }
        if style.2 {
            let comment = self.comment();
            writeln!(self.out, "{pad}{comment}").expect("text");
        }
    }
}

proptest! {
    #[test]
    fn any_file_keeps_its_meaning_and_its_comments(items in prop::collection::vec((doc(), any::<Marks>()), 1..5)) {
        let mut hand = Hand::default();
        hand.block(&Doc::Map(items, (false, 2, true)), 0);
        let text = hand.out;
        let out = formatted(&text);
        prop_assert_eq!(meaning(&out), meaning(&text), "from\n{}\nto\n{}", text, out);
        for n in 1..=hand.comments {
            let comment = format!("# c{n}");
            let found = out.lines().filter(|line| line.ends_with(&comment)).count();
            prop_assert_eq!(found, 1, "{} from\n{}\nto\n{}", comment, text, out);
        }
        prop_assert_eq!(formatted(&out), out.clone(), "again, from\n{}", text);
    }
}
