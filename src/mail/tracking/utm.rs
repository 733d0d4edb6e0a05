//! What links to the shop's own pages carry for its web analytics.

use crate::mail::compose::Job;
use crate::settings::UtmSettings;

/// The parameters, and whose links carry them.
#[derive(Clone, Debug)]
pub(super) struct Utm {
    hosts: Vec<String>,
    parameters: Vec<(&'static str, String)>,
}

/// The same with a letter's names filled in.
pub(super) struct Filled<'a> {
    hosts: &'a [String],
    parameters: Vec<(&'static str, String)>,
}

impl Utm {
    pub(super) fn new(settings: &UtmSettings) -> Self {
        let UtmSettings { hosts, source, medium, campaign, content } = settings;
        let named =
            [("utm_source", source), ("utm_medium", medium), ("utm_campaign", campaign), ("utm_content", content)];
        let parameters = named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        Self { hosts: hosts.iter().map(|host| host.to_lowercase()).collect(), parameters }
    }

    /// Whether any link may carry anything.
    pub(super) fn is_any(&self) -> bool {
        !self.hosts.is_empty() && !self.parameters.is_empty()
    }

    pub(super) fn of(&self, job: &Job<'_>) -> Filled<'_> {
        let names = [("{map}", job.map), ("{rule}", job.rule), ("{letter}", job.letter), ("{locale}", job.locale)];
        let fill = |text: &String| {
            let filled = names.iter().fold(text.clone(), |text, (name, value)| text.replace(name, value));
            form_urlencoded::byte_serialize(filled.as_bytes()).collect()
        };
        let parameters = if self.is_any() {
            self.parameters.iter().map(|(name, text)| (*name, fill(text))).collect()
        } else {
            Vec::new()
        };
        Filled { hosts: &self.hosts, parameters }
    }
}

impl Filled<'_> {
    /// The link with what it is to carry; `None` if it carries nothing more.
    pub(super) fn onto(&self, link: &str) -> Option<String> {
        if self.parameters.is_empty() || !self.is_ours(link) {
            return None;
        }
        let (before, fragment) = link.find('#').map_or((link, ""), |at| link.split_at(at));
        let query = before.split_once('?').map_or("", |(_, query)| query);
        let says = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let mut out = before.to_owned();
        for (name, value) in self.parameters.iter().filter(|(name, _)| !says(name)) {
            let between = if !out.contains('?') {
                "?"
            } else if out.ends_with(['?', '&']) {
                ""
            } else {
                "&"
            };
            out.extend([between, name, "=", value]);
        }
        out.push_str(fragment);
        (out != link).then_some(out)
    }

    fn is_ours(&self, link: &str) -> bool {
        let rest = link.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host =
            authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default().to_lowercase();
        self.hosts
            .iter()
            .any(|ours| host.strip_suffix(ours.as_str()).is_some_and(|below| below.is_empty() || below.ends_with('.')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shop_s_own_links_carry_what_they_do_not_say_already() {
        let hosts = ["shop.example".to_owned()];
        let parameters = vec![("utm_source", "milepost".to_owned()), ("utm_campaign", "pets-cart".to_owned())];
        let filled = Filled { hosts: &hosts, parameters };
        for (link, expect) in [
            ("https://shop.example", Some("https://shop.example?utm_source=milepost&utm_campaign=pets-cart")),
            (
                "https://WWW.Shop.example:443/a?b=1#c",
                Some("https://WWW.Shop.example:443/a?b=1&utm_source=milepost&utm_campaign=pets-cart#c"),
            ),
            (
                "https://shop.example/?utm_source=own",
                Some("https://shop.example/?utm_source=own&utm_campaign=pets-cart"),
            ),
            ("https://shop.example/?", Some("https://shop.example/?utm_source=milepost&utm_campaign=pets-cart")),
            ("https://shop.example/?utm_source=a&utm_campaign=b", None),
            ("https://notshop.example/", None),
            ("https://shop.example.evil.example/", None),
            ("https://shop.example@evil.example/", None),
        ] {
            assert_eq!(filled.onto(link).as_deref(), expect, "{link}");
        }
    }
}
