//! The maps that a shop can begin with, as files inside the program.
//!
//! The first is the repository's own `rules/`, so what ships and what `init` writes are one. Every starter loads without a
//! fault: a test sees to it.

mod files;

/// One starter: the files of a `rules/` folder.
#[derive(Clone, Copy, Debug)]
pub struct Starter {
    /// The name that `init --map` takes.
    pub name: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// Path inside `rules/` and text of each file.
    pub files: &'static [(&'static str, &'static str)],
}

const STARTERS: [Starter; 4] = [
    Starter {
        name: "pet-shop",
        title: "A shop: awareness, search, alternatives, purchase, experience (automatic pet feeders)",
        files: files::PET_SHOP,
    },
    Starter {
        name: "growth",
        title: "Any business: awareness, consideration, purchase, retention, advocacy",
        files: files::GROWTH,
    },
    Starter { name: "b2b", title: "Sales to companies: problem, solutions, requirements, choice", files: files::B2B },
    Starter {
        name: "subscription",
        title: "A subscription: looking, first month, habit, slipping away",
        files: files::SUBSCRIPTION,
    },
];

/// All starters, the default first.
pub fn starters() -> &'static [Starter] {
    &STARTERS
}
