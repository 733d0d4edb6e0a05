//! Which relays a letter may take, in which order.
//!
//! The order follows from the letter's id and the relays' weights alone, so a letter that is tried again prefers the relay
//! that it had, and of many letters each relay gets its share.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::settings::MailSettings;

/// What routes ask of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Traveller {
    /// Message id.
    pub message: String,
    /// Purpose.
    pub purpose: String,
    /// Map.
    pub map: String,
    /// Sender, by the settings.
    pub sender: Option<String>,
    /// The recipient's domain, in lower case and as A-labels; empty if there is none.
    pub domain: String,
}

/// The routes of the settings.
#[derive(Clone, Debug)]
pub struct Routes {
    /// Names and weights.
    relays: Vec<(String, u32)>,
    list: Vec<Route>,
    /// Groups of domains by domain.
    groups: HashMap<String, String>,
}

#[derive(Clone, Debug)]
struct Route {
    purpose: Option<String>,
    map: Option<String>,
    sender: Option<String>,
    domain: Option<String>,
    /// Places in the list of relays.
    relays: Vec<usize>,
}

impl Routes {
    /// The routes of the settings. Relays that there are not are left out; `check` has told of them.
    pub fn new(mail: &MailSettings) -> Self {
        let relays: Vec<(String, u32)> = mail.relays.iter().map(|(name, relay)| (name.clone(), relay.weight)).collect();
        let place = |name: &String| relays.iter().position(|(known, _)| known == name);
        let routes = mail.routes.iter().map(|route| Route {
            purpose: route.purpose.clone(),
            map: route.map.clone(),
            sender: route.sender.clone(),
            domain: route.domain.as_ref().map(|domain| domain.to_lowercase()),
            relays: route.relays.iter().filter_map(place).collect(),
        });
        let groups = mail
            .domains
            .iter()
            .flat_map(|(name, group)| group.domains.iter().map(move |domain| (domain.to_lowercase(), name.clone())));
        Self { list: routes.collect(), groups: groups.collect(), relays }
    }

    /// The group of a recipient's domain, if it is in one.
    pub fn group(&self, domain: &str) -> Option<&str> {
        self.groups.get(domain).map(String::as_str)
    }

    /// The first route that fits a letter; `None` if none does.
    pub fn route(&self, letter: &Traveller) -> Option<usize> {
        let group = self.group(&letter.domain);
        let fits = |route: &&Route| {
            let is = |wanted: &Option<String>, given: Option<&str>| {
                wanted.as_deref().is_none_or(|wanted| given == Some(wanted))
            };
            is(&route.purpose, Some(&letter.purpose))
                && is(&route.map, Some(&letter.map))
                && is(&route.sender, letter.sender.as_deref())
                && (is(&route.domain, Some(&letter.domain)) || is(&route.domain, group))
        };
        self.list.iter().position(|route| fits(&route))
    }

    /// The relays that a letter of a route may take, the preferred one first: their places in the order of their names. Those
    /// of weight 0 come last.
    pub fn order(&self, route: Option<usize>, message: &str) -> Vec<usize> {
        let mut order = match route.and_then(|route| self.list.get(route)) {
            Some(route) => route.relays.clone(),
            None => (0..self.relays.len()).collect(),
        };
        if order.len() > 1 {
            order.sort_by_cached_key(|place| {
                let (name, weight) = &self.relays[*place];
                turn(message, name, *weight)
            });
        }
        order
    }
}

/// The turn of a relay for a letter: of many letters, each relay comes first for its share (weighted rendezvous hashing).
fn turn(message: &str, relay: &str, weight: u32) -> u64 {
    if weight == 0 {
        return u64::MAX;
    }
    let mut hasher = Sha256::new();
    hasher.update(message);
    hasher.update([0]);
    hasher.update(relay);
    let digest = hasher.finalize();
    let number = digest[..4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    // Between 0 and 1, neither of them.
    let share = (f64::from(number) + 0.5) / (f64::from(u32::MAX) + 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most some billions, never negative"
    )]
    let turn = (-share.ln() / f64::from(weight) * 1e9) as u64;
    turn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DomainSettings, RelaySettings, RouteSettings};

    fn letter(message: &str, purpose: &str, domain: &str) -> Traveller {
        Traveller {
            message: message.into(),
            purpose: purpose.into(),
            map: "shop".into(),
            sender: None,
            domain: domain.into(),
        }
    }

    fn routes() -> Routes {
        let mut mail = MailSettings::default();
        for (name, weight) in [("a", 3), ("b", 1), ("spare", 0)] {
            mail.relays.insert(name.into(), RelaySettings { weight, ..RelaySettings::default() });
        }
        let some = |text: &str| Some(text.to_owned());
        let route = |purpose: Option<&str>, domain: Option<&str>, relays: &[&str]| RouteSettings {
            purpose: purpose.and_then(some),
            domain: domain.and_then(some),
            relays: relays.iter().map(|name| (*name).to_owned()).collect(),
            ..RouteSettings::default()
        };
        mail.routes = vec![
            route(Some("transactional"), None, &["b"]),
            route(None, Some("google"), &["a"]),
            route(None, Some("Mail.Example"), &["spare", "b"]),
        ];
        let google = DomainSettings { domains: vec!["Gmail.com".into()], ..DomainSettings::default() };
        mail.domains.insert("google".into(), google);
        Routes::new(&mail)
    }

    #[test]
    fn the_first_route_that_fits_decides() {
        let routes = routes();
        let names = |letter: Traveller| -> Vec<String> {
            routes
                .order(routes.route(&letter), &letter.message)
                .iter()
                .filter_map(|place| routes.relays.get(*place))
                .map(|(name, _)| name.clone())
                .collect()
        };
        assert_eq!(names(letter("m", "transactional", "gmail.com")), ["b"]);
        assert_eq!(names(letter("m", "marketing", "gmail.com")), ["a"]);
        assert_eq!(names(letter("m", "marketing", "mail.example")), ["b", "spare"], "a spare one comes last");
        assert_eq!(names(letter("m", "marketing", "else.example")).last().map(String::as_str), Some("spare"));
    }

    #[test]
    fn letters_are_divided_by_weight_and_each_keeps_its_relay() {
        let routes = routes();
        let first = |n: u32| routes.order(None, &format!("m-{n}"))[0];
        let of_a = (0..4_000).filter(|n| first(*n) == 0).count();
        assert!((2_850..3_150).contains(&of_a), "three of four, not {of_a} of 4000");
        assert!((0..100).all(|n| first(n) == first(n)));
    }
}
