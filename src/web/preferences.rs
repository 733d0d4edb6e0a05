//! `/p/{token}`: the public page on which a customer chooses which letters come, how often, and in which language.
//!
//! Invariants: looking changes nothing, the button acts after the commit; the token alone names the customer, so there is
//! nothing that another page could forge; what the page did not show is not changed, and what is as it was is not said again.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use metrics::counter;
use serde::Serialize;
use serde_json::{Map, json};
use tera::Context;

use super::pages::Pages;
use super::problem::log_failure;
use super::unsubscribe::not_ours;
use super::{App, WebState, unsubscribe};
use crate::engine::own;
use crate::journey::customer::Customer;
use crate::journey::event::{Event, Profile, kind};
use crate::journey::facts::fold;
use crate::journey::preferences::{MOST, Wishes};
use crate::journey::reads::{TRACKING, may_be_noted};
use crate::journey::rule::{Action, Rule, TRANSACTIONAL};
use crate::journey::time::{Span, Timestamp, local_day};
use crate::rulebook::Book;
use crate::settings::Track;
use words::Words;

/// The purpose that every page shows.
const MARKETING: &str = "marketing";
/// Largest body that is looked at: a form of this page is shorter, with hundreds of maps.
pub const MAX_BODY: usize = 64 * 1024;
/// How long a pause lasts.
const PAUSE: Span = Span::days(30);
/// The numbers of letters a week that can be chosen.
const OFTEN: [u32; 2] = [1, 2];

/// One thing to choose.
#[derive(Debug, Serialize)]
struct Choice {
    id: String,
    name: String,
    on: bool,
}

/// Shows the page.
pub async fn show(State(state): State<App>, Path(token): Path<String>) -> Response {
    match whose(&state, &token).await {
        Ok(customer) => page(&state, &customer, "ask", StatusCode::OK),
        Err(answer) => answer,
    }
}

/// Saves what was chosen.
pub async fn act(State(state): State<App>, Path(token): Path<String>, body: Result<Bytes, BytesRejection>) -> Response {
    let mut customer = match whose(&state, &token).await {
        Ok(customer) => customer,
        Err(answer) => return answer,
    };
    let Ok(body) = body else { return page(&state, &customer, "ask", StatusCode::BAD_REQUEST) };
    let form = Form::read(&body);
    let now = state.clock.now();
    let profile = wished(&state, &customer, &form, now);
    if profile.is_empty() {
        return page(&state, &customer, "saved", StatusCode::OK);
    }
    let mut data = Map::new();
    data.insert("by".into(), json!("preferences"));
    let message = state.links.verify_preferences(&token).map(|choice| choice.message).unwrap_or_default();
    data.insert("message".into(), json!(message));
    match state.store.message(&message).await {
        // What is agreed to here is confirmed for the address that the link went to.
        Ok(letter) => data.extend(letter.and_then(|row| row.to).map(|to| ("address".to_owned(), json!(to)))),
        Err(error) => return later(&state, &customer, &error),
    }
    let id = format!("preferences/{}/{}", customer.id, now.micros());
    let body = own::event(kind::CUSTOMER_UPDATED, id, &customer.id, (Some(profile), data), now);
    let events: Vec<Event> = serde_json::from_slice(&body.body).unwrap_or_default();
    match state.ingest.submit(vec![body]).await {
        Ok(_) => {
            counter!("milepost_preferences_total").increment(1);
            // As it will stand once it is applied.
            let book = state.book.load();
            for event in &events {
                fold::apply_asking(&mut customer, event, &book.rulebook.shop.double_opt_in);
            }
            page(&state, &customer, "saved", StatusCode::OK)
        }
        Err(error) => later(&state, &customer, &error),
    }
}

