//! Comments to what they stand beside or above, so that they go where it goes.
//!
//! A comment at the end of a line belongs to what that line ends or opens. A comment on a line of its own belongs to what comes
//! next, unless it is indented deeper than that: then it ends the block that it is indented like.

use std::ops::Range;

use super::tree::{Comment, Group, Item, Line, Value};

/// Gives every comment its place in the tree.
pub(super) fn attach(root: &mut Item, comments: Vec<Comment>, text: &str) {
    let text = Text(text);
    blanks(root, &text);
    for comment in comments {
        if text.own_line(comment.start) {
            let line = Line { blank: text.blank_before(comment.start), text: comment.text };
            own_line(root, line, comment.start, text.column(comment.start));
        } else {
            beside(root, comment, &text);
        }
    }
}

struct Text<'a>(&'a str);

impl Text<'_> {
    fn line_start(&self, at: usize) -> usize {
        self.0.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
    }

    fn column(&self, at: usize) -> usize {
        self.0.get(self.line_start(at)..at).map_or(0, |before| before.chars().count())
    }

    /// Whether nothing stands before it on its line but marks of lists.
    fn leads(&self, at: usize) -> bool {
        self.0.get(self.line_start(at)..at).is_some_and(|before| before.chars().all(|c| c == ' ' || c == '-'))
    }

    fn own_line(&self, at: usize) -> bool {
        self.0.get(self.line_start(at)..at).is_some_and(|before| before.trim().is_empty())
    }

    /// Whether its line comes after an empty one.
    fn blank_before(&self, at: usize) -> bool {
        let start = self.line_start(at);
        let Some(before) = self.0.get(..start.saturating_sub(1)).filter(|_| start > 0) else { return false };
        self.leads_or_comment(at) && before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
    }

    fn leads_or_comment(&self, at: usize) -> bool {
        self.leads(at) || self.own_line(at)
    }

    fn same_line(&self, a: usize, b: usize) -> bool {
        self.0.get(a.min(b)..a.max(b)).is_some_and(|between| !between.contains('\n'))
    }
}

/// Notes the empty lines before items.
fn blanks(item: &mut Item, text: &Text<'_>) {
    for child in item.value.items_mut().into_iter().flat_map(|items| &mut items.items) {
        child.blank = text.blank_before(child.start());
        blanks(child, text);
    }
}

/// Where a comment goes: the way down by places among items, then above the last or to the end of its items.
enum Goal {
    Above(Vec<usize>),
    End(Vec<usize>),
}

fn own_line(root: &mut Item, line: Line, at: usize, column: usize) {
    match goal(root, at, column) {
        Goal::Above(way) => at_way(root, &way, |item| item.above.push(line)),
        Goal::End(way) => at_way(root, &way, |item| end(item, line)),
    }
}

/// Puts a comment to the end of what an item holds; above it, where it holds nothing that goes over lines.
fn end(item: &mut Item, line: Line) {
    match item.value.items_mut() {
        Some(items) if !items.items.is_empty() => items.end.push(line),
        _ => item.above.push(line),
    }
}

fn goal(root: &Item, at: usize, column: usize) -> Goal {
    let next = next_after(root, at);
    if next.as_ref().is_some_and(Vec::is_empty) {
        return Goal::Above(Vec::new());
    }
    let inside = |place: &Range<usize>| place.start < at && at < place.end;
    // Inside brackets indentation says nothing.
    let open = open_at(root, at);
    if let Some(flow) = open.iter().rev().find(|way| items_at(root, way).is_some_and(|i| i.flow && inside(&i.place))) {
        return match next {
            Some(next) if next.len() > flow.len() && next.starts_with(flow) => Goal::Above(next),
            _ => Goal::End(flow.clone()),
        };
    }
    let of = |way: &[usize]| items_at(root, way).map_or(0, |items| items.column);
    let next_column = next.as_ref().and_then(|next| next.split_last()).map(|(_, parent)| of(parent));
    if let Some(next) = next.filter(|_| next_column.is_some_and(|next| column <= next)) {
        return Goal::Above(next);
    }
    let deeper = |way: &&Vec<usize>| {
        let Some(items) = items_at(root, way) else { return false };
        !items.flow && items.column <= column && next_column.is_none_or(|next| items.column > next)
    };
    match (open.iter().rev().find(deeper), next_after(root, at)) {
        (Some(way), _) => Goal::End(way.clone()),
        (None, Some(next)) => Goal::Above(next),
        (None, None) => Goal::End(Vec::new()),
    }
}

