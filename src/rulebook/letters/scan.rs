//! What a template reads and names, found in its text: dotted paths, filters, tests, functions, other templates.
//!
//! Tera keeps its syntax tree to itself, so this walks the text inside `{{ }}` and `{% %}` by its own light rules. It finds
//! names, it does not judge syntax: Tera does that.
//!
//! Not here: whether the names exist (`names`).

use std::collections::BTreeSet;
use std::ops::Range;

use super::calls::{Call, arguments};
use super::tokens::{Kind, Token, find, next_open, tokens};

/// Names found in a template.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Paths read, with `*` for an item of a list: `cart.items.*.name`.
    pub(super) paths: Vec<Path>,
    /// Those that are asked for before they are read, by `if`, or that have something to stand in for them.
    pub(super) asked: BTreeSet<String>,
    pub(super) filters: Vec<Name>,
    /// The same with what is said to them.
    pub(super) calls: Vec<Call>,
    /// Paths, as written, that go into the filter `money` without a word of the currency.
    pub(super) bare_money: Vec<Name>,
    pub(super) tests: Vec<Name>,
    pub(super) functions: Vec<Name>,
    /// Templates that it includes or extends.
    pub(super) templates: Vec<Name>,
    /// The one that it extends.
    pub(super) extended: Option<String>,
    /// Components that it defines.
    pub(super) components: Vec<Name>,
    /// What its components see of whoever uses them: parameters with an `@`.
    pub(super) inherits: BTreeSet<String>,
    /// Filters inside components, each with a name that it needs and the component does not see.
    pub(super) sealed: Vec<(Name, &'static str)>,
    /// Variables that it sets.
    pub(super) sets: BTreeSet<String>,
    /// Variables of its loops.
    pub(super) loops: BTreeSet<String>,
}

/// A name and its place.
pub(super) type Name = (String, Range<usize>);

/// A path that is read: its parts, each with its place.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) parts: Vec<Name>,
}

const KEYWORDS: [&str; 37] = [
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "endfor",
    "true",
    "false",
    "True",
    "False",
    "none",
    "None",
    "null",
    "set",
    "set_global",
    "endset",
    "block",
    "endblock",
    "extends",
    "include",
    "filter",
    "endfilter",
    "component",
    "endcomponent",
    "super",
    "break",
    "continue",
    "raw",
    "endraw",
    "self",
    "loop",
    "ignore",
];

/// Finds the names of a template's text.
pub(super) fn scan(text: &str) -> Scan {
    let mut walk = Walk::default();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(next_open) {
        let start = at + open;
        let kind = text.get(start..start + 2).unwrap_or_default();
        if kind == "{#" {
            at = find(text, start + 2, "#}").unwrap_or(text.len());
            continue;
        }
        let close = if kind == "{{" { "}}" } else { "%}" };
        let (tokens, end) = tokens(text, start + 2, close);
        at = end;
        if kind == "{%" && name_at(&tokens, 0) == Some("raw") {
            at = find(text, end, "endraw").and_then(|at| find(text, at, "%}")).unwrap_or(text.len());
            continue;
        }
        let asks = tokens.iter().any(|token| token.kind == Kind::Name("if".into()));
        match kind {
            "{%" => walk.tag(&tokens),
            _ if asks => walk.question(&tokens),
            _ => walk.expression(&tokens),
        }
    }
    walk.scan
}

fn name_at(tokens: &[Token], index: usize) -> Option<&str> {
    match tokens.iter().filter(|t| t.kind != Kind::Mark('-')).nth(index).map(|token| &token.kind) {
        Some(Kind::Name(name)) => Some(name),
        _ => None,
    }
}

#[derive(Default)]
struct Walk {
    scan: Scan,
    /// Variables of loops, innermost last, with what they run over where that is a plain path.
    locals: Vec<(String, Option<Vec<Name>>)>,
    /// How many locals each open `for` or `component` added.
    open: Vec<usize>,
    /// What the component sees whose definition is being read.
    seen: Option<Vec<String>>,
}

