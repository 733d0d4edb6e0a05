//! The map as a table in a terminal: stages are columns, rows are those of the page.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

use super::figures::{ErrandFigures, MapFigures, RuleFigures, StageFigures};
use super::{format, place};
use crate::journey::book::Rulebook;
use crate::journey::map::{JourneyMap, Stage};
use crate::journey::rule::Rule;

/// Draws a map. `width` is the terminal's (comfy-table asks it itself if `None`); `color` allows ANSI styles.
pub fn render(rulebook: &Rulebook, map: &JourneyMap, figures: &MapFigures, width: Option<u16>, color: bool) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    if color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let heads = map.stages.iter().map(|stage| Cell::new(&stage.title).add_attribute(Attribute::Bold));
    table.set_header(std::iter::once(Cell::new("")).chain(heads));
    for (name, read) in DESCRIPTIONS {
        if map.stages.iter().any(|stage| !read(stage).is_empty()) {
            table.add_row(row(name, map.stages.iter().map(|stage| Cell::new(read(stage)))));
        }
    }
    let shown = |stage: &Stage| figures.stage(&stage.id).map_or_else(|| Cell::new(""), |f| figures_cell(map, stage, f));
    table.add_row(row("Figures", map.stages.iter().map(shown)));
    let of_stage = |stage: &Stage| Cell::new(communications(rulebook, map, figures, Some(&stage.id)));
    table.add_row(row("Communications", map.stages.iter().map(of_stage)));

    let mut out = String::new();
    let _ = writeln!(out, "{}", map.title);
    if let Some(purpose) = &map.purpose {
        let _ = writeln!(out, "{purpose}");
    }
    let _ = writeln!(out, "{table}");
    let whole = communications(rulebook, map, figures, None);
    if !whole.is_empty() {
        let _ = writeln!(out, "On the whole map:\n{whole}");
    }
    if !figures.segments.is_empty() {
        let _ = writeln!(out, "Segments:");
        for segment in &figures.segments {
            let meaning = segment.description.as_ref().unwrap_or(&segment.condition);
            let _ = writeln!(out, "{}: {} now ({meaning})", segment.segment, format::count(segment.here));
        }
    }
    out
}

type Describe = fn(&Stage) -> String;

/// The rows that a shop wrote, with what each shows; a row that no stage fills is left out.
const DESCRIPTIONS: &[(&str, Describe)] = &[
    ("Customer's goals", |s| list(&s.customer.goals)),
    ("Actions", |s| list(&s.customer.actions)),
    ("Questions", |s| list(&s.customer.questions)),
    ("Touchpoints", |s| s.touchpoints.join(", ")),
    ("Emotion", |s| emotion(s.customer.emotion)),
    ("Barriers", |s| list(&s.barriers)),
    ("Company's goals", |s| list(&s.company.goals)),
    ("Company's actions", |s| list(&s.company.actions)),
    ("Owner", |s| s.company.owner.clone().unwrap_or_default()),
];

fn row(name: &str, cells: impl Iterator<Item = Cell>) -> Vec<Cell> {
    std::iter::once(Cell::new(name).add_attribute(Attribute::Bold)).chain(cells).collect()
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("• {item}")).collect::<Vec<_>>().join("\n")
}

/// A scale of five with the stage's mark on it.
fn emotion(level: i8) -> String {
    let mark = usize::try_from(level.clamp(-2, 2) + 2).unwrap_or(2);
    let scale: String = (0..5).map(|step| if step == mark { '●' } else { '·' }).collect();
    format!("- {scale} +")
}

