//! From template files to letters: every fault of every file, then one Tera with what is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tera::{ErrorKind, Tera};

use super::addresses::{Address, address, is_address};
use super::assemble::{Part, assemble};
use super::body::{self, Outcome, Pictures};
use super::file::{FileName, Head, file_name, head};
use super::files::{Enclosed, MAX_ENCLOSED, Shelf};
use super::filters::{self, engine};
use super::links::{LetterFacts, Template, closure, event_taken_for_granted, roots};
use super::names;
use super::places::Places;
use super::scan::{Name, scan};
use super::{Letters, Variant};
use crate::journey::book::Shop;
use crate::journey::facts::Scope;
use crate::journey::spelling::{nearest, suggest};
use crate::rulebook::diagnostic::{Diagnostic, Severity};
use crate::rulebook::source::Source;
use crate::rulebook::tree::Tree;

/// Filters to suggest for a misspelt one.
const FILTERS: [&str; 21] = [
    "money",
    "date",
    "plural",
    "first_name",
    "urlencode",
    "default",
    "upper",
    "lower",
    "capitalize",
    "title",
    "trim",
    "replace",
    "truncate",
    "round",
    "length",
    "first",
    "last",
    "join",
    "safe",
    "escape",
    "newlines_to_br",
];

/// What the letters of each map read, by map and letter.
pub(in crate::rulebook) type Facts<'t> = BTreeMap<String, BTreeMap<String, LetterFacts<'t>>>;

/// Builds the letters of all maps.
pub(in crate::rulebook) fn build<'t>(
    tree: &'t Tree,
    scope: &Scope,
    shop: &Shop,
    faults: &mut Vec<Diagnostic>,
) -> (Letters, Facts<'t>) {
    let sources: Vec<&Source> = tree.shared.iter().chain(tree.maps.values().flat_map(|map| &map.templates)).collect();
    let templates: BTreeMap<String, Template<'_>> =
        sources.iter().map(|source| (name_of(source), Template { source, scan: scan(&source.text) })).collect();
    let shelf = Shelf(&tree.files);
    let mut builder = Builder { shop, shelf, probe: engine(shop), faults, bad: BTreeSet::new(), addresses: Vec::new() };
    builder.check_names(&templates, scope);
    let mut parts: Vec<Part<'_>> = Vec::new();
    for source in &tree.shared {
        parts.push(Part { name: name_of(source), source, place: 0..source.text.len(), made: None });
    }
    let mut letters = Letters { blank: names::blank(scope), locale: shop.locale.clone(), ..Letters::default() };
    let mut facts = Facts::new();
    let inherited: BTreeSet<String> =
        templates.values().flat_map(|template| template.scan.inherits.iter().cloned()).collect();
    for (map, files) in &tree.maps {
        for source in &files.templates {
            let Some(file) = builder.file_name(source) else { continue };
            let of_letter = facts.entry(map.clone()).or_default().entry(file.letter.clone()).or_default();
            let reads = roots(&name_of(source), &templates);
            let variants = letters.by_map.entry(map.clone()).or_default().entry(file.letter.clone()).or_default();
            let variant = variants.entry(file.locale.clone()).or_default();
            variant.reads.extend(reads.iter().cloned());
            // Which components a letter comes to is Tera's to know; what all of them look at is little.
            variant.reads.extend(inherited.iter().cloned());
            of_letter.files.push((source, reads));
            of_letter.event.extend(event_taken_for_granted(&name_of(source), &templates));
            parts.extend(builder.parts(source, &file, variant));
        }
        builder.check_variants(map, &files.templates, letters.by_map.get(map));
    }
    for part in &parts {
        builder.check_syntax(part);
    }
    builder.check_kinds(&templates);
    builder.check_components(&templates);
    parts.retain(|part| !closure(&name_of(part.source), &templates).into_iter().any(|file| builder.bad.contains(file)));
    // As they are written first: what does not fit together is told by the files.
    assemble(&mut engine(shop), &parts, builder.faults);
    let mut pictures = builder.make(&mut parts, &templates);
    let variants = letters.by_map.values_mut().flat_map(BTreeMap::values_mut).flat_map(BTreeMap::values_mut);
    for variant in variants {
        let shown = variant.html.as_ref().and_then(|html| pictures.remove(html));
        let (enclosed, fetched) = shown.unwrap_or_default();
        variant.enclosed.splice(0..0, enclosed);
        variant.shows_fetched = fetched;
    }
    builder.check_enclosed(&letters, tree);
    builder
        .addresses
        .sort_by(|a, b| (&a.told.file, a.told.line, a.told.column).cmp(&(&b.told.file, b.told.line, b.told.column)));
    builder.addresses.dedup();
    letters.addresses = std::mem::take(&mut builder.addresses);
    letters.tera = engine(shop);
    if !builder.faults.iter().any(|fault| fault.severity == Severity::Error) {
        assemble(&mut letters.tera, &parts, builder.faults);
    }
    letters.places =
        parts.iter().filter_map(|part| Some((part.name.clone(), Places::of(part.made.as_ref()?)))).collect();
    (letters, facts)
}

