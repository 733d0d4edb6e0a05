//! Delivery status notifications (RFC 3464; in UTF-8, RFC 6533).

use super::parts::Mail;
use super::{Action, Report};
use crate::mail::refusal::tidy;

/// Most recipients that are read from one notification.
const MAX_RECIPIENTS: usize = 100;

/// What the delivery-status parts say, recipient by recipient; `None` if there is no such part.
pub(super) fn read(mail: &Mail<'_>) -> Option<Vec<Report>> {
    let parts = mail.parts();
    let mut status = parts.iter().filter(|part| is_status(&part.kind)).peekable();
    status.peek()?;
    let reports = status.flat_map(|part| of_part(&part.content)).take(MAX_RECIPIENTS).collect();
    Some(reports)
}

fn is_status(kind: &str) -> bool {
    matches!(kind, "message/delivery-status" | "message/global-delivery-status")
}

/// The groups of fields of a part; the first is about the message, each other about a recipient (RFC 3464 §2.1).
fn of_part(text: &str) -> Vec<Report> {
    let groups: Vec<Vec<(String, String)>> = groups(text);
    let reporting = groups.first().and_then(|group| get(group, "reporting-mta")).map(typed);
    groups.iter().filter_map(|group| of_group(group, reporting.as_deref())).collect()
}

fn of_group(group: &[(String, String)], reporting: Option<&str>) -> Option<Report> {
    let recipient = get(group, "final-recipient").or_else(|| get(group, "original-recipient")).map(typed);
    let status = get(group, "status").map(|status| status.trim().to_owned());
    // Some servers write no blank line between the two kinds of groups, some no Action: the Status tells.
    let action = match get(group, "action").map(str::to_lowercase) {
        Some(word) => Action::parse(word.split([' ', ';']).next().unwrap_or_default())?,
        None => match status.as_deref()?.chars().next()? {
            '2' => Action::Delivered,
            '4' => Action::Delayed,
            '5' => Action::Failed,
            _ => return None,
        },
    };
    let diagnostic = get(group, "diagnostic-code").map(tidy).unwrap_or_default();
    let remote = get(group, "remote-mta").map(typed).or_else(|| reporting.map(str::to_owned));
    Some(Report {
        recipient: recipient.map(|address| address.to_lowercase()).filter(|address| address.contains('@')),
        action,
        status: status.unwrap_or_default(),
        diagnostic,
        remote: remote.unwrap_or_default(),
    })
}

fn groups(text: &str) -> Vec<Vec<(String, String)>> {
    let mut groups: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for line in text.lines() {
        let Some(group) = groups.last_mut() else { break };
        if line.trim().is_empty() {
            if !group.is_empty() {
                groups.push(Vec::new());
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_lowercase();
            // A second recipient without a blank line before it.
            if name == "final-recipient" && get(group, &name).is_some() {
                groups.push(vec![(name, value.trim().to_owned())]);
            } else {
                group.push((name, value.trim().to_owned()));
            }
        }
    }
    groups
}

fn get<'g>(group: &'g [(String, String)], name: &str) -> Option<&'g str> {
    group.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The value of a field that begins with its type: `rfc822; ann@mail.example`, `dns; mx.mail.example`. Addresses in UTF-8 may
/// be written with `\x{…}` (RFC 6533 §3).
fn typed(value: &str) -> String {
    let value = value.split_once(';').map_or(value, |(_, value)| value).trim();
    unescaped(value.trim_matches(['<', '>']))
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("\\x{") {
        out.push_str(before);
        let Some((hex, after)) = after.split_once('}') else {
            out.push_str("\\x{");
            rest = after;
            continue;
        };
        out.extend(u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_without_blank_lines_and_without_action() {
        let text = "Reporting-MTA: dns; mx.example\nFinal-Recipient: rfc822; a@x.example\nStatus: 5.1.1\n\
                    Final-Recipient: rfc822;<B@x.example>\nAction: delayed (still trying)\nStatus: 4.4.1 (no answer)\n\
                    Diagnostic-Code: smtp; 450\n  4.4.1 later\n";
        let found = of_part(text);
        let told: Vec<_> = found.iter().map(|r| (r.recipient.as_deref(), r.action, r.status.as_str())).collect();
        assert_eq!(
            told,
            [
                (Some("a@x.example"), Action::Failed, "5.1.1"),
                (Some("b@x.example"), Action::Delayed, "4.4.1 (no answer)")
            ]
        );
        assert_eq!(found[1].diagnostic, "smtp; 450 4.4.1 later");
    }

    #[test]
    fn addresses_in_utf_8() {
        assert_eq!(typed("utf-8; \\x{0430}\\x{43d}на@\\x{43F}.example"), "анна@п.example");
        assert_eq!(typed("utf-8; \\x{zz}a\\x{41"), "a\\x{41");
    }
}
