//! What is different between the files of two rulebooks, as people read it: by map, rule, letter and pool, with the lines.

use serde::Serialize;

use super::Files;

/// Most lines of a file that are compared line by line.
const MOST_LINES: usize = 1_500;

/// One file that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its path.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub how: &'static str,
    /// The lines that are gone (`-`) and new (`+`), in the order of the files.
    pub lines: Vec<String>,
}

/// Every file that decides and is not the same, by path.
pub fn difference(before: &Files, now: &Files) -> Vec<Difference> {
    let mut paths: Vec<&String> = before.keys().chain(now.keys()).filter(|path| !path.contains("/tests/")).collect();
    paths.sort_unstable();
    paths.dedup();
    let one = |path: &String| {
        let (old, new) = (before.get(path), now.get(path));
        let (how, lines) = match (old, new) {
            (Some(old), Some(new)) if old == new => return None,
            (Some(old), Some(new)) => ("changed", lines(&text(old), &text(new))),
            (Some(_), None) => ("removed", Vec::new()),
            _ => ("added", Vec::new()),
        };
        Some(Difference { path: path.clone(), how, lines })
    };
    paths.into_iter().filter_map(one).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The lines that differ, by their longest common sequence.
fn lines(before: &str, now: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
    if old.len().max(new.len()) > MOST_LINES {
        return vec![format!("({} lines before, {} now)", old.len(), new.len())];
    }
    // How long the common sequence of the rest is, from each pair of lines on.
    let width = new.len() + 1;
    let mut common = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut told = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            told.push(format!("- {}", old[i]));
            i += 1;
        } else {
            told.push(format!("+ {}", new[j]));
            j += 1;
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_told_in_their_order() {
        for (before, now, expected) in [
            ("a\nb\nc", "a\nb\nc", &[][..]),
            ("a\nb\nc", "a\nx\nc", &["- b", "+ x"]),
            ("a\nb", "a\nb\nc", &["+ c"]),
            ("a\nb\nc", "b\nc", &["- a"]),
            ("", "a", &["+ a"]),
        ] {
            assert_eq!(lines(before, now), expected, "{before:?} {now:?}");
        }
    }
}
