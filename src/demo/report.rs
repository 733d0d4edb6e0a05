//! What the demo prints: where to look, and at the end of `--once` what came of it.
#![expect(clippy::print_stdout, reason = "printing is what this module is for")]

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use super::check::Finding;
use super::shop::ShopFigures;
use crate::insight::{self, format};
use crate::journey::book::Rulebook;
use crate::store::Store;

/// Where to look while the demo lives. Printed plainly: a progress bar says nothing where there is no terminal.
pub(super) fn print_addresses(base: &str, day_seconds: f64) {
    println!("The map:      {base}/maps/pet-shop");
    println!("Its figures:  {base}/metrics");
    println!("One simulated day takes {day_seconds:.1} s. Ctrl-C ends it.");
}

/// Prints the figures of every map.
pub(super) async fn print(store: &Store, book: &Rulebook, shop: &ShopFigures) -> Result<()> {
    println!(
        "Two weeks of a shop: {} customers, {} orders ({} cancelled, {} with a promo code), {} hooks, {} API requests.",
        shop.customers, shop.orders, shop.cancelled, shop.with_promo, shop.hooks, shop.requests
    );
    let bodies = store.count_bodies().await?;
    println!("Accepted: {} bodies, {} of them dead letters.", bodies.done + bodies.dead, bodies.dead);
    for map in book.maps.values() {
        let Some(figures) = insight::figures(store, book, &map.id).await? else { continue };
        let title = |id: &str| map.stages.iter().find(|s| s.id == id).map_or(id.to_owned(), |s| s.title.clone());
        let mut stages = table(&["stage", "here", "entered", "moved on to", "median stay"]);
        for stage in &figures.stages {
            let moved: Vec<String> = stage.moved.iter().map(|(to, n)| format!("{n} to {}", title(to))).collect();
            stages.add_row([
                title(&stage.stage),
                stage.here.to_string(),
                stage.entered.to_string(),
                moved.join("\n"),
                format::span(stage.median_stay),
            ]);
        }
        println!("\n{}\n{stages}", map.title);
        let mut rules = table(&["rule", "enrolled", "sent", "withheld", "converted", "value"]);
        for rule in &figures.rules {
            let withheld: Vec<String> =
                rule.withheld.iter().map(|(why, n)| format!("{n} {}", format::words(why))).collect();
            rules.add_row([
                rule.rule.clone(),
                rule.enrolled.to_string(),
                rule.sent.to_string(),
                withheld.join("\n"),
                rule.converted.to_string(),
                format::money(&rule.value),
            ]);
        }
        println!("{rules}");
    }
    Ok(())
}

/// Prints what was found of each promise.
pub(super) fn print_findings(findings: &[Finding]) {
    println!("\nPromises");
    for finding in findings {
        let verdict = if finding.broken.is_empty() { "kept  " } else { "BROKEN" };
        println!("  {verdict}  {} ({} looked at)", finding.promise, finding.looked_at);
        for broken in finding.broken.iter().take(10) {
            println!("          {broken}");
        }
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(header);
    table
}