fn later(state: &WebState, customer: &Customer, error: &(dyn std::error::Error + 'static)) -> Response {
    Pages::later(error, page(state, customer, "later", StatusCode::SERVICE_UNAVAILABLE))
}

/// The customer whom a token names.
async fn whose(state: &App, token: &str) -> Result<Customer, Response> {
    let Some(choice) = state.links.verify_preferences(token) else { return Err(not_ours(state, token)) };
    match state.store.customer(&choice.customer).await {
        Ok(Some(customer)) => Ok(customer),
        Ok(None) => Err(not_ours(state, token)),
        Err(error) => {
            log_failure(&error);
            let words = unsubscribe::words_for(&state.shop.locale);
            Err(state.pages.message(StatusCode::SERVICE_UNAVAILABLE, words.lang, words.later_title, words.later_text))
        }
    }
}

/// A form as it was sent.
#[derive(Debug, Default)]
struct Form(BTreeMap<String, BTreeSet<String>>);

impl Form {
    fn read(body: &[u8]) -> Self {
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            fields.entry(name.into_owned()).or_default().insert(value.into_owned());
        }
        Self(fields)
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.0.get(name).is_some_and(|values| values.contains(value))
    }

    /// What a box says, if it was shown and says another thing than it did then.
    fn turned(&self, name: &str, value: &str) -> Option<bool> {
        let on = self.has(name, value);
        (self.has(&format!("shown_{name}"), value) && on != self.has(&format!("was_{name}"), value)).then_some(on)
    }

    /// What was chosen, if it is another thing than was shown as chosen.
    fn chosen(&self, name: &str) -> Option<&str> {
        self.one(name).filter(|chosen| self.one(&format!("was_{name}")).is_some_and(|was| was != *chosen))
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.iter().next().map(String::as_str)
    }
}

/// What the customer changed on the page. It is told by what the page showed, which the form brings back: what is known here
/// may be older (a change that is not applied yet) or newer (one made elsewhere since).
fn wished(state: &WebState, customer: &Customer, form: &Form, now: Timestamp) -> Profile {
    let book = state.book.load_full();
    let mut profile = Profile::default();
    for purpose in purposes(&book, customer) {
        profile.consents.extend(form.turned("purpose", &purpose).map(|wanted| (purpose, wanted)));
    }
    if tracks(state).is_some() {
        profile.consents.extend(form.turned("tracking", "yes").map(|wanted| (TRACKING.to_owned(), wanted)));
    }
    let mut wishes = Wishes::default();
    for (map, _) in maps(&book) {
        wishes.maps.extend(form.turned("map", &map).map(|wanted| (map, wanted)));
    }
    wishes.most_a_week = form.chosen("often").and_then(|often| match often {
        "" => Some(None),
        often => often.parse().ok().filter(|most| (1..=MOST).contains(most)).map(Some),
    });
    wishes.paused_until = match (form.one("pause"), paused(customer, now)) {
        (Some("begin"), None) => Some(Some(now.after(PAUSE))),
        (Some("end"), Some(_)) => Some(None),
        _ => None,
    };
    profile.preferences = wishes;
    if let Some(locale) = form.chosen("locale").filter(|locale| locales(&book, state).contains(*locale)) {
        profile.attributes.insert("locale".into(), locale.into());
    }
    profile
}

fn page(state: &WebState, customer: &Customer, step: &str, status: StatusCode) -> Response {
    let book = state.book.load_full();
    let locales = locales(&book, state);
    let locale = locale_of(&locales, customer, state);
    let language = customer.text("locale").unwrap_or(&state.shop.locale);
    let (words, names) = (words::of(language), unsubscribe::words_for(language));
    let choice = |id: &str, name: String, on: bool| Choice { id: id.to_owned(), name, on };
    let purposes: Vec<Choice> = purposes(&book, customer)
        .iter()
        .map(|purpose| choice(purpose, names.purpose(purpose), agrees(&book, customer, purpose)))
        .collect();
    let known = &customer.preferences;
    let maps: Vec<Choice> = maps(&book)
        .into_iter()
        .map(|(map, title)| choice(&map, title, known.refuses(&map, MARKETING).is_none()))
        .collect();
    let languages: Vec<Choice> = locales.iter().map(|one| choice(one, words::language(one), *one == locale)).collect();
    let day = paused(customer, state.clock.now()).map(|until| {
        let zone = customer.zone().unwrap_or(book.rulebook.shop.zone);
        words.paused.replace("{day}", &local_day(until, zone).format(words.day).to_string())
    });
    let mut context = Context::new();
    context.insert("lang", words.lang);
    context.insert("words", words);
    context.insert("step", step);
    context.insert("shop", &state.shop.name);
    context.insert("purposes", &purposes);
    context.insert("maps", &maps);
    context.insert("often", &often(words, known.most_a_week.and_then(|wish| wish.value)));
    context.insert("languages", &languages);
    context.insert("paused", &day);
    let tracks = tracks(state);
    let on = tracks.is_some_and(|by_default| may_be_noted(customer, by_default));
    context.insert("tracking", &json!({"shown": tracks.is_some(), "on": on}));
    state.pages.render(status, "preferences.html", &context)
}

