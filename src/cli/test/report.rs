//! What came of the scenarios, for people.

use std::io;
use std::path::Path;

use super::{Ran, Report};
use crate::cli::out;
use crate::rulebook::scenario::{Failure, Line, RuleCoverage};
use crate::rulebook::{Severity, render};

pub(super) fn print(report: &Report) -> io::Result<()> {
    if !report.faults.is_empty() {
        out::note(render(&report.faults, out::color()));
    }
    let mut file: Option<&Path> = None;
    for ran in &report.scenarios {
        if file != Some(&ran.place.file) {
            out::line(ran.place.file.display())?;
            file = Some(&ran.place.file);
        }
        scenario(ran)?;
    }
    if let Some(coverage) = &report.coverage {
        out::line("")?;
        print_coverage(coverage)?;
    }
    let failed = report.scenarios.iter().filter(|ran| !ran.failures.is_empty()).count();
    let faults = report.faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    let all = report.scenarios.len();
    if all == 0 && faults == 0 {
        return out::line("There are no such scenarios: they stand in rules/<map>/tests/*.yaml.");
    }
    let faulty = match faults {
        0 => String::new(),
        1 => ", 1 fault in their files".to_owned(),
        _ => format!(", {faults} faults in their files"),
    };
    out::line(format_args!("\n{} passed, {failed} failed{faulty}.", all - failed))
}

fn scenario(ran: &Ran) -> io::Result<()> {
    if ran.failures.is_empty() {
        return out::line(format_args!("  ok      {}", ran.name));
    }
    out::line(format_args!("  FAILED  {}", ran.name))?;
    for failure in &ran.failures {
        out::line(format_args!("          {}", headline(failure)))?;
        for line in lines(failure) {
            out::line(format_args!("            {line}"))?;
        }
    }
    out::line("          what happened:")?;
    for line in &ran.happened {
        out::line(format_args!("            {}", out::clean(line)))?;
    }
    Ok(())
}

/// `file:line:column: what`.
pub(super) fn headline(failure: &Failure) -> String {
    let place = &failure.place;
    format!("{}:{}:{}: {}", place.file.display(), place.line, place.column, failure.what)
}

/// The difference: `-` was expected, `+` happened.
pub(super) fn lines(failure: &Failure) -> Vec<String> {
    let signed = failure.lines.iter().flat_map(|line| {
        let (sign, text) = match line {
            Line::Same(text) => (' ', text),
            Line::Expected(text) => ('-', text),
            Line::Happened(text) => ('+', text),
        };
        text.lines().map(move |text| format!("{sign} {}", out::clean(text)))
    });
    let mut lines: Vec<String> = signed.collect();
    if !failure.lines.iter().any(|line| matches!(line, Line::Happened(_) | Line::Same(_))) {
        lines.push("+ nothing".into());
    }
    if !failure.lines.iter().any(|line| matches!(line, Line::Expected(_) | Line::Same(_))) {
        lines.insert(0, "- nothing".into());
    }
    lines
}

fn print_coverage(coverage: &[RuleCoverage]) -> io::Result<()> {
    let row = |rule: &RuleCoverage| {
        let steps = rule.steps_never_taken.iter().map(|step| format!("step {step}"));
        let arms = rule.arms_never_taken.iter().map(|arm| format!("arm {arm}"));
        vec![
            rule.map.clone(),
            rule.rule.clone(),
            format!("{} of {}", rule.taken, rule.all),
            steps.chain(arms).collect::<Vec<_>>().join("\n"),
        ]
    };
    let rows = coverage.iter().map(row).collect();
    out::table(&["map", "rule", "steps and arms taken", "never taken"], rows, "There are no rules.")
}
