//! All sound templates in one Tera. What only shows when templates meet (blocks, components, circles) is reported here.

use std::collections::BTreeMap;
use std::ops::Range;

use tera::{ErrorKind, Tera};

use super::body::Flat;
use crate::rulebook::diagnostic::Diagnostic;
use crate::rulebook::source::Source;

/// One template: a whole file, a part of one, or what was made of one.
#[derive(Clone, Debug)]
pub(super) struct Part<'t> {
    /// Its name in Tera.
    pub(super) name: String,
    pub(super) source: &'t Source,
    /// Where it stands in the file.
    pub(super) place: Range<usize>,
    /// What was made of it, for the HTML of letters.
    pub(super) made: Option<Flat<'t>>,
}

impl Part<'_> {
    pub(super) fn text(&self) -> &str {
        self.source.text.get(self.place.clone()).unwrap_or_default()
    }

    /// The text after something that prints nothing and holds as many lines as the file has before the part, so that what
    /// fails while a letter is made out is told by the lines of the file.
    fn in_its_place(&self) -> String {
        match &self.made {
            Some(flat) => flat.text.clone(),
            None => format!("{}{}", self.lead(), self.text()),
        }
    }

    fn lead(&self) -> String {
        let before = self.source.text.get(..self.place.start).unwrap_or_default();
        let lines = before.matches('\n').count();
        // What extends another must begin with it; what stands in the first line needs nothing.
        let tag = self.text().trim_start().strip_prefix("{%").unwrap_or_default();
        if lines == 0 || tag.trim_start_matches('-').trim_start().starts_with("extends") {
            return String::new();
        }
        format!("{{#{}#}}", "\n".repeat(lines))
    }

    /// A fault at the row and column that Tera told.
    fn fault(&self, row: usize, column: usize, message: String) -> Diagnostic {
        let lead = self.lead();
        let (source, at) = if let Some(flat) = &self.made {
            let origin = flat.origin(place_of(&flat.text, row, column));
            origin.map_or((self.source, 0), |origin| (origin.source, origin.at))
        } else {
            let at = place_of(&format!("{lead}{}", self.text()), row, column);
            (self.source, self.place.start + at.saturating_sub(lead.len()))
        };
        source.error("template", &(at..at + 1), message)
    }
}

/// Adds the parts to a Tera. When they do not fit together the faults are reported, and the Tera is not to be used.
pub(super) fn assemble(tera: &mut Tera, parts: &[Part<'_>], faults: &mut Vec<Diagnostic>) {
    let texts: Vec<(&str, String)> = parts.iter().map(|part| (part.name.as_str(), part.in_its_place())).collect();
    let Err(error) = tera.add_raw_templates(texts) else { return };
    let by_name: BTreeMap<&str, &Part<'_>> = parts.iter().map(|part| (part.name.as_str(), part)).collect();
    match error.kind() {
        ErrorKind::CircularExtend { tpl, .. } | ErrorKind::CircularInclude { tpl, .. } => {
            if let Some(part) = by_name.get(tpl.as_str()) {
                let fault = part.source.error("template-circle", &(0..0), "this template comes to itself again");
                faults.push(fault.help("look at what it extends and includes"));
            }
        }
        ErrorKind::Msg(report) => {
            let before = faults.len();
            told(report, &by_name, faults);
            if faults.len() == before {
                unplaced(report, parts, faults);
            }
        }
        other => unplaced(&other.to_string(), parts, faults),
    }
}

/// Tera tells several faults in one text: `error: …`, then a line `--> template:line:column`.
fn told(report: &str, parts: &BTreeMap<&str, &Part<'_>>, faults: &mut Vec<Diagnostic>) {
    let mut lines = report.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(message) = line.strip_prefix("error: ") else { continue };
        let Some((_, locus)) = lines.peek().and_then(|line| line.split_once("--> ")) else { continue };
        let mut locus = locus.rsplitn(3, ':');
        let column: Option<usize> = locus.next().and_then(|column| column.parse().ok());
        let row: Option<usize> = locus.next().and_then(|row| row.parse().ok());
        let (Some(column), Some(row), Some(part)) = (column, row, locus.next().and_then(|name| parts.get(name))) else {
            continue;
        };
        faults.push(part.fault(row, column, message.to_owned()));
    }
}

fn place_of(text: &str, row: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(row.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

fn unplaced(message: &str, parts: &[Part<'_>], faults: &mut Vec<Diagnostic>) {
    let blamed = parts.iter().find(|part| message.contains(&part.name)).or(parts.first());
    if let Some(part) = blamed {
        let line = message.lines().next().unwrap_or("the templates do not fit together");
        faults.push(part.source.error("template", &(0..0), line.to_owned()));
    }
}
