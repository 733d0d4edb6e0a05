//! Complaints: feedback reports (RFC 5965), and the older form of Microsoft's Junk Mail Reporting Programme.

use super::What;
use super::parts::{Mail, addresses};

/// What a feedback report says; `None` if the mail is none.
pub(super) fn read(mail: &Mail<'_>) -> Option<What> {
    let parts = mail.parts();
    let Some(report) = parts.iter().find(|part| part.kind == "message/feedback-report") else {
        return junk_report(mail);
    };
    let field = |name: &str| {
        report.content.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let feedback = field("Feedback-Type").unwrap_or_else(|| "abuse".into()).to_lowercase();
    let recipient = field("Original-Rcpt-To").and_then(|value| addresses(&value).into_iter().next());
    Some(match feedback.as_str() {
        // RFC 5965 §7.3 and its predecessors: who opts out does not complain.
        kind if kind.starts_with("opt-out") => What::Unsubscribe,
        "not-spam" => What::Unknown("a report that a letter is not spam"),
        // RFC 6591: the receiver tells of a failed authentication, and no person has complained.
        "auth-failure" => What::Unknown("a report that a letter's authentication failed"),
        _ => What::Complaint { feedback, recipient },
    })
}

/// Outlook.com: the letter is attached, and its head names the mailbox.
fn junk_report(mail: &Mail<'_>) -> Option<What> {
    let from = mail.from()?;
    let microsoft = matches!(from.as_str(), "staff@hotmail.com" | "staff@outlook.com");
    let mailbox = mail.inner_field("X-HmXmrOriginalRecipient");
    if !microsoft || (mailbox.is_none() && mail.inner_ids().is_empty()) {
        return None;
    }
    let recipient = mailbox.and_then(|value| addresses(&value).into_iter().next());
    Some(What::Complaint { feedback: "abuse".into(), recipient })
}
