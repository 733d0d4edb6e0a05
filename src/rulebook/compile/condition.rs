//! Conditions of the files: compiled by the core, their faults brought back to the place in the file.

use std::ops::Range;

use super::Unit;
use crate::journey::condition::Condition;
use crate::journey::facts::Scope;
use crate::rulebook::forms::Text;

/// Conditions of a rulebook that are asked whether they leave anything open: it takes longer than all else that is checked.
const MOST_ASKED: usize = 2_000;

impl Unit<'_> {
    /// Compiles a condition; each of its faults is shown where it stands in the file.
    pub(super) fn condition(&mut self, text: &Text, event: bool) -> Option<Condition> {
        let scope = self.scope(event);
        self.condition_in(text, &scope)
    }

    /// Compiles what must still hold for a letter: it may read what the rule captures.
    pub(super) fn still(&mut self, text: &Text, event: bool) -> Option<Condition> {
        let scope = Scope { captured: self.capture.clone(), ..self.scope(event) };
        let condition = self.condition_in(text, &scope);
        if condition.as_ref().and_then(Condition::constant) == Some(false) {
            let help = "leave the letter out, or say what must hold";
            self.fault_help("never-sends", &text.place, "this letter is never sent: its `still` is false", help);
        }
        condition
    }

    /// The names that a condition of the map's files may use.
    fn scope(&self, event: bool) -> Scope {
        Scope { segments: self.outline.segments.clone(), by_time: self.by_time, ..self.world.scope(event) }
    }

    /// Compiles a condition over these names.
    pub(super) fn condition_in(&mut self, text: &Text, scope: &Scope) -> Option<Condition> {
        if text.value.trim().is_empty() {
            self.fault_help(
                "condition",
                &text.place,
                "the condition is empty",
                "leave the key out, or write `\"true\"`",
            );
            return None;
        }
        match Condition::compile(&text.value, scope) {
            Ok(condition) => {
                self.warn_of_constant(text, &condition);
                Some(condition)
            }
            Err(faults) => {
                let raw = self.source.text.get(text.place.clone()).unwrap_or_default().to_owned();
                for fault in faults {
                    let place = place_in_file(&raw, text, fault.start..fault.end);
                    let found = self.source.error("condition", &place, fault.message).help_maybe(fault.help);
                    self.faults.push(found);
                }
                None
            }
        }
    }

    /// Warns of a condition that says nothing. Whoever writes `true` or `false` means it.
    fn warn_of_constant(&mut self, text: &Text, condition: &Condition) {
        let asked = self.world.asked.replace(self.world.asked.get() + 1);
        if condition.constant().is_some() || asked >= MOST_ASKED {
            return;
        }
        match condition.always() {
            Some(true) => self.warn(
                "always-true",
                &text.place,
                "this condition holds for everybody, whatever is known of them",
                "leave it out, or write `\"true\"`; is a comparison the wrong way round, or an `||` meant as `&&`?",
            ),
            Some(false) => self.warn(
                "always-false",
                &text.place,
                "this condition holds for nobody: its parts rule each other out",
                "is an `&&` meant as `||`, or a value mistyped?",
            ),
            None => {}
        }
    }

    /// Compiles a condition that may not be written.
    pub(super) fn condition_maybe(&mut self, text: Option<&Text>, event: bool) -> Option<Condition> {
        text.and_then(|text| self.condition(text, event))
    }
}

/// Where a part of a scalar's value stands in the file. The value and its source differ by quotes, escapes, indentation
/// and folding, so the two are walked side by side, skipping what the value does not have.
fn place_in_file(raw: &str, text: &Text, part: Range<usize>) -> Range<usize> {
    let at = |offset: usize| -> Option<usize> {
        let mut source = raw.char_indices().peekable();
        for (index, wanted) in text.value.char_indices() {
            let found = loop {
                let (place, found) = *source.peek()?;
                let same = found == wanted || (found.is_whitespace() && wanted.is_whitespace());
                if same {
                    break place;
                }
                source.next();
            };
            if index >= offset {
                return Some(found);
            }
            source.next();
        }
        source.peek().map(|(place, _)| *place).or(Some(raw.len()))
    };
    match (at(part.start), at(part.end)) {
        (Some(start), Some(end)) => text.place.start + start..text.place.start + end.max(start + 1),
        _ => text.place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, value: &str, part: &str) {
        let text = Text { value: value.into(), place: 100..100 + raw.len() };
        let start = value.find(part).expect("the part is there");
        let place = place_in_file(raw, &text, start..start + part.len());
        assert_eq!(&raw[place.start - 100..place.end - 100], part);
    }

    #[test]
    fn a_part_is_found_whatever_the_quotes() {
        check("cart.total > 5", "cart.total > 5", "total");
        check("\"cart.total > 5\"", "cart.total > 5", "total");
        check("'customer.city == ''Omsk'' && x'", "customer.city == 'Omsk' && x", "x");
        check("\"a == \\\"q\\\" && bad\"", "a == \"q\" && bad", "bad");
        check(">-\n    cart.total > 5\n    && wrong.name\n", "cart.total > 5 && wrong.name", "wrong.name");
        check("|\n  город == 'Омск'\n  && wrong\n", "город == 'Омск'\n&& wrong\n", "wrong");
    }
}
