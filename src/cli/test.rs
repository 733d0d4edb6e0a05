//! `milepost test`: the scenarios of the rules, run.

mod junit;
mod report;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::{known, out};
use crate::journey::book::Shop;
use crate::mail::{Composer, Job, LinkSigner};
use crate::rulebook::scenario::{Coverage, Failure, Outcome, Place, RuleCoverage, Scenario, run as run_scenario};
use crate::rulebook::{self, Book, Diagnostic, Severity};
use crate::settings::{MailSettings, Settings};

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The rules' folder; that of the settings if not given.
    dir: Option<PathBuf>,
    /// Only the scenarios of this map.
    #[arg(long, value_name = "MAP")]
    map: Option<String>,
    /// Only the scenarios with this text in their name or file.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write a JUnit report to this file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print what came of it as JSON.
    #[arg(long)]
    json: bool,
    /// Tell which steps and arms of the rules no scenario took.
    #[arg(long)]
    coverage: bool,
}

/// What came of all of them.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether every file could be read and every expectation was met.
    ok: bool,
    /// Faults of the scenarios' files.
    faults: Vec<Diagnostic>,
    /// The scenarios that were run.
    scenarios: Vec<Ran>,
    /// Of each rule, what was taken; with `--coverage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Vec<RuleCoverage>>,
}

/// One scenario that was run.
#[derive(Debug, Serialize)]
struct Ran {
    /// What it shows.
    name: String,
    /// Its map.
    map: String,
    /// Where it begins.
    #[serde(flatten)]
    place: Place,
    /// Expectations that were not met.
    failures: Vec<Failure>,
    /// What happened, if some were not met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    happened: Vec<String>,
}

/// Runs the scenarios; the exit code is 1 if one failed.
pub(super) fn run(args: &TestArgs, context: &Context) -> anyhow::Result<ExitCode> {
    // Scenarios run with whatever settings there are: faulty ones are the business of `check`.
    let (rules, shop, settings) = match context.load() {
        Ok(loaded) => (loaded.rules_dir(), loaded.shop(), loaded.settings),
        Err(faults) => (faults.root.join("rules"), Shop::default(), Settings::default()),
    };
    let loaded = rulebook::load(args.dir.as_ref().unwrap_or(&rules), shop);
    let Some(book) = loaded.book else {
        out::note(rulebook::render(&loaded.diagnostics, out::color()));
        bail!("the rulebook has faults; `milepost check` lists them");
    };
    if let Some(map) = &args.map {
        known::check("map", map, book.rulebook.maps.keys().map(String::as_str))?;
    }
    let chosen: Vec<&Scenario> = loaded.scenarios.list.iter().filter(|scenario| args.wants(scenario)).collect();
    let faults = loaded.scenarios.diagnostics;
    let faulty = faults.iter().any(|fault| fault.severity == Severity::Error);
    let of_map = loaded.scenarios.list.iter().filter(|scenario| args.on_map(scenario)).count();
    if let Some(text) = args.filter.as_ref().filter(|_| chosen.is_empty() && of_map > 0 && !faulty) {
        // Whoever asked for some and got none has tested nothing: that is no success.
        bail!("none of the {of_map} scenarios has `{text}` in its name or its file");
    }
    let composer = composer(&settings)?;
    let mut coverage = Coverage::default();
    let mut scenarios = Vec::new();
    for scenario in chosen {
        let Outcome { failures, told, walked } = tell(&book, scenario, &composer);
        coverage.add(&walked);
        scenarios.push(Ran {
            name: scenario.name.clone(),
            map: scenario.map.clone(),
            place: scenario.place.clone(),
            happened: if failures.is_empty() { Vec::new() } else { told },
            failures,
        });
    }
    let of_map = |rule: &RuleCoverage| args.map.as_ref().is_none_or(|map| rule.map == *map);
    let report = Report {
        ok: !faulty && scenarios.iter().all(|ran| ran.failures.is_empty()),
        faults,
        scenarios,
        coverage: args.coverage.then(|| coverage.rules(&book.rulebook).into_iter().filter(of_map).collect()),
    };
    if let Some(file) = &args.junit {
        fs::write(file, junit::text(&report)).with_context(|| format!("{} can't be written", file.display()))?;
    }
    if args.json {
        out::json(&report)?;
    } else {
        report::print(&report)?;
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl TestArgs {
    fn wants(&self, scenario: &Scenario) -> bool {
        let text = self.filter.as_ref().map(|text| text.to_lowercase());
        let has = |text: &String| {
            scenario.name.to_lowercase().contains(text)
                || scenario.place.file.to_string_lossy().to_lowercase().contains(text)
        };
        self.on_map(scenario) && text.as_ref().is_none_or(has)
    }

    fn on_map(&self, scenario: &Scenario) -> bool {
        self.map.as_ref().is_none_or(|map| scenario.map == *map)
    }
}

fn tell(book: &Book, scenario: &Scenario, composer: &Composer) -> Outcome {
    run_scenario(book, scenario, &|customer, message, at| {
        let job = Job::of(message, customer, at);
        composer.fill_offline(&book.letters, &job).map_err(|error| crate::mail::chain(&error))
    })
}

/// Letters as the shop's settings make them; who sends them does not matter to what they say.
fn composer(settings: &Settings) -> anyhow::Result<Composer> {
    let links = LinkSigner::of_previews();
    let url = settings.server.public_url();
    Composer::new(&settings.mail, &url, &settings.shop, links.clone())
        .or_else(|_| Composer::new(&MailSettings::default(), "https://shop.example", &settings.shop, links))
        .context("letters can't be written")
}