impl Walk {
    fn tag(&mut self, tokens: &[Token]) {
        let word = name_at(tokens, 0).unwrap_or_default().to_owned();
        let body: Vec<Token> =
            tokens.iter().skip_while(|token| token.kind != Kind::Name(word.clone())).skip(1).cloned().collect();
        match word.as_str() {
            "for" => self.loop_tag(&body),
            "endfor" | "endcomponent" => {
                if word == "endcomponent" {
                    self.seen = None;
                }
                let count = self.open.pop().unwrap_or_default();
                self.locals.truncate(self.locals.len().saturating_sub(count));
            }
            "set" | "set_global" => {
                if let Some(Token { kind: Kind::Name(name), .. }) = body.first() {
                    self.scan.sets.insert(name.clone());
                    self.locals.insert(0, (name.clone(), None));
                }
                self.expression(body.get(1..).unwrap_or_default());
            }
            "include" | "extends" => {
                for token in &body {
                    if let Kind::Text(name) = &token.kind {
                        if word == "extends" {
                            self.scan.extended = Some(name.clone());
                        }
                        self.scan.templates.push((name.clone(), token.place.clone()));
                    }
                }
            }
            "component" => {
                let names = body.iter().filter_map(|t| match &t.kind {
                    Kind::Name(name) => Some((name.clone(), None)),
                    _ => None,
                });
                let names: Vec<_> = names.chain([("body".to_owned(), None)]).collect();
                self.seen = Some(names.iter().map(|(name, _)| name.clone()).collect());
                self.scan.components.extend(component_name(&body));
                self.scan.inherits.extend(body.windows(2).filter_map(|pair| match (&pair[0].kind, &pair[1].kind) {
                    (Kind::Mark('@'), Kind::Name(name)) => Some(name.clone()),
                    _ => None,
                }));
                self.open.push(names.len());
                self.locals.extend(names);
            }
            "filter" => {
                if let Some(Token { kind: Kind::Name(name), place }) = body.first() {
                    self.scan.filters.push((name.clone(), place.clone()));
                }
                self.expression(body.get(1..).unwrap_or_default());
            }
            "if" | "elif" => self.question(&body),
            "block" | "endblock" | "raw" | "endraw" => {}
            // `{% <Box title={…}> %}`: a component with a body.
            "" => self.expression(tokens),
            _ => self.expression(&body),
        }
    }

