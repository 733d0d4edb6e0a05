//! What hurts users of other systems, line by line, and which test shows that it does not happen here.
//!
//! Most of it is told as scenarios under `tests/fixtures/peers`; what needs an engine that stops, is paused or loses its relay
//! is in `mailings`; and where an older test proves a line already, the list names it. Threads are those of mautic/mautic (M),
//! knadh/listmonk (L), parcelvoy/platform (P), dittofeed/dittofeed (D) and n8n-io/n8n (N).

mod mailings;

use std::path::{Path, PathBuf};

use milepost::journey::book::Shop;
use milepost::rulebook::{Loaded, load, render};

use crate::rulebook::scenarios::tell;
use crate::support::sources;

/// Each line with what shows that it is not so here: scenarios by the beginning of their name, tests by the name of their function.
const LINES: &[(&str, &[&str])] = &[
    (
        "L2070, L2313: pausing, resuming or a lost relay starts a mailing over",
        &["a_pause_and_a_lost_relay_send_nobody_a_second_letter", "a_connection_lost_before_the_letter_is_tried_again"],
    ),
    (
        "L2278, L2860: a shutdown or a fault leaves recipients out",
        &[
            "everyone_gets_one_letter_and_a_code_of_their_own",
            "killed_twenty_times_under_load_it_loses_nothing_and_repeats_nothing",
        ],
    ),
    (
        "M13070, M7226: one that fails sends the rest of its batch again",
        &["one_refusal_among_many_holds_up_nobody", "a_body_that_cannot_be_applied_holds_up_none_behind_it"],
    ),
    (
        "M16133: stopping and publishing again sends the first letter again at every firing",
        &["publishing_again_sends_the_first_letter_to_nobody_again"],
    ),
    (
        "M3340: publishing again after weeks fires everything overdue at once",
        &[
            "publishing_again_after_weeks_fires_nothing",
            "resumed_after_weeks_a_chain_goes_on_letter_by_letter",
            "what_is_overdue_is_what_the_operator_says",
            "a_spread_gives_each_customer_a_moment_of_their_own",
        ],
    ),
    ("M9797: re-entry makes two logs and the contact stalls", &["M9797"]),
    ("M6323: a step added later", &["every_change_of_a_rule_under_people"]),
    (
        "Cart mails: two workers send the same letter",
        &["parallel_claimers_never_get_the_same_letter", "a_letter_is_marked_by_one_sender"],
    ),
    (
        "Cart mails: five within half an hour, one a visit",
        &["Five visits to the cart within half an hour are one letter"],
    ),
    (
        "Cart mails: a delayed job fires three at once",
        &["A job that is late sends one letter, whatever came in at once"],
    ),
    (
        "Cart mails: the reminder goes out after the order",
        &[
            "The reminder never goes out after the order",
            "An order heard of late",
            "an_order_between_claim_and_hand_over_cancels_the_letter",
        ],
    ),
    (
        "Cart mails: an import of old carts fires",
        &["An import of old carts reminds nobody", "old_news_moves_but_mails_nobody"],
    ),
    ("M2870, M8113: segments take hours", &["live_counts_follow_every_change"]),
    ("M8261, P589: step rows grow without an end", &["decisions_are_told_newest_first_and_pruned"]),
    ("P627: a scheduled campaign sits until a restart", &["a_firing_takes_those_who_are_meant"]),
    (
        "P541: deadlocks between steps",
        &["parallel_takers_never_share_a_promo_code", "whoever_is_met_in_several_batches_stays_one"],
    ),
    ("N28664: a wait never resumes", &["a_wait_goes_on_though_the_daemon_was_away_when_it_ended"]),
    ("D1844: events are lost", &["nothing_accepted_before_a_death_is_missing"]),
    ("D: a segment is entered within the next minute", &["joining_and_leaving_start_rules_by_event_and_by_time"]),
    (
        "M7665, M10170, M17090: the hour moves",
        &["M7665, M10170, M17090: nine", "M7665, M10170, M17090: and", "M17090", "M7665: an hour"],
    ),
    ("M10416: a default cap of 0 holds everything", &["M10416", "limits_that_cannot_be"]),
    (
        "Klaviyo: skipping for good, and nobody can say which letter wins",
        &["Klaviyo: of five letters", "the_higher_ranked_goes_first_and_the_other_waits"],
    ),
    ("P442: unsubscribing is asked in campaigns only", &["P442: whoever", "P442: who unsubscribes", "Every way in"]),
    ("M2761: an out-of-office reply becomes do-not-contact", &["M2761"]),
    ("L2623: a 550 5.1.1 at send time is no bounce", &["a_mailbox_that_is_gone_is_suppressed"]),
    (
        "M16263, M9798: link scanners inflate opens and clicks",
        &[
            "programs_are_noted_and_start_nothing",
            "several_links_at_once_are_a_program_s",
            "opens_are_noted_by_a_picture",
        ],
    ),
    (
        "M16263, M9798: link scanners unsubscribe people",
        &[
            "looking_at_the_page_unsubscribes_nobody",
            "a_get_of_the_link_changes_nothing",
            "looking_changes_nothing_and_shows_what_can_be_chosen",
            "nothing_is_sent_before_the_customer_confirms",
        ],
    ),
    ("L206: no welcome series", &["L206"]),
    ("L1198: who got what", &["an_event_becomes_a_letter_with_its_record"]),
    (
        "M2307: simulate",
        &["daemon_and_simulator_come_to_the_same_letters", "other_rules_are_told_what_really_happened"],
    ),
    ("M1914: why did it fail", &["command_line_and_api_tell_the_same", "a_rule_tells_what_would_start_it"]),
    ("M2531: several journeys at once", &["M2531"]),
    ("M437: unique promo codes", &["Klaviyo: who buys again", "everyone_gets_one_letter_and_a_code_of_their_own"]),
    ("M4591: revenue", &["a_goal_is_worth_what_a_field_of_its_event_says", "a_story_of_everything_adds_up"]),
    (
        "Holdouts",
        &["A holdout for every shop: who", "A holdout for every shop: the", "those_who_are_held_out_are_counted_apart"],
    ),
    (
        "Klaviyo: a repeat buyer gets the same code again",
        &["Klaviyo: who buys again", "Two pools", "one_who_was_merged_never_gets_a_code_again"],
    ),
    (
        "Klaviyo: a welcome series does not stop after the purchase",
        &["Klaviyo: a welcome stops", "Klaviyo: a purchase in the very minute"],
    ),
    ("Webhooks: lost", &["history_alone_tells_the_same", "a_crm_that_is_down_for_half_a_day_is_caught_up_with"]),
    (
        "Webhooks: twice",
        &[
            "the_same_event_twice_counts_once",
            "the_same_fact_under_two_ids_is_one_letter",
            "hook_and_history_tell_it_once",
        ],
    ),
    ("Webhooks: out of order", &["Out of order", "facts_do_not_depend_on_the_order_of_arrival"]),
    ("Cursors saved before the rows", &["cursors_and_notes_are_kept", "a_poll_walks_both_histories_by_their_last_id"]),
    (
        "Write-backs come back and loop",
        &[
            "a_change_is_written_and_its_coming_back_starts_nothing",
            "a_refusal_made_here_is_told_to_the_crm_once",
            "rules_that_begin_each_other_do_not_go_round",
        ],
    ),
    // What nobody else has.
    (
        "No duplicate after a crash, and what is uncertain is listed",
        &["killed_twenty_times_under_load_it_loses_nothing_and_repeats_nothing", "doubt_is_kept_or_resent"],
    ),
    (
        "Why and why not, with each condition's value and the next time it can change",
        &[
            "the_api_tells_the_whole_story_of_a_rule",
            "a_condition_tells_what_it_lacks",
            "a_letter_tells_what_would_let_it_go",
        ],
    ),
    (
        "Changed rules over the stored history before anything is sent",
        &["a_plan_tells_who_moves_and_what_becomes_of_runs_and_writes_nothing", "each_difference_has_its_reason"],
    ),
    ("Holdouts for small shops, sticky", &["who_is_held_out_walks_the_steps_and_gets_no_letter"]),
    ("Conflicts under a cap are shown beforehand", &["rules_that_compete_need_a_ranking"]),
    (
        "A ledger of promo codes, and when a pool runs dry",
        &[
            "a_code_is_reserved_sent_and_redeemed",
            "a_code_expires_and_counts_no_more",
            "a_pool_that_runs_low_is_told_once",
        ],
    ),
    (
        "Pausing and editing are safe, with counts; staleness is checked at the moment of sending",
        &["what_waits_is_counted_before_anybody_decides", "a_letter_that_is_stale_at_the_last_moment_is_withheld"],
    ),
    ("Customers who fall outside every stage", &["segments_and_customers_are_listed"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn rules() -> Loaded {
    let loaded = load(&root().join("fixtures/peers"), Shop::default());
    assert!(loaded.diagnostics.is_empty(), "{}", render(&loaded.diagnostics, false));
    let faults = &loaded.scenarios.diagnostics;
    assert!(faults.is_empty(), "{}", render(faults, false));
    loaded
}

#[test]
fn none_of_it_happens_here() {
    let loaded = rules();
    let book = loaded.book.expect("a book");
    for scenario in &loaded.scenarios.list {
        let outcome = tell(&book, scenario);
        assert!(outcome.failures.is_empty(), "{}: {:#?}", scenario.name, (&outcome.failures, &outcome.told));
    }
}

#[test]
fn each_line_names_what_shows_it_and_each_scenario_serves_a_line() {
    let loaded = rules();
    let sources = sources(&root().join("it"));
    let names: Vec<&str> = loaded.scenarios.list.iter().map(|scenario| scenario.name.as_str()).collect();
    for (line, shown) in LINES {
        for name in *shown {
            let is_there =
                names.iter().any(|scenario| scenario.starts_with(name)) || sources.contains(&format!("fn {name}("));
            assert!(is_there, "{line}: there is no test or scenario `{name}`");
        }
    }
    for name in names {
        let serves = LINES.iter().flat_map(|(_, shown)| *shown).any(|shown| name.starts_with(shown));
        assert!(serves, "no line is served by the scenario `{name}`");
    }
}
