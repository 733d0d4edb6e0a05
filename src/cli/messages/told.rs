//! What the record keeps beside a letter's states, in words.

use std::io;

use chrono_tz::Tz;
use serde_json::{Map, Value};

use crate::cli::out;
use crate::insight;
use crate::journey::time::Timestamp;
use crate::store::ReadRow;

/// The moments in a log entry's detail; the record keeps them as microseconds.
const MOMENTS: [&str; 3] = ["due_at", "next_at", "until"];
/// Longest reason in a list; `messages show` has the whole of it.
const LONGEST_REASON: usize = 48;

/// A log entry's detail with its moments as RFC 3339, for programs.
pub(super) fn readable(detail: &Value) -> Value {
    let mut detail = detail.clone();
    for name in MOMENTS {
        if let Some(value) = detail.get_mut(name)
            && let Some(at) = moment(value)
        {
            *value = at.rfc3339().into();
        }
    }
    detail
}

/// The same for people, without what `messages show` tells elsewhere.
pub(super) fn in_words(detail: &Value, zone: Tz) -> String {
    let none = Map::new();
    let fields = detail.as_object().unwrap_or(&none);
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let at = |name: &str| fields.get(name).and_then(moment).map(|at| out::when(at, zone));
    let code = fields.get("code").and_then(Value::as_i64).map(|code| code.to_string());
    let reply = [code.as_deref(), text("enhanced"), text("reply")];
    let parts = [
        at("due_at").map(|at| format!("due {at}")),
        text("to").map(|to| format!("to {to}")),
        text("relay").map(|relay| format!("by {relay}")),
        text("source").map(|source| format!("told by {source}")),
        Some(reply.into_iter().flatten().collect::<Vec<_>>().join(" ")).filter(|reply| !reply.is_empty()),
        text("class").map(|class| format!("taken as: {}", insight::format::words(class))),
        at("next_at").map(|at| format!("next try {at}")),
        limits_met(fields),
        at("until").map(|at| format!("may go {at}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Who opened a letter and followed its links; nothing if that is not noted.
pub(super) fn reads(reads: &[ReadRow], zone: Tz) -> io::Result<()> {
    if reads.is_empty() {
        return Ok(());
    }
    out::line("\nWho read it")?;
    let row = |read: &ReadRow| {
        let what = read.link.map_or_else(|| read.what.to_owned(), |link| format!("{} link {link}", read.what));
        let who = read.machine.as_ref().map_or_else(|| "a person".to_owned(), |why| format!("a program: {why}"));
        vec![out::when(read.at, zone), what, who, read.agent.clone().unwrap_or_default()]
    };
    out::table(&["at", "what", "who", "agent"], reads.iter().map(row).collect(), "")
}

/// What keeps a letter back, as the policies told it.
fn limits_met(fields: &Map<String, Value>) -> Option<String> {
    let verdicts = fields.get("verdicts").and_then(Value::as_array)?;
    let met = verdicts.iter().filter(|verdict| verdict.get("pass") == Some(&Value::Bool(false)));
    let notes: Vec<&str> = met.filter_map(|verdict| verdict.get("note").and_then(Value::as_str)).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// A reason for a list: its first line, as far as there is room.
pub(super) fn short(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST_REASON && line.len() == reason.len() {
        return line.to_owned();
    }
    line.chars().take(LONGEST_REASON).chain(['…']).collect()
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_i64().map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_told_in_words() {
        let due = Timestamp::parse_rfc3339("2026-03-10T09:00:00Z").expect("a moment");
        let zone = chrono_tz::Europe::Berlin;
        for (detail, expect) in [
            (json!({}), ""),
            (json!({"due_at": due, "rulebook": "ab12", "withheld": null}), "due 2026-03-10 10:00:00 CET"),
            (
                json!({"until": due, "verdicts": [{"policy": "limits", "pass": false, "note": "at most 1 in 1d"}]}),
                "at most 1 in 1d, may go 2026-03-10 10:00:00 CET",
            ),
            (json!({"relay": "main", "message_id": "<m@x>", "to": "ann@x.example"}), "to ann@x.example, by main"),
            (
                json!({"relay": "main", "code": 451, "enhanced": "4.7.1", "reply": "later", "class": "mailbox_full",
                    "next_at": due}),
                "by main, 451 4.7.1 later, taken as: mailbox full, next try 2026-03-10 10:00:00 CET",
            ),
            (
                json!({"relay": "main", "code": 250, "enhanced": null, "reply": "ok", "next_at": null}),
                "by main, 250 ok",
            ),
        ] {
            assert_eq!(in_words(&detail, zone), expect, "{detail}");
        }
        assert_eq!(readable(&json!({"due_at": due, "code": 1}))["due_at"], due.rfc3339());
    }

    #[test]
    fn reasons_of_a_list_stay_short() {
        assert_eq!(short("consent_refused"), "consent_refused");
        assert_eq!(short("first\nsecond"), "first…");
        assert_eq!(short(&"x".repeat(60)).chars().count(), LONGEST_REASON + 1);
    }
}