fn often(words: &Words, chosen: Option<u32>) -> Vec<Choice> {
    let mut numbers: BTreeSet<u32> = OFTEN.into();
    numbers.extend(chosen);
    let name = |most: u32| match most {
        1 => words.one_a_week.to_owned(),
        2 => words.two_a_week.to_owned(),
        more => words.some_a_week.replace("{n}", &more.to_string()),
    };
    let all = Choice { id: String::new(), name: words.as_they_come.to_owned(), on: chosen.is_none() };
    let fewer = numbers.into_iter().rev().map(|most| Choice {
        id: most.to_string(),
        name: name(most),
        on: chosen == Some(most),
    });
    std::iter::once(all).chain(fewer).collect()
}

/// The purposes that a customer can agree to and refuse: those of rules, and those of which something was said.
fn purposes(book: &Book, customer: &Customer) -> Vec<String> {
    let of_rules = book.rulebook.rules.values().filter(|rule| sends(rule)).map(|rule| rule.purpose.clone());
    let said = customer.consents.keys().cloned();
    let all: BTreeSet<String> = of_rules.chain(said).chain([MARKETING.to_owned()]).collect();
    all.into_iter().filter(|purpose| purpose != TRANSACTIONAL && purpose != TRACKING).collect()
}

fn agrees(book: &Book, customer: &Customer, purpose: &str) -> bool {
    let assumed = book.rulebook.shop.assumed_purposes.contains(purpose);
    customer.consents.get(purpose).map_or(assumed, |said| said.granted)
}

/// The maps whose letters can be refused, with their titles.
fn maps(book: &Book) -> Vec<(String, String)> {
    let writes = |map: &str| book.rulebook.rules_of(map).any(|rule| sends(rule) && rule.purpose != TRANSACTIONAL);
    let maps = book.rulebook.maps.values().filter(|map| writes(&map.id));
    maps.map(|map| (map.id.clone(), map.title.clone())).collect()
}

fn sends(rule: &Rule) -> bool {
    rule.steps.iter().any(|step| matches!(step.action, Action::Send { .. }))
}

/// The locales that letters are written in.
fn locales(book: &Book, state: &WebState) -> BTreeSet<String> {
    let all = book.letters.all().flat_map(|(map, letter)| book.letters.locales(map, letter));
    let mut all: BTreeSet<String> = all.filter(|locale| !locale.is_empty()).map(str::to_owned).collect();
    // Letters in files without a locale are in the shop's; nobody chooses between `en` and `en-GB` of the same letters.
    let shop = &state.shop.locale;
    if !all.iter().any(|locale| language(locale) == language(shop)) {
        all.insert(shop.clone());
    }
    all
}

fn language(locale: &str) -> String {
    locale.split(['-', '_']).next().unwrap_or_default().to_lowercase()
}

/// The one of them that the customer's letters are in, as near as it comes.
fn locale_of(locales: &BTreeSet<String>, customer: &Customer, state: &WebState) -> String {
    let wanted = customer.text("locale").unwrap_or(&state.shop.locale);
    let same = locales.iter().find(|locale| locale.eq_ignore_ascii_case(wanted));
    let near = || locales.iter().find(|locale| language(locale) == language(wanted));
    same.or_else(near).unwrap_or(&state.shop.locale).clone()
}

/// Until when the customer wants no letters, if there is a pause.
fn paused(customer: &Customer, now: Timestamp) -> Option<Timestamp> {
    customer.preferences.paused_until?.value.filter(|until| *until > now)
}

/// Whether the shop notes opens or clicks at all, and then whether of those who said nothing.
fn tracks(state: &WebState) -> Option<bool> {
    let noted = state.noted.load();
    let hows = [noted.clicks, noted.opens];
    if hows.iter().all(|how| *how == Track::Off) {
        return None;
    }
    Some(hows.contains(&Track::On))
}
