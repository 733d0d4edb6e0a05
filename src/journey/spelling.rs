//! The nearest spelling of a name among those that exist. The one way in which a slip of the keys is told, everywhere.

/// Longest name that is compared, in bytes: the comparison takes memory by the product of both lengths.
const MAX_NAME: usize = 128;

/// The name that was probably meant; `None` when nothing is close.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME {
        return None;
    }
    // A third of the letters may be wrong: `stge` finds `stage`, `x` finds nothing.
    let limit = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_NAME)
        .map(|candidate| (strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Help for an unknown name: the nearest spelling, else everything that exists.
pub fn suggest(name: &str, known: &[&str], what: &str) -> String {
    match nearest(name, known.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => format!("there are no {what}"),
        None => {
            let mut shown: Vec<String> = known.iter().take(24).map(|name| format!("`{name}`")).collect();
            if known.len() > shown.len() {
                shown.push("…".into());
            }
            format!("{what}: {}", shown.join(", "))
        }
    }
}
