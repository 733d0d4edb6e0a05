//! Opens and clicks: what a letter gets for them, and who is a program.
//!
//! Invariants: a letter of which nothing is to be noted leaves as it was written; a link leads to what stood in that very
//! letter, and nowhere else; the links by which a customer refuses are never touched.
//!
//! Not here: what a read means (`journey::reads`), answering who follows a link (`web::track`).

pub mod machines;
pub(super) mod rewrite;
mod utm;

use crate::journey::customer::Customer;
use crate::journey::reads::may_be_noted;
use crate::mail::LinkSigner;
use crate::mail::compose::Job;
use crate::rulebook::Rendered;
use crate::settings::{Track, TrackingSettings};

pub use machines::{Machines, MachinesError};
use utm::Utm;

/// Most links of one letter that are noted apart from each other; those beyond lead where they led.
const MOST_LINKS: usize = 256;
/// Links longer than this stay as they are.
const LONGEST_LINK: usize = 4_096;
/// The first parts of paths that are this server's own.
const OWN_PATHS: [&str; 6] = ["/u/", "/p/", "/d/", "/c/", "/o/", "/assets/"];

/// What is noted of letters, as those who follow links and choose are answered by it.
#[derive(Debug)]
pub struct Noted {
    /// Who follows links without being a person.
    pub machines: Machines,
    /// Whether clicks are noted.
    pub clicks: Track,
    /// Whether opens are noted.
    pub opens: Track,
}

impl Noted {
    /// What the settings say.
    pub fn new(settings: &TrackingSettings) -> Result<Self, MachinesError> {
        Ok(Self { machines: Machines::new(settings)?, clicks: settings.clicks, opens: settings.opens })
    }
}

/// Prepares letters, so that it can be noted that they are opened and clicked.
#[derive(Clone, Debug)]
pub struct Tracker {
    clicks: Track,
    opens: Track,
    /// Where short links lead to.
    url: String,
    /// Where the links by which a customer refuses lead to.
    public_url: String,
    utm: Utm,
}

impl Tracker {
    /// A tracker for a shop. `public_url` is where customers reach this server, without a slash at the end.
    pub fn new(settings: &TrackingSettings, public_url: &str) -> Self {
        let url = settings.url.as_deref().unwrap_or(public_url).trim_end_matches('/').to_owned();
        let utm = Utm::new(&settings.utm);
        Self { clicks: settings.clicks, opens: settings.opens, url, public_url: public_url.to_owned(), utm }
    }

    /// Prepares a letter that was filled, and gives what its short links lead to, in the order of their numbers. Nothing is
    /// noted of a letter that is a test.
    pub fn prepare(&self, rendered: &mut Rendered, job: &Job<'_>, signer: &LinkSigner, test: bool) -> Vec<String> {
        let notes = |how| !test && job.track && notes(how, job.customer);
        let (clicks, opens) = (notes(self.clicks), notes(self.opens));
        let mut links: Vec<String> = Vec::new();
        if clicks || self.utm.is_any() {
            let utm = self.utm.of(job);
            let mut other = |link: &str| self.other(link, clicks, &utm, &mut links, job.message, signer);
            if let Some(html) = &rendered.html {
                rendered.html = Some(rewrite::html(html, &mut other));
            }
            rendered.text = rewrite::text(&rendered.text, &mut other);
        }
        if opens
            && let Some(html) = &rendered.html
            && let Some(token) = signer.sign_open(job.message)
        {
            rendered.html = Some(rewrite::with_picture(html, &format!("{}/o/{token}.gif", self.url)));
        }
        links
    }

    /// What stands in the letter in place of a link, if not the link itself.
    fn other(
        &self,
        link: &str,
        clicks: bool,
        utm: &utm::Filled,
        links: &mut Vec<String>,
        message: &str,
        signer: &LinkSigner,
    ) -> Option<String> {
        let sound = link.len() <= LONGEST_LINK && !link.chars().any(|c| c.is_control() || c.is_whitespace());
        if !sound || self.is_own(link) {
            return None;
        }
        let target = utm.onto(link);
        if !clicks {
            return target;
        }
        let target = target.unwrap_or_else(|| link.to_owned());
        let number = links.iter().position(|known| *known == target).unwrap_or(links.len());
        let short = (number < MOST_LINKS).then(|| u8::try_from(number).ok()).flatten();
        let Some(token) = short.and_then(|number| signer.sign_click(message, number)) else {
            return (target != link).then_some(target);
        };
        if number == links.len() {
            links.push(target);
        }
        Some(format!("{}/c/{token}", self.url))
    }

    /// Whether a link is one of ours, by which a customer refuses, chooses or agrees.
    fn is_own(&self, link: &str) -> bool {
        [&self.url, &self.public_url].into_iter().any(|base| {
            let path = link.strip_prefix(base.as_str());
            path.is_some_and(|path| OWN_PATHS.iter().any(|own| path.starts_with(own)))
        })
    }
}

fn notes(how: Track, customer: &Customer) -> bool {
    match how {
        Track::Off => false,
        Track::On => may_be_noted(customer, true),
        Track::Consent => may_be_noted(customer, false),
    }
}
