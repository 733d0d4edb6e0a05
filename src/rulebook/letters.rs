//! Letters: subject, preheader, text and HTML of each, by map, name and locale, rendered by Tera.
//!
//! Invariants: a letter that loaded has a subject, and a text or HTML, in its default locale; every built-in name that the
//! check lets through exists when a letter is rendered, as `null` when nothing is known of it; HTML and MJML are escaped and
//! nothing else; a subject is one line whatever the data holds; MJML, layouts and style sheets are dealt with when the rulebook
//! loads, so that a letter only has to be filled.
//!
//! Not here: who gets a letter (`journey`), headers, links and MIME (`mail`).

mod addresses;
mod assemble;
mod body;
mod build;
mod calls;
mod file;
mod files;
mod filters;
mod links;
mod names;
mod places;
mod plain;
mod scan;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tera::{Context, ErrorKind, Tera};

pub use addresses::Address;
pub(super) use build::build;
pub(super) use file::head;
pub use files::{Enclosed, MAX_ENCLOSED, content_id, kind};
pub(super) use links::LetterFacts;

/// The letters of a rulebook.
#[derive(Clone, Debug, Default)]
pub struct Letters {
    tera: Tera,
    by_map: BTreeMap<String, BTreeMap<String, Variants>>,
    /// Every built-in name with `null` under it.
    blank: Map<String, Value>,
    /// For the HTML of letters, where its tags stand in the files.
    places: BTreeMap<String, places::Places>,
    /// The shop's locale.
    locale: String,
    /// From where files are fetched, as far as that is the same for everyone.
    addresses: Vec<Address>,
}

/// One letter by locale; the file without a locale is under the empty key.
type Variants = BTreeMap<String, Variant>;

/// One letter in one locale: names of Tera templates.
#[derive(Clone, Debug, Default)]
struct Variant {
    subject: Option<String>,
    preheader: Option<String>,
    /// Without one, the text is made from the HTML.
    text: Option<String>,
    html: Option<String>,
    /// What goes along.
    enclosed: Vec<Enclosed>,
    /// Addresses of what goes along, too.
    linked: Vec<String>,
    /// Whether pictures of the HTML are fetched.
    shows_fetched: bool,
    /// The first parts of the names that it reads, layouts included.
    reads: BTreeSet<String>,
}

/// A letter made out for one customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The locale of the files used; the shop's for files that name none.
    pub locale: String,
    /// One line.
    pub subject: String,
    /// The line that mailboxes show beside the subject.
    pub preheader: Option<String>,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: Option<String>,
    /// Pictures of the HTML and files attached.
    pub enclosed: Vec<Enclosed>,
    /// Addresses of files that are yet to be fetched and attached. Those of pictures stand in the HTML, behind `cid:`.
    pub linked: Vec<String>,
}

/// Why a letter could not be made out.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The map has no such letter.
    #[error("there is no letter `{letter}` on the map `{map}`")]
    NoLetter {
        /// Map.
        map: String,
        /// Letter.
        letter: String,
    },
    /// What the letter may read is not an object.
    #[error("the context of the letter `{letter}` is not an object")]
    BadContext {
        /// Letter.
        letter: String,
    },
    /// A template of HTML failed on this customer's data.
    #[error("{file}:{line}:{column}: {reason}")]
    Html {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Why.
        reason: String,
    },
    /// A template of text failed on this customer's data.
    #[error("the template `{template}` failed")]
    Template {
        /// Which part: a path, for the lines before the text with `#subject` or `#preheader`.
        template: String,
        /// Why.
        source: Box<tera::Error>,
    },
    /// The subject came out empty.
    #[error("the subject of the letter `{letter}` came out empty")]
    EmptySubject {
        /// Letter.
        letter: String,
    },
}

impl Letters {
    /// Whether a map has a letter.
    pub fn has(&self, map: &str, letter: &str) -> bool {
        self.by_map.get(map).is_some_and(|letters| letters.contains_key(letter))
    }