/// The way to the first item, in the order of the file, that begins after a place; the outermost of those that begin together.
fn next_after(item: &Item, at: usize) -> Option<Vec<usize>> {
    if item.start() > at {
        return Some(Vec::new());
    }
    let items = item.value.items()?;
    items.items.iter().enumerate().find_map(|(place, child)| {
        let mut way = next_after(child, at)?;
        way.insert(0, place);
        Some(way)
    })
}

/// The ways to the lists and mappings that the last item before a place stands in, outermost first.
fn open_at(item: &Item, at: usize) -> Vec<Vec<usize>> {
    let Some(items) = item.value.items().filter(|items| items.place.start < at) else { return Vec::new() };
    let mut ways = vec![Vec::new()];
    if let Some((place, child)) = items.items.iter().enumerate().rfind(|(_, child)| child.start() < at) {
        ways.extend(open_at(child, at).into_iter().map(|mut way| {
            way.insert(0, place);
            way
        }));
    }
    ways
}

fn items_at<'a>(root: &'a Item, way: &[usize]) -> Option<&'a Group> {
    let mut item = root;
    for place in way {
        item = item.value.items()?.items.get(*place)?;
    }
    item.value.items()
}

fn at_way(item: &mut Item, way: &[usize], act: impl FnOnce(&mut Item)) {
    let mut at = item;
    for place in way {
        match at.value.items_mut().and_then(|items| items.items.get_mut(*place)) {
            Some(child) => at = child,
            // Ways are found in the same tree.
            None => return,
        }
    }
    act(at);
}

/// A comment at the end of a line: it goes to what ends last on that line before it, or opens there.
fn beside(root: &mut Item, comment: Comment, text: &Text<'_>) {
    let mut best: Option<(usize, Vec<usize>)> = None;
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new()];
    while let Some(way) = waiting.pop() {
        let item = item_at(root, &way);
        for at in
            ends(item).into_iter().flatten().filter(|at| *at <= comment.start && text.same_line(*at, comment.start))
        {
            if best.as_ref().is_none_or(|(known, _)| at > *known) {
                best = Some((at, way.clone()));
            }
        }
        for place in 0..item.value.items().map_or(0, |items| items.items.len()) {
            waiting.push(way.iter().copied().chain([place]).collect());
        }
    }
    let column = text.column(comment.start);
    let line = Line { text: comment.text.clone(), blank: false };
    let Some((_, way)) = best else { return own_line(root, line, comment.start, column) };
    at_way(root, &way, |item| match &item.beside {
        None => item.beside = Some((comment.text, column)),
        Some(_) => end(item, line),
    });
}

fn item_at<'a>(root: &'a Item, way: &[usize]) -> &'a Item {
    let mut item = root;
    for place in way {
        match item.value.items().and_then(|items| items.items.get(*place)) {
            Some(child) => item = child,
            None => break,
        }
    }
    item
}

/// The places at which a comment would be beside an item: behind its key, and behind its value where that is of one line.
fn ends(item: &Item) -> [Option<usize>; 2] {
    let value = match &item.value {
        Value::Scalar(scalar) if scalar.is_block() => Some(scalar.place.start),
        Value::Scalar(scalar) => Some(scalar.place.end),
        Value::Alias(_, place) => Some(place.end),
        Value::List(items) | Value::Map(items) => items.flow.then_some(items.place.end),
    };
    [item.key.as_ref().map(|key| key.place.end), value]
}
