//! `milepost check`: settings, maps, rules, letters and scenarios, every fault in one run.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::context::Context;
use super::out;
use crate::journey::book::Shop;
use crate::mail::{Composer, LinkSigner, preview};
use crate::rulebook::{self, Book, Diagnostic, Severity};
use crate::settings::Settings;
use crate::settings::load::Fault;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// For people, or for editors and scripts.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether the daemon would start.
    ok: bool,
    /// Faults of the settings.
    settings: Vec<Fault>,
    /// Errors and warnings of the rulebook and its scenarios; files are relative to its folder.
    rulebook: Vec<Diagnostic>,
    /// The rulebook's hash, if it can be used.
    hash: Option<String>,
    /// How many maps there are.
    maps: usize,
    /// How many rules there are.
    rules: usize,
    /// How many scenarios there are; `milepost test` runs them.
    scenarios: usize,
}

/// Checks; the exit code is 1 if there is an error.
pub(super) fn run(args: &CheckArgs, context: &Context) -> anyhow::Result<ExitCode> {
    // Faulty settings don't stop the rulebook's check: its folder and shop are then the usual ones.
    let (faults, rules, shop, settings) = match context.load() {
        Ok(loaded) => (Vec::new(), loaded.rules_dir(), loaded.shop(), Some(loaded.settings)),
        Err(faults) => (faults.faults, faults.root.join("rules"), Shop::default(), None),
    };
    let loaded = rulebook::load(&rules, shop);
    let letters = settings.zip(loaded.book.as_ref()).map(|(settings, book)| letters(&settings, book, context));
    let diagnostics =
        [loaded.diagnostics, loaded.scenarios.diagnostics, letters.transpose()?.unwrap_or_default()].concat();
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count() + faults.len();
    let book = loaded.book.as_ref().map(|book| &book.rulebook);
    let report = Report {
        ok: errors == 0,
        settings: faults,
        rulebook: diagnostics,
        hash: book.map(|book| book.hash.clone()),
        maps: book.map_or(0, |book| book.maps.len()),
        rules: book.map_or(0, |book| book.rules.len()),
        scenarios: loaded.scenarios.list.len(),
    };
    match args.format {
        Format::Json => out::json(&report)?,
        Format::Human => print(&report, errors)?,
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Letters that want files from where none may be fetched, or that mail programs would cut off.
fn letters(settings: &Settings, book: &Book, context: &Context) -> anyhow::Result<Vec<Diagnostic>> {
    let url = settings.server.public_url();
    let composer = Composer::new(&settings.mail, &url, &settings.shop, LinkSigner::of_previews())?;
    let allowed = composer.attachments().allowed();
    let unlisted = book.letters.addresses().iter().filter(|address| !allowed.admits_start(&address.text));
    let mut told: Vec<Diagnostic> = unlisted.map(|address| address.told.clone()).collect();
    told.extend(preview::oversized(book, &settings.shop, &composer, settings.mail.flag_over_kb, context.clock.now()));
    Ok(told)
}

fn print(report: &Report, errors: usize) -> std::io::Result<()> {
    for fault in &report.settings {
        out::note(fault);
    }
    if !report.rulebook.is_empty() {
        out::note(rulebook::render(&report.rulebook, out::color()));
    }
    let warnings = report.rulebook.len() - (errors - report.settings.len());
    if report.ok {
        let hash = report.hash.as_deref().unwrap_or_default();
        let short = hash.get(..12).unwrap_or(hash);
        let (maps, rules) = (counted(report.maps, "map"), counted(report.rules, "rule"));
        out::line(format_args!("All is well: {maps}, {rules}, {}; rulebook {short}.", counted(warnings, "warning")))
    } else {
        out::line(format_args!("{}, {}.", counted(errors, "error"), counted(warnings, "warning")))
    }
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
