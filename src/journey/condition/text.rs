//! Where in a condition's text a piece of its syntax tree stands.

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{EntryExpr, Expr, SourceInfo};

/// The byte range of a subtree, widened to close its brackets.
pub(super) fn range(expression: &IdedExpr, info: &SourceInfo) -> (usize, usize) {
    let mut low = usize::MAX;
    let mut high = 0;
    visit(expression, &mut |node| {
        if let Some((start, stop)) = info.offset_for(node.id) {
            low = low.min(start as usize);
            high = high.max(stop as usize);
        }
    });
    // The parser gives the last byte of a token, and for a call or selection that of its operator.
    let source = &info.source;
    let low = start_of_call(source, floor(source, low.min(source.len())));
    let high = ceil(source, high.saturating_add(1).max(low).min(source.len()));
    close_brackets(source, low, end_of_word(source, high))
}

/// The text of a subtree.
pub(super) fn slice(expression: &IdedExpr, info: &SourceInfo) -> String {
    let (start, end) = range(expression, info);
    info.source.get(start..end).unwrap_or_default().trim().to_owned()
}

/// The byte offset of a line and column (both from 1), as the parser's errors give them.
pub(super) fn offset_of(source: &str, line: isize, column: isize) -> usize {
    let line = usize::try_from(line.max(1)).unwrap_or(1);
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    floor(source, (start + usize::try_from(column.max(1) - 1).unwrap_or(0)).min(source.len()))
}

/// Calls `f` for a node and all below it.
pub(super) fn visit<'a>(expression: &'a IdedExpr, f: &mut impl FnMut(&'a IdedExpr)) {
    let mut waiting = vec![expression];
    while let Some(node) = waiting.pop() {
        f(node);
        let known = waiting.len();
        children(node, &mut |child| waiting.push(child));
        waiting[known..].reverse();
    }
}

/// How deep a tree is. A chain of one `&&` or `||` counts once: it is taken apart, not descended into.
pub(super) fn depth(expression: &IdedExpr) -> usize {
    let mut deepest = 0;
    let mut waiting = vec![(expression, 1)];
    while let Some((node, depth)) = waiting.pop() {
        deepest = deepest.max(depth);
        let join = join(node);
        children(node, &mut |child| {
            let same = join.is_some() && self::join(child) == join;
            waiting.push((child, depth + usize::from(!same)));
        });
    }
    deepest
}

fn join(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Call(call) => {
            Some(call.func_name.as_str()).filter(|name| matches!(*name, op::LOGICAL_AND | op::LOGICAL_OR))
        }
        _ => None,
    }
}

fn children<'a>(node: &'a IdedExpr, f: &mut impl FnMut(&'a IdedExpr)) {
    match &node.expr {
        Expr::Call(call) => {
            if let Some(target) = &call.target {
                f(target);
            }
            call.args.iter().for_each(f);
        }
        Expr::Select(select) => f(&select.operand),
        Expr::List(list) => list.elements.iter().for_each(f),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    f(&entry.key);
                    f(&entry.value);
                }
            }
        }
        Expr::Comprehension(c) => {
            for part in [&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result] {
                f(part);
            }
        }
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

/// A call's range begins at its bracket; the function's name before it belongs to it.
fn start_of_call(source: &str, from: usize) -> usize {
    if !source[from..].starts_with('(') {
        return from;
    }
    source[..from].trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len()
}

fn end_of_word(source: &str, from: usize) -> usize {
    let rest = &source[from..];
    from + rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
}

fn close_brackets(source: &str, start: usize, mut end: usize) -> (usize, usize) {
    let mut open: i32 = 0;
    let mut quote: Option<char> = None;
    for (at, c) in source[start..].char_indices() {
        let at = start + at;
        if at >= end && open <= 0 && quote.is_none() {
            break;
        }
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[') => open += 1,
            (None, ')' | ']') => {
                open -= 1;
                if open < 0 {
                    break;
                }
            }
            _ => {}
        }
        end = end.max(at + c.len_utf8());
    }
    (start, end.min(source.len()))
}

fn floor(source: &str, mut at: usize) -> usize {
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(source: &str, mut at: usize) -> usize {
    while !source.is_char_boundary(at) {
        at += 1;
    }
    at
}