    fn loop_tag(&mut self, body: &[Token]) {
        let split = body.iter().position(|token| token.kind == Kind::Name("in".into())).unwrap_or(body.len());
        let (names, over) = body.split_at(split);
        let over = over.get(1..).unwrap_or_default();
        let before = self.scan.paths.len();
        self.expression(over);
        let found = self.scan.paths.get(before..).unwrap_or_default();
        // Only `for item in cart.items` says what an item is; a filter or a sum may make anything of it.
        let plain = over.iter().all(|t| matches!(t.kind, Kind::Name(_) | Kind::Mark('.' | '-')));
        let source = found.first().filter(|_| plain && found.len() == 1).map(|path| path.parts.clone());
        let names: Vec<String> = names
            .iter()
            .filter_map(|token| match &token.kind {
                Kind::Name(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        self.open.push(names.len() + 1);
        self.scan.loops.extend(names.iter().cloned());
        let single = names.len() == 1;
        self.locals.extend(names.into_iter().map(|name| (name, source.clone().filter(|_| single))));
        self.locals.push(("loop".into(), None));
    }

    /// What stands in an `if`, or in an expression that has one.
    fn question(&mut self, tokens: &[Token]) {
        let before = self.scan.paths.len();
        self.expression(tokens);
        let found = self.scan.paths.get(before..).unwrap_or_default();
        let dotted = |path: &Path| path.parts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".");
        self.scan.asked.extend(found.iter().map(dotted));
    }

    fn expression(&mut self, tokens: &[Token]) {
        let comprehension = self.locals.len();
        for (index, token) in tokens.iter().enumerate() {
            if token.kind == Kind::Name("for".into()) {
                let names = tokens[index + 1..].iter().map_while(|t| match &t.kind {
                    Kind::Name(name) if name != "in" => Some(Some((name.clone(), None))),
                    Kind::Mark(',') => Some(None),
                    _ => None,
                });
                self.locals.extend(names.flatten());
            }
        }
        let mut index = 0;
        while index < tokens.len() {
            index = self.word(tokens, index);
        }
        self.locals.truncate(comprehension);
    }

    /// Takes the token at `index` for what it is and says where to go on.
    fn word(&mut self, tokens: &[Token], index: usize) -> usize {
        let Kind::Name(name) = &tokens[index].kind else { return index + 1 };
        let place = tokens[index].place.clone();
        let mark = |offset: usize| tokens.get(index + offset).map(|token| &token.kind);
        let before = index.checked_sub(1).map(|index| &tokens[index].kind);
        let is = |kind: Option<&Kind>, word: &str| matches!(kind, Some(Kind::Name(name)) if name == word);
        if before == Some(&Kind::Mark('|')) {
            if name == "money" && mark(1) != Some(&Kind::Mark('(')) {
                self.scan.bare_money.extend(path_before(tokens, index - 1).map(|path| (path, place.clone())));
            }
            if name == "default" {
                self.scan.asked.extend(path_before(tokens, index - 1));
            }
            let call = Call { name: name.clone(), place: place.clone(), arguments: arguments(tokens, index) };
            if let Some(seen) = &self.seen {
                let needs = call.needs().into_iter().filter(|needed| !seen.iter().any(|name| name == needed));
                self.scan.sealed.extend(needs.map(|needed| ((name.clone(), place.clone()), needed)));
            }
            self.scan.calls.push(call);
            self.scan.filters.push((name.clone(), place));
            return index + 1;
        }
        if name != "not"
            && (is(before, "is") || (is(before, "not") && index >= 2 && is(Some(&tokens[index - 2].kind), "is")))
        {
            self.scan.tests.push((name.clone(), place));
            return index + 1;
        }
        if name == "super" || (KEYWORDS.contains(&name.as_str()) && !self.is_local(name)) {
            return index + 1;
        }
        if mark(1) == Some(&Kind::Mark('(')) {
            self.scan.functions.push((name.clone(), place));
            return index + 1;
        }
        // Names of arguments: `money(currency=…)`, `<Button label={…}>`.
        let component = matches!(before, Some(Kind::Mark('<' | '/')));
        if component || mark(1) == Some(&Kind::Mark('=')) || before == Some(&Kind::Mark('.')) {
            return index + 1;
        }
        let (parts, next) = path(tokens, index);
        self.read(parts);
        // What stands in brackets is an expression of its own: go on right behind the name.
        next
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|(local, _)| local == name)
    }

    fn read(&mut self, parts: Vec<Name>) {
        let Some((root, place)) = parts.first().cloned() else { return };
        match self.locals.iter().rev().find(|(local, _)| *local == root) {
            None => self.scan.paths.push(Path { parts }),
            Some((_, None)) => {}
            Some((_, Some(source))) => {
                let mut whole: Vec<Name> = source.iter().map(|(name, _)| (name.clone(), place.clone())).collect();
                whole.push(("*".into(), place));
                whole.extend(parts.into_iter().skip(1));
                self.scan.paths.push(Path { parts: whole });
            }
        }
    }
}

/// The name of a component where it is defined: `note`, or `shop.note`.
fn component_name(body: &[Token]) -> Option<Name> {
    let named: Vec<&Token> = body
        .iter()
        .skip_while(|token| !matches!(token.kind, Kind::Name(_)))
        .take_while(|token| matches!(token.kind, Kind::Name(_) | Kind::Mark('.')))
        .collect();
    let (first, last) = (named.first()?, named.last()?);
    let parts = named.iter().filter_map(|token| match &token.kind {
        Kind::Name(name) => Some(name.as_str()),
        _ => None,
    });
    Some((parts.collect::<Vec<_>>().join("."), first.place.start..last.place.end))
}

/// The path that begins at a name, and where it ends. A bracket with a text is a part, with anything else an item.
fn path(tokens: &[Token], start: usize) -> (Vec<Name>, usize) {
    let mut parts = Vec::new();
    if let Kind::Name(name) = &tokens[start].kind {
        parts.push((name.clone(), tokens[start].place.clone()));
    }
    let mut at = start + 1;
    loop {
        let kind = |offset: usize| tokens.get(at + offset).map(|token| &token.kind);
        match (kind(0), kind(1), kind(2)) {
            (Some(Kind::Mark('.')), Some(Kind::Name(name)), _) => {
                parts.push((name.clone(), tokens[at + 1].place.clone()));
                at += 2;
            }
            (Some(Kind::Mark('.')), Some(Kind::Number), _) => {
                parts.push(("*".into(), tokens[at + 1].place.clone()));
                at += 2;
            }
            (Some(Kind::Mark('[')), Some(Kind::Text(name)), Some(Kind::Mark(']'))) => {
                parts.push((name.clone(), tokens[at + 1].place.clone()));
                at += 3;
            }
            (Some(Kind::Mark('[')), Some(Kind::Number), Some(Kind::Mark(']'))) => {
                parts.push(("*".into(), tokens[at + 1].place.clone()));
                at += 3;
            }
            _ => return (parts, at),
        }
    }
}

/// The plain path that ends right before a token, as it was written.
fn path_before(tokens: &[Token], end: usize) -> Option<String> {
    let mut parts = Vec::new();
    for token in tokens[..end].iter().rev() {
        match &token.kind {
            Kind::Name(name) => parts.push(name.as_str()),
            Kind::Mark('.') => parts.push("."),
            _ => break,
        }
    }
    parts.reverse();
    Some(parts.concat()).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let join = |path: &Path| path.parts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".");
        scan(text).paths.iter().map(join).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        let check = |text: &str, expected: &[&str]| assert_eq!(paths(text), expected, "{text}");
        check("Hello {{ customer.first_name | default(value=shop.name) }}!", &["customer.first_name", "shop.name"]);
        check("{% if a.b > 3 and not c %}{{- d -}}{% elif e == \"x.y\" %}{% endif %}", &["a.b", "c", "d", "e"]);
        check(
            "{% for item in cart.items %}{{ item.name }}{{ loop.index }}{% endfor %}{{ item }}",
            &["cart.items", "cart.items.*.name", "item"],
        );
        check(
            "{{ cart.items[0].name }} {{ customer[\"email\"] }} {{ a?.b }}",
            &["cart.items.*.name", "customer.email", "a.b"],
        );
        check("{# customer.nope #}{% raw %}{{ customer.nope }}{% endraw %}{{ x }}", &["x"]);
        check("{% set who = customer.email %}{{ who }}", &["customer.email"]);
        check("{{ [i.name for i in cart.items] | join(sep=', ') }}", &["cart.items"]);
        check("{% include \"shared/a.txt\" %}{% block title %}{{ super() }}{% endblock title %}", &[]);
        check("{{ 'a' if customer.vip else 'b' }}", &["customer.vip"]);
        check("{{ locale is starting_with('ru') }}", &["locale"]);
    }

    #[test]
    fn other_names_are_found_too() {
        let scan = scan(
            "{{ a | money | upper }}{% if a is defined and b is not odd %}{{ range(end=3) }}{% extends 'x.html' %}",
        );
        let names = |list: &[Name]| list.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&scan.filters), ["money", "upper"]);
        assert_eq!(names(&scan.tests), ["defined", "odd"]);
        assert_eq!(names(&scan.functions), ["range"]);
        assert_eq!(names(&scan.templates), ["x.html"]);
    }

    #[test]
    fn broken_text_is_walked_without_harm() {
        for text in ["{{", "{% for", "{{ 'a", "{% raw %}", "{{ a. }}", "{{ a[ }}", "{%%}", "{{ é.ü }}", "{{ \"\\", "{#"]
        {
            scan(text);
        }
    }
}