fn figures_cell(map: &JourneyMap, stage: &Stage, figures: &StageFigures) -> Cell {
    let mut text = format!("{} here\n{} entered", format::count(figures.here), format::count(figures.entered));
    for (to, n) in &figures.moved {
        let title = map.index_of(to).map_or(to.as_str(), |index| map.stages[index].title.as_str());
        let _ = write!(text, "\n{} → {title}", format::count(*n));
    }
    if figures.left > 0 {
        let _ = write!(text, "\n{} left the map", format::count(figures.left));
    }
    if let Some(median) = figures.median_stay {
        let _ = write!(text, "\nstays {}", format::span(Some(median)));
    }
    let mut cell_color = None;
    if let Some(conversion) = figures.conversion {
        let _ = write!(text, "\n{} move on", format::percent(Some(conversion)));
        if let Some(target) = stage.targets.conversion {
            let behind = conversion < target;
            let _ = write!(text, " ({} {})", if behind { "below" } else { "target" }, format::percent(Some(target)));
            cell_color = Some(if behind { Color::Yellow } else { Color::Green });
        }
    }
    let cell = Cell::new(text);
    match cell_color {
        Some(color) => cell.fg(color),
        None => cell,
    }
}

fn communications(rulebook: &Rulebook, map: &JourneyMap, figures: &MapFigures, stage: Option<&str>) -> String {
    let here = |rule: &&Rule| place::stage_of(map, rule) == stage;
    let rules: Vec<String> = rulebook.rules_of(&map.id).filter(here).map(|rule| rule_lines(rule, figures)).collect();
    rules.join("\n")
}

/// How those fare who get no letters, in words.
pub fn held_out(f: &RuleFigures) -> String {
    let share = format::percent(f.held_out_conversion);
    format!(
        "{} held out, {} of them converted ({share})",
        format::count(f.held_out),
        format::count(f.held_out_converted)
    )
}

/// Who read the letters of a rule, in words.
pub fn read_in_words(f: &RuleFigures) -> String {
    let programs = [(f.opened_by_machine, "opens"), (f.clicked_by_machine, "clicks")];
    let programs = programs.into_iter().filter(|(n, _)| *n > 0);
    let programs = programs.map(|(n, word)| format!(" · {word} by programs: {}", format::count(n)));
    let people = format!("{} opened · {} clicked", format::count(f.opened), format::count(f.clicked));
    std::iter::once(people).chain(programs).collect()
}

/// What came of what a rule asks of others, in words.
pub fn errands_in_words(f: &ErrandFigures) -> String {
    let under_way = f.asked - f.done - f.failed;
    let rest = [(f.failed, "failed"), (under_way, "under way"), (f.withheld, "withheld")];
    let rest = rest.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!(" · {} {word}", format::count(n)));
    std::iter::once(format!("{} done", format::count(f.done))).chain(rest).collect()
}

fn rule_lines(rule: &Rule, figures: &MapFigures) -> String {
    let Some(f) = figures.rule(&rule.id) else { return rule.id.clone() };
    let mut text = format!("{}\n· {} enrolled\n· {} sent", rule.id, format::count(f.enrolled), format::count(f.sent));
    if f.is_read() {
        let _ = write!(text, "\n· {}", read_in_words(f));
    }
    for (reason, n) in &f.withheld {
        let _ = write!(text, "\n· {} withheld: {}", format::count(*n), format::words(reason));
    }
    for (limit, n) in &f.held {
        let _ = write!(text, "\n· {} held: {}", format::count(*n), format::words(limit));
    }
    for (what, errands) in [("webhooks", &f.webhooks), ("CRM changes", &f.crm)] {
        if *errands != ErrandFigures::default() {
            let _ = write!(text, "\n· {what}: {}", errands_in_words(errands));
        }
    }
    for (reason, n) in &f.bounced {
        let _ = write!(text, "\n· {} bounced: {}", format::count(*n), format::words(reason));
    }
    if f.complained > 0 {
        let _ = write!(text, "\n· {} called spam", format::count(f.complained));
    }
    if f.troubled() > 0 {
        let _ = write!(text, "\n· {} refused, in doubt or failed", format::count(f.troubled()));
    }
    if rule.goal.is_some() {
        let _ = write!(text, "\n· {} converted", format::count(f.converted));
    }
    if !f.value.is_empty() {
        let _ = write!(text, ", worth {}", format::money(&f.value));
    }
    if f.held_out > 0 {
        let _ = write!(text, "\n· {}", held_out(f));
    }
    text
}
