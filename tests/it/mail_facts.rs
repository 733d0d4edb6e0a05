//! What standards and mailbox providers ask of mail, line by line, and which tests show that Milepost keeps it.

use std::path::Path;

use milepost::settings::MailSettings;

use crate::support::{sources, span};

/// Each line with the functions that test it.
const LINES: &[(&str, &[&str])] = &[
    (
        "RFC 5321 §4.5.4.1: tries half an hour apart, the first ones quicker; given up after four or five days",
        &[
            "the_plan_of_retries_is_that_of_rfc_5321",
            "a_letter_put_off_goes_out_again_unchanged",
            "a_letter_put_off_for_too_long_is_given_up",
        ],
    ),
    (
        "RFC 5321 §4.2: 4yz is for now, 5yz for good",
        &[
            "what_relays_say_is_understood",
            "another_refusal_suppresses_nobody",
            "what_servers_say_becomes_the_right_outcome",
        ],
    ),
    (
        "RFC 3463: 5.1.1 is an unknown user, 5.2.2 a full mailbox, 4.7.x policy or rate; 5.7.1 proves nothing of the mailbox",
        &[
            "what_relays_say_is_understood",
            "what_reports_of_delivery_say_is_understood_by_the_same_rows",
            "a_mailbox_that_is_gone_is_suppressed",
            "a_full_mailbox_is_tried_less_often_and_left_in_peace_in_the_end",
        ],
    ),
    (
        "RFC 8058: both headers; the POST acts without cookies, login or a further page",
        &["a_marketing_letter", "the_button_and_one_click_say_the_same_refusal", "one_click_stops_the_next_letter"],
    ),
    (
        "RFC 8058: a GET of the same address unsubscribes nobody",
        &["looking_at_the_page_unsubscribes_nobody", "a_get_of_the_link_changes_nothing"],
    ),
    (
        "RFC 8058 §4: both headers are covered by the signature",
        &["an_independent_verifier_takes_both_signatures_and_none_of_what_was_changed"],
    ),
    (
        "RFC 2369: a mailto form beside it",
        &["the_sender_of_every_try_names_the_letter", "mail_to_the_way_out_unsubscribes"],
    ),
    (
        "Bulk senders: SPF, DKIM and DMARC in line, forward and reverse DNS",
        &["a_sound_domain_is_found_sound", "what_is_missing_is_told", "letters_keep_the_policy_by_spf_or_dkim"],
    ),
    (
        "Bulk senders: unsubscribing is honoured within two days: here before the next letter",
        &["one_click_stops_the_next_letter"],
    ),
    (
        "Bulk senders: few complaints: whoever complains gets nothing more, and is counted",
        &["a_complaint_suppresses_and_withdraws_the_consent"],
    ),
    (
        "Bulk senders: TLS",
        &["letters_go_out_under_tls", "a_relay_is_let_in_under_tls_that_can_be_trusted_and_with_the_right_password"],
    ),
    ("Feedback-ID: four parts, the last one constant", &["a_marketing_letter", "senders"]),
    (
        "RFC 6376: the fields that must be signed, relaxed/relaxed, RSA 2048 and Ed25519 (RFC 8463), both at once",
        &[
            "an_independent_verifier_takes_both_signatures_and_none_of_what_was_changed",
            "a_domain_below_is_signed_for_by_the_one_above",
            "what_is_no_key_is_told",
        ],
    ),
    (
        "Message-ID is ours and stable; what goes again keeps it",
        &[
            "message_ids",
            "the_same_job_makes_the_same_bytes",
            "a_letter_put_off_goes_out_again_unchanged",
            "what_is_in_doubt_is_on_record_and_goes_again_only_where_the_rule_says_so",
        ],
    ),
    (
        "RFC 3464, RFC 6522: reports of delivery, every action; the original's Message-ID is in the third part",
        &[
            "every_mail_is_what_it_is",
            "a_report_about_somebody_else_s_letter_needs_its_token_or_its_message_id",
            "what_servers_say_becomes_the_right_outcome",
        ],
    ),
    (
        "VERP: the return path names the letter",
        &["the_sender_of_every_try_names_the_letter", "an_address_names_its_letter_and_nothing_else"],
    ),
    ("The sender of a report is empty, and never answered", &["nothing_automatic_is_forwarded_and_nothing_twice"]),
    (
        "RFC 5965: complaints (ARF) with the original attached",
        &["every_mail_is_what_it_is", "a_complaint_suppresses_and_withdraws_the_consent"],
    ),
    (
        "RFC 3834: an automatic answer is neither a bounce nor a refusal",
        &["every_mail_is_what_it_is", "an_automatic_answer_and_a_delay_change_nothing"],
    ),
    (
        "RFC 3834: our own mail is `auto-generated` for transactional rules only",
        &["a_marketing_letter", "a_transactional_letter_answers_nothing_and_offers_no_way_out"],
    ),
    (
        "Privacy protection and scanners: opens and clicks by machine are marked and in no figure",
        &[
            "programs_are_noted_and_start_nothing",
            "several_links_at_once_are_a_program_s",
            "opens_are_noted_by_a_picture",
        ],
    ),
    (
        "RFC 5322: lines under 998 octets, CRLF; RFC 2047 in headers; quoted-printable or base64; text first",
        &[
            "a_marketing_letter",
            "russian_subjects_and_bodies",
            "a_few_letters_beyond_ascii_are_quoted_printable_and_long_lines_are_folded",
            "is_fit_for_smtp",
        ],
    ),
    (
        "RFC 5322: no CR or LF of data in a header",
        &["no_data_can_add_a_header", "no_address_can_end_a_command", "headers_are_one_clean_line"],
    ),
    ("IDN: a domain goes out as A-labels (IDNA)", &["addresses_of_customers"]),
    (
        "SMTPUTF8: a name outside ASCII is withheld with that reason, unless the relay takes it",
        &[
            "an_address_outside_ascii_goes_by_a_relay_that_takes_it",
            "a_letter_that_no_relay_takes_is_withheld_with_its_reason",
        ],
    ),
];

#[test]
fn each_line_names_what_shows_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(&root.join("tests/it")) + &sources(&root.join("src"));
    for (line, shown) in LINES {
        for name in *shown {
            assert!(sources.contains(&format!("fn {name}(")), "{line}: there is no test `{name}`");
        }
    }
}

#[test]
fn the_plan_of_retries_is_that_of_rfc_5321() {
    let mail = MailSettings::default();
    assert!(mail.retry.is_sorted(), "later tries are further apart");
    let slow = mail.retry.iter().skip_while(|wait| **wait < span("30m")).count();
    assert!(mail.retry.len() - slow <= 3, "the first few only are quicker than half an hour");
    assert!((span("4d")..=span("5d")).contains(&mail.give_up_after), "given up after four or five days");
}
