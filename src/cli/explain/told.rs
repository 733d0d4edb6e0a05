//! What would be, in words: what each rule would do, what would have to change, what time alone would bring.

use std::io;

use chrono_tz::Tz;

use crate::cli::out;
use crate::insight;
use crate::insight::story::Story;
use crate::journey::attention::LimitKind;
use crate::journey::condition::Part;
use crate::journey::effect::PolicyVerdict;
use crate::journey::explain::Explanation;

/// What each rule would do at the story's moment, should it be triggered; with every part and verdict if it is `whole`.
pub(super) fn what_now(story: &Story, whole: bool, sound: bool, zone: Tz) -> io::Result<()> {
    out::line(format_args!("\nWhat each rule would do on {}", out::when(story.at, zone)))?;
    for rule in &story.now {
        let could = if rule.could_start.is_ok() { "would start on" } else { "would not start on" };
        line(&format!("{}: {could} {}", rule.rule, rule.trigger))?;
        for obstacle in rule.could_start.as_ref().err().into_iter().flatten() {
            line(&format!("    {obstacle}"))?;
        }
        for pool in &rule.without_codes {
            line(&format!("    {pool}"))?;
        }
        if whole {
            parts(&rule.when)?;
        }
        would_start_if(rule)?;
        if whole && !rule.policies.is_empty() {
            line("    a letter of it:")?;
            verdicts(&rule.policies)?;
        }
        if let Some(reason) = &rule.would_withhold {
            line(&format!("    a letter of it would be withheld: {reason}"))?;
            line(&format!("    it would go if: {}", rule.would_send_if.as_deref().unwrap_or("nothing would let it")))?;
        }
        if let Some(held) = &rule.would_wait {
            let limit = insight::format::words(held.by.code());
            let until =
                if held.by == LimitKind::Paused { "the rule is resumed".into() } else { out::when(held.until, zone) };
            line(&format!("    a letter of it would wait until {until}: {limit}"))?;
        }
        if let Some(at) = rule.flips_at {
            line(&format!("    by time alone its condition turns on {}", out::when(at, zone)))?;
        }
    }
    if !sound {
        out::line("Not known: the rulebook has faults.")?;
    }
    Ok(())
}

fn would_start_if(rule: &Explanation) -> io::Result<()> {
    match rule.would_start_if.as_slice() {
        [] => line("    would start if: nothing; it never starts again for this customer"),
        [only] => line(&format!("    would start if: {only}")),
        several => {
            line("    would start if all of this is so:")?;
            several.iter().try_for_each(|wish| line(&format!("      - {wish}")))
        }
    }
}

/// What time alone would bring, if a moment to come was asked for.
pub(super) fn what_comes(story: &Story, asked: bool, zone: Tz) -> io::Result<()> {
    if !asked {
        return Ok(());
    }
    out::line(format_args!("\nIf nothing happens until {}", out::when(story.at, zone)))?;
    for seen in &story.foreseen {
        let rule = seen.rule.as_ref().map(|rule| format!("{rule}: ")).unwrap_or_default();
        line(&format!("{}  {rule}{}", out::when(seen.at, zone), seen.what))?;
    }
    if story.foreseen.is_empty() {
        out::line("Time alone brings nothing.")?;
    }
    Ok(())
}

/// Parts of a condition with their answers and the facts they read.
pub(super) fn parts(parts: &[Part]) -> io::Result<()> {
    for part in parts {
        let facts = if part.facts.is_empty() { String::new() } else { format!("   [{}]", part.facts.join(", ")) };
        line(&format!("    {} -> {}{facts}", part.text, part.result))?;
    }
    Ok(())
}

/// What policies said.
pub(super) fn verdicts(verdicts: &[PolicyVerdict]) -> io::Result<()> {
    for verdict in verdicts {
        let answer = if verdict.pass { "passes" } else { "does not pass" };
        line(&format!("      {}: {answer}, {}", verdict.policy, verdict.note))?;
    }
    Ok(())
}

fn line(text: &str) -> io::Result<()> {
    out::line(out::clean(text))
}
