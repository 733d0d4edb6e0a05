//! What came of the scenarios as JUnit XML, which every CI reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::report::{headline, lines};
use super::{Ran, Report};
use crate::rulebook::{Diagnostic, Severity, render};

/// The cases of a file.
#[derive(Default)]
struct Suite {
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
}

/// The whole report.
pub(super) fn text(report: &Report) -> String {
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    for ran in &report.scenarios {
        suites.entry(ran.place.file.display().to_string()).or_default().add(ran);
    }
    for fault in report.faults.iter().filter(|fault| fault.severity == Severity::Error) {
        suites.entry(fault.file.display().to_string()).or_default().add_fault(fault);
    }
    let total = suites.values().fold(Suite::default(), |total, suite| Suite {
        tests: total.tests + suite.tests,
        failures: total.failures + suite.failures,
        errors: total.errors + suite.errors,
        ..total
    });
    let mut out = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", total.head("testsuites", "milepost"));
    for (file, suite) in &suites {
        let _ = writeln!(out, "  {}{}  </testsuite>", suite.head("testsuite", file), suite.cases);
    }
    out.push_str("</testsuites>\n");
    out
}

impl Suite {
    fn head(&self, element: &str, name: &str) -> String {
        let Self { tests, failures, errors, .. } = self;
        let name = escaped(name);
        format!("<{element} name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">\n")
    }

    fn add(&mut self, ran: &Ran) {
        self.tests += 1;
        let (name, file) = (escaped(&ran.name), escaped(&ran.place.file.display().to_string()));
        let line = ran.place.line;
        let _ =
            write!(self.cases, "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\"");
        let Some(first) = ran.failures.first() else {
            self.cases.push_str("/>\n");
            return;
        };
        self.failures += 1;
        let details: Vec<String> =
            ran.failures.iter().flat_map(|failure| [vec![headline(failure)], lines(failure)].concat()).collect();
        let whole = format!("{}\n\nwhat happened:\n{}", details.join("\n"), ran.happened.join("\n"));
        let (what, whole) = (escaped(&first.what), escaped(&whole));
        let _ = write!(self.cases, ">\n      <failure message=\"{what}\">{whole}</failure>\n    </testcase>\n");
    }

    fn add_fault(&mut self, fault: &Diagnostic) {
        self.tests += 1;
        self.errors += 1;
        let file = escaped(&fault.file.display().to_string());
        let whole = escaped(&render(std::slice::from_ref(fault), false));
        let _ = write!(
            self.cases,
            "    <testcase name=\"line {}\" classname=\"{file}\">\n      <error message=\"{}\">{whole}</error>\n    </testcase>\n",
            fault.line,
            escaped(&fault.message)
        );
    }
}

/// Text in XML: what XML 1.0 cannot hold at all becomes a space.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
