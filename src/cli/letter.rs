//! Which letter `render` and `send-test` mean, and for whom.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::context::{Context, load_book, open_store};
use super::{customer, known, out};
use crate::mail::attachments::Lacking;
use crate::mail::preview::Whom;
use crate::mail::{Composer, LinkSigner, Preview};
use crate::rulebook::{self, Book, Fixture};
use crate::settings::load::Loaded;

/// Which letter, and for whom.
#[derive(Debug, Args)]
pub struct LetterArgs {
    /// The letter's name, as in `send: NAME`.
    letter: String,
    /// Its map, where several have a letter of this name.
    #[arg(long)]
    map: Option<String>,
    /// As this customer would get it: an id, an e-mail address, a phone number, `external=ID` or `CONNECTION=ID`.
    #[arg(long, conflicts_with = "fixture")]
    customer: Option<String>,
    /// As somebody whom this YAML file makes up would get it.
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
    /// In this locale, whatever the customer's is.
    #[arg(long)]
    locale: Option<String>,
}

/// What both commands work on.
pub(super) struct Desk {
    pub loaded: Loaded,
    pub book: Book,
    pub composer: Composer,
}

impl Desk {
    /// Reads settings and rulebook. The composer's links unsubscribe nobody.
    pub fn open(context: &Context) -> anyhow::Result<Self> {
        let loaded = context.load()?;
        let book = load_book(&loaded.rules_dir(), loaded.shop())?;
        let settings = &loaded.settings;
        let url = settings.server.public_url();
        let composer = Composer::new(&settings.mail, &url, &settings.shop, LinkSigner::of_previews())?;
        Ok(Self { loaded, book, composer })
    }

    /// The letter that is asked for. The database is opened only where a customer of it is named.
    pub async fn preview(&self, args: LetterArgs, context: &Context) -> anyhow::Result<Preview<'_>> {
        let letter = self.letter(&args.letter, args.map.as_deref())?;
        let whom = match (&args.customer, &args.fixture) {
            (Some(named), _) => {
                let store = open_store(&self.loaded).await?;
                Whom::Customer(Box::new(customer::find(&store, named).await?))
            }
            (None, Some(file)) => Whom::Fixture(self.fixture(file)?),
            (None, None) => Whom::Sample,
        };
        Ok(Preview::of(&self.book, &self.loaded.settings.shop, letter, whom, args.locale, context.clock.now()))
    }

    /// Map and name of a letter.
    fn letter(&self, name: &str, map: Option<&str>) -> anyhow::Result<(&str, &str)> {
        if let Some(map) = map {
            known::check("map", map, self.book.rulebook.maps.keys().map(String::as_str))?;
        }
        let of_map = || self.book.letters.all().filter(|(of, _)| map.is_none_or(|map| map == *of));
        known::check("letter", name, of_map().map(|(_, letter)| letter))?;
        let mut found = of_map().filter(|(_, letter)| *letter == name);
        let Some(first) = found.next() else { bail!("there is no letter `{name}`") };
        if let Some((other, _)) = found.next() {
            bail!("both `{}` and `{other}` have a letter `{name}`: say which with --map", first.0);
        }
        Ok(first)
    }

    fn fixture(&self, file: &Path) -> anyhow::Result<Fixture> {
        let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
        rulebook::read_fixture(file.to_owned(), &text, &self.book.letters).map_err(|faults| {
            out::note(rulebook::render(&faults, out::color()));
            anyhow::anyhow!("the fixture has faults")
        })
    }
}

/// Tells what could not be fetched for a letter that is looked at.
pub fn tell(lacking: &Lacking) {
    for missing in &lacking.attached {
        out::note(format_args!("warning: {missing}; in earnest the letter is not sent without it"));
    }
    for missing in &lacking.pictures {
        out::note(format_args!("warning: {missing}; the picture is shown from its address"));
    }
}
