//! Names that people type: one that means nothing is a slip of the keys, and is told instead of finding nothing.

use anyhow::bail;

use crate::journey::spelling::nearest;

/// Refuses a name that is not among the known ones, with the one that was probably meant.
pub(super) fn check<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
    let known: Vec<&str> = known.into_iter().collect();
    if known.contains(&name) {
        return Ok(());
    }
    match nearest(name, known.iter().copied()) {
        Some(near) => bail!("there is no {what} `{name}`: did you mean `{near}`?"),
        None if known.is_empty() => bail!("there is no {what} `{name}`"),
        None => bail!("there is no {what} `{name}`; there are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_meant_or_neither() {
        let told = |name| check("rule", name, ["welcome", "reminder"]).err().map(|error| error.to_string());
        assert_eq!(told("welcome"), None);
        assert_eq!(told("welcom").as_deref(), Some("there is no rule `welcom`: did you mean `welcome`?"));
        assert_eq!(told("x").as_deref(), Some("there is no rule `x`; there are: welcome, reminder"));
        assert_eq!(check("pool", "x", []).expect_err("no").to_string(), "there is no pool `x`");
    }
}