/// The name of a template in Tera and in `include`: the path, with `/` between its parts.
fn name_of(source: &Source) -> String {
    source.path.to_string_lossy().replace('\\', "/")
}

struct Builder<'a> {
    shop: &'a Shop,
    shelf: Shelf<'a>,
    probe: Tera,
    faults: &'a mut Vec<Diagnostic>,
    /// Files with a fault of their own; what leans on them is left out, so that it is not blamed.
    bad: BTreeSet<String>,
    /// From where letters have files fetched, as far as their files say.
    addresses: Vec<Address>,
}

impl Builder<'_> {
    fn check_names(&mut self, templates: &BTreeMap<String, Template<'_>>, scope: &Scope) {
        let all: Vec<&str> = templates.keys().map(String::as_str).collect();
        // A layout may read what the letters that use it set.
        let handed: BTreeSet<String> = templates
            .values()
            .flat_map(|template| template.scan.sets.iter().chain(&template.scan.loops))
            .cloned()
            .collect();
        let none = BTreeSet::new();
        for (name, template) in templates {
            let before = self.faults.len();
            let locals = if name.starts_with("shared/") { &handed } else { &none };
            names::check(&template.scan, scope, locals, template.source, self.faults);
            for (wanted, place) in &template.scan.templates {
                if !templates.contains_key(wanted) {
                    let fault =
                        template.source.error("unknown-template", place, format!("there is no template `{wanted}`"));
                    self.faults.push(fault.help(suggest(wanted, &all, "templates")));
                }
            }
            self.check_words(template);
            self.check_calls(template);
            if self.faults.iter().skip(before).any(|fault| fault.severity == Severity::Error) {
                self.bad.insert(name.clone());
            }
        }
    }

    /// Filters, tests and functions that Tera does not have. Tera is asked, so that there is no second list of them.
    fn check_words(&mut self, template: &Template<'_>) {
        let scan = &template.scan;
        let kinds: [(&str, &[Name], &str, &str); 3] = [
            ("filter", &scan.filters, "{{ 1 | ", " }}"),
            ("test", &scan.tests, "{{ 1 is ", " }}"),
            ("function", &scan.functions, "{{ ", "() }}"),
        ];
        for (what, found, before, after) in kinds {
            for (name, place) in found {
                let probe = format!("{before}{name}{after}");
                let Err(error) = self.probe.add_raw_template("probe", &probe) else { continue };
                if !matches!(error.kind(), ErrorKind::Msg(_)) {
                    continue;
                }
                let fault = template.source.error("unknown-filter", place, format!("there is no {what} `{name}`"));
                let meant = nearest(name, FILTERS).filter(|_| what == "filter");
                self.faults.push(fault.help_maybe(meant.map(|meant| format!("did you mean `{meant}`?"))));
            }
        }
    }

    /// What filters are told.
    fn check_calls(&mut self, template: &Template<'_>) {
        let source = template.source;
        // What several letters share is read in the language of each.
        let locale = is_letter(source).then(|| filters::locale_of(&source.path).unwrap_or(self.shop.locale.clone()));
        for call in &template.scan.calls {
            filters::check(call, locale.as_deref(), source, self.faults);
        }
        for ((filter, place), needed) in &template.scan.sealed {
            let (whose, none) =
                if *needed == "locale" { ("language", "\"\"") } else { ("customer's time zone", "null") };
            let message = format!("inside a component `{filter}` does not see the letter's {whose}");
            let help = format!("add `@{needed} = {none}` to the parameters of the component");
            self.faults.push(source.error("component-sees", place, message).warning().help(help));
        }
    }

    /// Components are known by their names alone, wherever they stand.
    fn check_components(&mut self, templates: &BTreeMap<String, Template<'_>>) {
        let mut known: BTreeMap<&str, &str> = BTreeMap::new();
        for (file, template) in templates {
            for (name, place) in &template.scan.components {
                let Some(first) = known.insert(name, file) else { continue };
                let message = format!("there is a component `{name}` already, in `{first}`");
                let help = "put what letters share into a file of `rules/shared/`, or give it another name";
                self.faults.push(template.source.error("component-twice", place, message).help(help));
                self.bad.insert(file.clone());
            }
        }
    }

    /// Lets Tera read one part of a file; only its syntax is judged here.
    fn check_syntax(&mut self, part: &Part<'_>) {
        let Err(error) = engine(self.shop).add_raw_template(&part.name, part.text()) else { return };
        let ErrorKind::SyntaxError(report) = error.kind() else { return };
        let range = &report.span().range;
        let at = part.place.start + range.start..part.place.start + range.end.max(range.start + 1);
        self.faults.push(part.source.error("template-syntax", &at, report.message().to_owned()));
        self.bad.insert(name_of(part.source));
    }

    /// A layout or part written in MJML belongs into MJML, a layout in HTML into HTML.
    fn check_kinds(&mut self, templates: &BTreeMap<String, Template<'_>>) {
        let is_mjml = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "mjml");
        for (name, template) in templates {
            for (wanted, place) in template.scan.templates.iter().filter(|(wanted, _)| templates.contains_key(wanted)) {
                let layout = template.scan.extended.as_deref() == Some(wanted.as_str());
                let fault = match (is_mjml(name), is_mjml(wanted)) {
                    (false, true) => format!("`{wanted}` is MJML, and this file is not"),
                    (true, false) if layout => format!("the layout `{wanted}` is not MJML, and this file is"),
                    _ => continue,
                };
                let fault = template.source.error("mjml-kind", place, fault);
                self.faults
                    .push(fault.help("give both files the same kind: `.mjml` with `.mjml`, `.html` with `.html`"));
                self.bad.insert(name.clone());
            }
        }
    }

    /// Makes the HTML of letters ready. Gives the pictures of each, and whether others are fetched.
    fn make<'t>(
        &mut self,
        parts: &mut [Part<'t>],
        templates: &BTreeMap<String, Template<'t>>,
    ) -> BTreeMap<String, (Vec<Enclosed>, bool)> {
        let mut found = Vec::new();
        let mut all_pictures = BTreeMap::new();
        for part in parts.iter_mut().filter(|part| is_markup(part.source) && is_letter(part.source)) {
            if !part.name.contains('#')
                && let Outcome::Ready(flat, pictures) =
                    body::make(part.source, part.place.clone(), templates, self.shelf, &mut found)
            {
                let Pictures { enclosed, fetched, addresses } = pictures;
                self.addresses.extend(addresses);
                all_pictures.insert(part.name.clone(), (enclosed, fetched));
                part.made = Some(flat);
            }
        }
        // What a layout has is found in every letter that extends it.
        for fault in found {
            let same = |known: &Diagnostic| {
                (known.code, &known.file, known.line, known.column)
                    == (fault.code, &fault.file, fault.line, fault.column)
            };
            if !self.faults.iter().any(same) {
                self.faults.push(fault);
            }
        }
        all_pictures
    }

    /// Letters with more than mailboxes take.
    fn check_enclosed(&mut self, letters: &Letters, tree: &Tree) {
        let variants = letters.by_map.iter().flat_map(|(map, letters)| letters.values().map(move |all| (map, all)));
        for (map, variant) in variants.flat_map(|(map, all)| all.values().map(move |variant| (map, variant))) {
            let octets: usize = variant.enclosed.iter().map(|file| file.bytes.len()).sum();
            let name = variant.text.as_ref().or(variant.html.as_ref());
            let mut sources = tree.maps.get(map).into_iter().flat_map(|map| &map.templates);
            if octets > MAX_ENCLOSED
                && let Some(source) = sources.find(|source| Some(&name_of(source)) == name)
            {
                let mb = |octets: usize| octets.div_ceil(1024 * 1024);
                let message = format!("{} MB go with this letter, more than {}", mb(octets), mb(MAX_ENCLOSED));
                let fault = source.error("attached-size", &(0..0), message);
                self.faults.push(fault.help("put the files on your site and link to them"));
            }
        }
    }

    /// What a line `Attach: …` of a letter's head names: a file of the rulebook, or an address, which is filled like a subject.
    fn attached<'t>(
        &mut self,
        source: &'t Source,
        place: &std::ops::Range<usize>,
        variant: &mut Variant,
    ) -> Option<Part<'t>> {
        let name = source.text.get(place.clone()).unwrap_or_default().trim();
        let path = name_of(source);
        if is_address(name) {
            let template = format!("{path}#attach{}", variant.linked.len());
            self.addresses.extend(address(name, source, place));
            variant.linked.push(template.clone());
            return Some(Part { name: template, source, place: place.clone(), made: None });
        }
        let map = path.split('/').next().unwrap_or_default();
        match self.shelf.find(map, name, false) {
            Ok(file) if variant.enclosed.contains(&file) => {
                let message = format!("`{name}` is attached already");
                self.faults.push(source.error("attached-twice", place, message).warning());
            }
            Ok(file) => variant.enclosed.push(file),
            Err(help) => {
                let fault = source.error("unknown-file", place, format!("there is no file `{name}`"));
                self.faults.push(fault.help(help));
            }
        }
        None
    }

    fn file_name(&mut self, source: &Source) -> Option<FileName> {
        let path = name_of(source);
        let inside = path.split_once("/templates/").map_or(path.as_str(), |(_, inside)| inside);
        let file = file_name(inside);
        if file.is_none() {
            let fault = source.error("letter-name", &(0..0), format!("`{inside}` is not the name of a letter's file"));
            self.faults.push(fault.help(
                "write `welcome.txt`, `welcome.html`, `welcome.mjml` or, with a locale, `welcome.ru.txt`; in a folder \
                 `welcome/`, `body.txt` and so on",
            ));
        }
        file
    }

    /// The templates that a file holds; they are entered into the variant.
    fn parts<'t>(&mut self, source: &'t Source, file: &FileName, variant: &mut Variant) -> Vec<Part<'t>> {
        let name = name_of(source);
        let Head { subject, preheader, attach, body } = head(source, self.faults);
        let linked: Vec<Part<'t>> = attach.iter().filter_map(|place| self.attached(source, place, variant)).collect();
        let slot = if file.text { &mut variant.text } else { &mut variant.html };
        if let Some(other) = slot {
            let what = if file.text { "text" } else { "HTML" };
            let message = format!("the letter `{}` has its {what} in `{other}` already", file.letter);
            self.faults.push(source.error("letter-twice", &(0..0), message).help("take one of the two files out"));
        }
        *slot = Some(name.clone());
        let mut parts = vec![Part { name: name.clone(), source, place: body, made: None }];
        parts.extend(linked);
        for (what, place, slot) in
            [("subject", subject, &mut variant.subject), ("preheader", preheader, &mut variant.preheader)]
        {
            let Some(place) = place else { continue };
            let name = format!("{name}#{what}");
            if let Some(other) = slot {
                let other = other.split('#').next().unwrap_or_default();
                let message = format!("the {what} of the letter `{}` is written in `{other}` already", file.letter);
                self.faults.push(source.error("letter-twice", &place, message).help("take one of the two out"));
            }
            *slot = Some(name.clone());
            parts.push(Part { name, source, place, made: None });
        }
        parts
    }

    /// Letters that lack a subject, or a locale that everyone can fall back to.
    fn check_variants(&mut self, map: &str, sources: &[Source], letters: Option<&BTreeMap<String, super::Variants>>) {
        let shop = super::file::normal_locale(&self.shop.locale);
        let shop_language = shop.split('-').next().unwrap_or_default();
        for (letter, variants) in letters.into_iter().flatten() {
            let file = |variant: &Variant| {
                let name = variant.text.as_ref().or(variant.html.as_ref())?;
                sources.iter().find(|source| name_of(source) == *name)
            };
            for source in variants.values().filter(|variant| variant.subject.is_none()).filter_map(file) {
                let fault = source.error("no-subject", &(0..0), "the letter has no subject");
                self.faults.push(fault.help("begin the file with `Subject: …` and an empty line"));
            }
            let fallback = ["", shop.as_str(), shop_language].iter().any(|locale| variants.contains_key(*locale));
            if !fallback && let Some(source) = variants.values().find_map(file) {
                let message = format!("the letter `{letter}` has no file for customers of other languages");
                let help = format!("add `{map}/templates/{letter}.txt`, or the shop's locale `{}`", self.shop.locale);
                self.faults.push(source.error("no-fallback", &(0..0), message).help(help));
            }
        }
    }
}

fn is_markup(source: &Source) -> bool {
    source.path.extension().is_some_and(|extension| extension == "html" || extension == "mjml")
}

fn is_letter(source: &Source) -> bool {
    !source.path.starts_with("shared")
}
