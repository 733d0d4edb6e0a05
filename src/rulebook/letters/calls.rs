//! What a template says to a filter: `date(format="short", zone=customer.time_zone)`.

use std::ops::Range;

use super::tokens::{Kind, Token};

/// One use of a filter.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) place: Range<usize>,
    pub(super) arguments: Vec<Argument>,
}

/// One argument.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) name: String,
    /// Of its name, or of its text if it is one.
    pub(super) place: Range<usize>,
    /// What it says, where it is a plain text.
    pub(super) text: Option<String>,
}

impl Call {
    /// What of the letter the filter looks at besides what it is told.
    pub(super) fn needs(&self) -> Vec<&'static str> {
        let told = |name: &str| self.arguments.iter().any(|argument| argument.name == name);
        let mut needs = Vec::new();
        if matches!(self.name.as_str(), "money" | "date" | "plural") && !told("locale") {
            needs.push("locale");
        }
        if self.name == "date" && !told("zone") {
            needs.push("customer");
        }
        needs
    }
}

/// The arguments behind the name of a filter at `index`.
pub(super) fn arguments(tokens: &[Token], index: usize) -> Vec<Argument> {
    let mark = |at: usize| tokens.get(at).map(|token| &token.kind);
    let mut arguments = Vec::new();
    if mark(index + 1) != Some(&Kind::Mark('(')) {
        return arguments;
    }
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(index + 1) {
        match &token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            Kind::Name(name) if depth == 1 && mark(at + 1) == Some(&Kind::Mark('=')) => {
                let alone = matches!(mark(at + 3), Some(Kind::Mark(',' | ')')));
                let text = match tokens.get(at + 2) {
                    Some(Token { kind: Kind::Text(text), place }) if alone => Some((text.clone(), place.clone())),
                    _ => None,
                };
                let place = text.as_ref().map_or(&token.place, |(_, place)| place).clone();
                arguments.push(Argument { name: name.clone(), place, text: text.map(|(text, _)| text) });
            }
            _ => {}
        }
    }
    arguments
}
