//! What the parser says of a text that is no condition.

use super::super::ConditionFault;
use super::super::text::offset_of;
use super::whole;

/// The parser's faults, and what to do where that is known.
pub(super) fn faults(text: &str, errors: &cel::ParseErrors) -> Vec<ConditionFault> {
    let mut faults = Vec::new();
    for error in &errors.errors {
        let start = offset_of(text, error.pos.0, error.pos.1);
        let end = text.len().min(start + 1);
        if lone_equals(text, start) {
            // What the parser makes of the rest follows from it.
            let message = "not a condition: `=` does not compare".to_owned();
            return vec![ConditionFault { message, help: Some("write `==`".to_owned()), start, end }];
        }
        let message = error.msg.lines().next().unwrap_or_default();
        faults.push(ConditionFault { message: format!("not a condition: {message}"), help: None, start, end });
    }
    if faults.is_empty() {
        faults.push(whole(text, "not a condition".into(), None));
    }
    faults
}

/// Whether a single `=` stands here, by which many a language compares.
fn lone_equals(text: &str, at: usize) -> bool {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    rest.starts_with('=') && !rest.starts_with("==") && !before.ends_with(['=', '!', '<', '>'])
}
