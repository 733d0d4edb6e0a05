//! The tree as text: two spaces of indentation, brackets kept where what they hold fits on the line.

use super::scalar::{self, Written};
use super::tree::{Group, Item, Line, Value};

/// The longest line of brackets, and where long text is broken.
pub(super) const WIDTH: usize = 100;
const STEP: usize = 2;

/// Prints a whole file.
pub(super) fn print(root: &Item) -> String {
    let mut printer = Printer { out: String::new() };
    printer.lines(&root.above, 0, true);
    match &root.value {
        Value::List(items) | Value::Map(items) if root.anchor.is_none() && !fits(&root.value, 0) => {
            let beside = root.beside.iter().map(|(text, _)| Line { text: text.clone(), blank: false });
            printer.lines(&beside.collect::<Vec<_>>(), 0, false);
            let is_map = matches!(root.value, Value::Map(_));
            printer.items(items, is_map, 0, printer.out.is_empty(), false);
        }
        _ => printer.value(root, None, 0),
    }
    printer.out
}

struct Printer {
    out: String,
}

impl Printer {
    /// Comments on lines of their own. `first`: nothing of the block is printed yet, so no empty line may lead.
    fn lines(&mut self, lines: &[Line], indent: usize, first: bool) {
        for (n, line) in lines.iter().enumerate() {
            if line.blank && !(first && n == 0) {
                self.out.push('\n');
            }
            self.indent(indent);
            self.out.push_str(&line.text);
            self.out.push('\n');
        }
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    /// Group over lines. `lead`: the first stands behind a mark that is printed already.
    fn items(&mut self, items: &Group, is_map: bool, indent: usize, first: bool, lead: bool) {
        for (n, item) in items.items.iter().enumerate() {
            let leads = lead && n == 0;
            let begins = first && n == 0;
            if !leads {
                let hoisted = hoisted(item, indent + STEP);
                self.lines(&item.above, indent, begins);
                self.lines(&hoisted, indent, begins && item.above.is_empty());
                if item.blank && !(begins && item.above.is_empty() && hoisted.is_empty()) {
                    self.out.push('\n');
                }
                self.indent(indent);
            }
            match &item.key {
                Some(key) if is_map => {
                    self.out.push_str(&scalar::key(key));
                    self.out.push(':');
                    self.under_key(item, key.text.as_str(), indent);
                }
                _ => self.in_list(item, indent),
            }
        }
        self.lines(&items.end, indent, false);
    }

    fn under_key(&mut self, item: &Item, key: &str, indent: usize) {
        match &item.value {
            Value::List(items) | Value::Map(items) if !fits(&item.value, self.column() + 1 + named(item)) => {
                self.name(item);
                self.beside(item.beside.as_ref());
                self.out.push('\n');
                self.items(items, matches!(item.value, Value::Map(_)), indent + STEP, true, false);
            }
            _ => self.value(item, Some(key), indent),
        }
    }

    fn in_list(&mut self, item: &Item, indent: usize) {
        self.out.push('-');
        match &item.value {
            Value::List(items) | Value::Map(items) if !fits(&item.value, self.column() + 1 + named(item)) => {
                let is_map = matches!(item.value, Value::Map(_));
                if item.anchor.is_some() {
                    self.name(item);
                    self.beside(item.beside.as_ref());
                    self.out.push('\n');
                    self.items(items, is_map, indent + STEP, true, false);
                } else {
                    self.out.push(' ');
                    self.items(items, is_map, indent + STEP, true, true);
                }
            }
            _ => self.value(item, None, indent),
        }
    }

    fn name(&mut self, item: &Item) {
        if let Some(name) = &item.anchor {
            self.out.push_str(if self.column() == 0 { "&" } else { " &" });
            self.out.push_str(name);
        }
    }

    /// A value that stands on its line, or begins there.
    fn value(&mut self, item: &Item, key: Option<&str>, indent: usize) {
        self.name(item);
        let written = match &item.value {
            Value::Scalar(scalar) => scalar::value(scalar, key, indent + STEP),
            value => Written::Line(flow(value, key).unwrap_or_default()),
        };
        let beside = item.beside.as_ref();
        let space = if self.column() == 0 { "" } else { " " };
        match written {
            Written::Line(text) if text.is_empty() => self.beside(beside),
            Written::Line(text) => {
                self.out.push_str(space);
                self.out.push_str(&text);
                self.beside(beside);
            }
            Written::Block(mark, lines) => {
                self.out.push_str(space);
                self.out.push_str(mark);
                self.beside(beside);
                for line in lines {
                    self.out.push('\n');
                    if !line.is_empty() {
                        self.indent(indent + STEP);
                        self.out.push_str(&line);
                    }
                }
            }
        }
        self.out.push('\n');
    }

    /// A comment at the end of the line, at its column if there is room before it.
    fn beside(&mut self, comment: Option<&(String, usize)>) {
        let Some((text, column)) = comment else { return };
        let here = self.column();
        self.indent((here + 2).max(*column) - here);
        self.out.push_str(text);
    }

    fn column(&self) -> usize {
        self.out.rsplit('\n').next().unwrap_or_default().chars().count()
    }
}

/// Comments that must stand before the mark of a list's item: those above the first entry of what it holds, and the one beside
/// it, where what it holds goes over lines.
fn hoisted(item: &Item, mut column: usize) -> Vec<Line> {
    if item.key.is_some() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut at = item;
    // What has a name begins on a line of its own.
    while let Some(items) = at.value.items().filter(|_| at.anchor.is_none() && !fits(&at.value, column)) {
        lines.extend(at.beside.iter().map(|(text, _)| Line { text: text.clone(), blank: false }));
        let Some(first) = items.items.first() else { break };
        lines.extend(first.above.iter().cloned());
        if first.key.is_some() {
            break;
        }
        at = first;
        column += STEP;
    }
    lines
}

/// Whether a value can stand on its line from a column on: it was in brackets, holds no comment, and is short enough.
fn fits(value: &Value, column: usize) -> bool {
    let Some(items) = value.items() else { return true };
    if items.items.is_empty() {
        return true;
    }
    items.flow && !commented(items) && flow(value, None).is_some_and(|text| column + text.chars().count() <= WIDTH)
}

fn commented(items: &Group) -> bool {
    !items.end.is_empty()
        || items
            .items
            .iter()
            .any(|item| !item.above.is_empty() || item.beside.is_some() || item.value.items().is_some_and(commented))
}

/// How many columns the name of a value takes.
fn named(item: &Item) -> usize {
    item.anchor.as_ref().map_or(0, |name| name.chars().count() + 2)
}

/// A value in brackets, on one line; `None` where something in it needs lines of its own.
fn flow(value: &Value, key: Option<&str>) -> Option<String> {
    let inside = |item: &Item, key: Option<&str>| {
        let name = item.anchor.as_ref().map(|name| format!("&{name} ")).unwrap_or_default();
        Some(format!("{name}{}", flow(&item.value, key)?))
    };
    match value {
        Value::Scalar(scalar) if scalar.is_block() => None,
        Value::Scalar(scalar) => Some(scalar::line(scalar, key, true)),
        Value::Alias(name, _) => Some(name.clone()),
        Value::List(items) => {
            let parts = items.items.iter().map(|item| inside(item, None)).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", parts.join(", ")))
        }
        Value::Map(items) => {
            let parts = items.items.iter().map(|item| {
                let name = item.key.as_ref()?;
                Some(format!("{}: {}", scalar::key(name), inside(item, Some(&name.text))?))
            });
            Some(format!("{{{}}}", parts.collect::<Option<Vec<_>>>()?.join(", ")))
        }
    }
}