    /// Every letter: its map and its name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_map.iter().flat_map(|(map, letters)| letters.keys().map(move |letter| (map.as_str(), letter.as_str())))
    }

    /// Every built-in name that a letter may read, by root, with `null` (or an empty list) under it.
    pub(super) fn blank(&self) -> &Map<String, Value> {
        &self.blank
    }

    /// The locales a letter is written in; the empty one is the file without a locale.
    pub fn locales(&self, map: &str, letter: &str) -> Vec<&str> {
        let variants = self.by_map.get(map).and_then(|letters| letters.get(letter));
        variants.map(|variants| variants.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// From where letters have files fetched, as far as that is the same for everyone.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The file of a letter's HTML, else of its text, in a locale.
    pub fn file(&self, map: &str, letter: &str, locale: &str) -> Option<&str> {
        let (_, variant) = self.variant(map, letter, locale)?;
        variant.html.as_deref().or(variant.text.as_deref())
    }

    /// Makes out a letter. The locale falls back from `ru-RU` to `ru`, then to the file without a locale, then to the
    /// shop's locale.
    pub fn render(
        &self,
        map: &str,
        letter: &str,
        locale: &str,
        context: Map<String, Value>,
    ) -> Result<Rendered, RenderError> {
        let missing = || RenderError::NoLetter { map: map.to_owned(), letter: letter.to_owned() };
        let (found, variant) = self.variant(map, letter, locale).ok_or_else(missing)?;
        let locale = if found.is_empty() { self.locale.clone() } else { found.to_owned() };
        let bad_context = || RenderError::BadContext { letter: letter.to_owned() };
        let mut filled = self.fill(context, &variant.reads);
        filled.insert("locale".into(), Value::String(locale.clone()));
        let mut context = Context::from_serialize(&filled).map_err(|_| bad_context())?;
        let subject = variant.subject.as_deref().map(|name| self.part(name, &context)).transpose()?;
        let subject = one_line(&subject.unwrap_or_default());
        if subject.is_empty() {
            return Err(RenderError::EmptySubject { letter: letter.to_owned() });
        }
        let preheader = match &variant.preheader {
            Some(name) => Some(one_line(&self.part(name, &context)?)).filter(|line| !line.is_empty()),
            None => None,
        };
        context.insert("subject", &subject);
        context.insert("preheader", &preheader);
        let html = variant.html.as_deref().map(|name| self.html(name, &context)).transpose()?;
        let text = match (&variant.text, &html) {
            (Some(name), _) => self.part(name, &context)?,
            (None, html) => plain::text(html.as_deref().unwrap_or_default()),
        };
        let mut linked = Vec::with_capacity(variant.linked.len());
        for name in &variant.linked {
            let address = one_line(&self.part(name, &context)?);
            // Nothing stands for none; the same twice is one file.
            if !address.is_empty() && !linked.contains(&address) {
                linked.push(address);
            }
        }
        Ok(Rendered { locale, subject, preheader, text, html, enclosed: variant.enclosed.clone(), linked })
    }

    fn part(&self, template: &str, context: &Context) -> Result<String, RenderError> {
        self.tera
            .render(template, context)
            .map_err(|source| RenderError::Template { template: template.to_owned(), source: Box::new(source) })
    }

    fn html(&self, template: &str, context: &Context) -> Result<String, RenderError> {
        self.tera.render(template, context).map_err(|error| {
            let ErrorKind::RenderingError(report) = error.kind() else {
                return RenderError::Template { template: template.to_owned(), source: Box::new(error) };
            };
            let span = report.span();
            let own = (report.filename().to_owned(), span.start_line, span.start_col + 1);
            // What was made when the rulebook loaded has no lines that anybody knows.
            let made = self.places.get(report.filename()).and_then(|places| places.at(span.range.start));
            let (file, line, column) = made.unwrap_or(own);
            RenderError::Html { file, line, column, reason: report.message().to_owned() }
        })
    }

    /// Whether files are fetched for a letter, in the variant that a locale gets.
    pub fn fetches(&self, map: &str, letter: &str, locale: &str) -> bool {
        self.variant(map, letter, locale)
            .is_some_and(|(_, variant)| variant.shows_fetched || !variant.linked.is_empty())
    }

    /// Whether a letter, in the variant that a locale gets, reads anything under a root of names.
    pub fn reads(&self, map: &str, letter: &str, locale: &str, root: &str) -> bool {
        self.variant(map, letter, locale).is_some_and(|(_, variant)| variant.reads.contains(root))
    }

    fn variant(&self, map: &str, letter: &str, locale: &str) -> Option<(&str, &Variant)> {
        self.choose(self.by_map.get(map)?.get(letter)?, locale)
    }

    fn choose<'a>(&self, variants: &'a Variants, locale: &str) -> Option<(&'a str, &'a Variant)> {
        let wanted = file::normal_locale(locale);
        let language = |locale: &str| locale.split('-').next().unwrap_or_default().to_owned();
        let shop = file::normal_locale(&self.locale);
        [wanted.clone(), language(&wanted), String::new(), shop.clone(), language(&shop)]
            .iter()
            .find_map(|key| variants.get_key_value(key.as_str()))
            .or_else(|| variants.iter().next())
            .map(|(key, variant)| (key.as_str(), variant))
    }

    /// What a letter reads of the context, with `null` for every built-in name that the context lacks.
    fn fill(&self, mut context: Map<String, Value>, reads: &BTreeSet<String>) -> Map<String, Value> {
        let mut filled = Map::new();
        for root in reads {
            let value = match (self.blank.get(root), context.remove(root)) {
                (Some(Value::Object(blank)), Some(Value::Object(mut given))) => {
                    for (name, value) in blank {
                        if !given.contains_key(name) {
                            given.insert(name.clone(), value.clone());
                        }
                    }
                    Value::Object(given)
                }
                // Nothing is known of the whole root: its names stay there, empty.
                (Some(blank @ Value::Object(_)), None | Some(Value::Null)) | (Some(blank), None) => blank.clone(),
                (_, Some(given)) => given,
                (None, None) => continue,
            };
            filled.insert(root.clone(), value);
        }
        names::complete(&mut filled);
        filled
    }
}

/// Text as one line: what ends lines or steers a terminal becomes a space.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}
