//! What must hold of routes, of domains with limits of their own, and of relays' ceilings.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Check;
use crate::journey::spelling::nearest;
use crate::settings::{MailSettings, RelaySettings};

/// Checks `[[mail.routes]]` and `[mail.domains]`.
pub(super) fn all(mail: &MailSettings, check: &mut Check<'_, '_>) {
    for (index, route) in mail.routes.iter().enumerate() {
        let at = |key: &str| format!("mail.routes[{index}].{key}");
        check.that(
            !route.relays.is_empty(),
            &format!("mail.routes[{index}]"),
            "this route names no relay",
            "add `relays = [\"<name>\"]`",
        );
        for (place, name) in route.relays.iter().enumerate() {
            let path = format!("mail.routes[{index}].relays[{place}]");
            known(&path, "relay", name, mail.relays.keys(), check);
        }
        if let Some(sender) = &route.sender {
            known(&at("sender"), "sender", sender, mail.senders.keys(), check);
        }
        // A word without a point is the name of a group.
        if let Some(domain) = &route.domain
            && !domain.contains('.')
        {
            known(&at("domain"), "domain", domain, mail.domains.keys(), check);
        }
    }
    if !mail.relays.is_empty() {
        let some = mail.relays.values().any(|relay| relay.weight > 0);
        check.that(some, "mail.relays", "every relay has a weight of 0", "give one of them a weight, or leave it out");
    }
    let mut groups: BTreeMap<String, &str> = BTreeMap::new();
    for (name, domain) in &mail.domains {
        let base = format!("mail.domains.{name}");
        check.id(&base, name);
        check.that(
            !domain.domains.is_empty(),
            &base,
            "no domain has these limits",
            "add for example `domains = [\"gmail.com\"]`",
        );
        for (place, one) in domain.domains.iter().enumerate() {
            let path = format!("{base}.domains[{place}]");
            let fine = one.contains('.') && one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
            let help = "write what stands after the `@`, in ASCII: `gmail.com`, `xn--80aaatta5cdl.example`";
            check.that(fine, &path, format!("`{one}` is not the domain of an address"), help);
            if let Some(other) = groups.insert(one.to_lowercase(), name) {
                check.that(false, &path, format!("`{one}` has limits under `{other}` already"), "name it once");
            }
        }
        let some = domain.connections != Some(0);
        check.that(
            some,
            &format!("{base}.connections"),
            "0 connections would send nothing",
            "leave it out for no limit",
        );
        rates(&base, domain.rate_per_second, domain.rate_per_hour, check);
    }
}

/// Checks rates.
pub(super) fn rates(base: &str, per_second: Option<u32>, per_hour: Option<u32>, check: &mut Check<'_, '_>) {
    for (key, rate) in [("rate_per_second", per_second), ("rate_per_hour", per_hour)] {
        let path = format!("{base}.{key}");
        check.that(rate != Some(0), &path, "a rate of 0 would send nothing", "leave it out for no limit");
    }
}

/// Checks a relay's warm-up.
pub(super) fn warm_up(base: &str, relay: &RelaySettings, check: &mut Check<'_, '_>) {
    let path = format!("{base}.warm_up_from");
    let Some(day) = &relay.warm_up_from else {
        let path = format!("{base}.warm_up");
        let none = relay.warm_up.is_empty();
        return check.that(none, &path, "a warm-up without its first day", "add `warm_up_from = \"2026-11-01\"`");
    };
    let fine = day.parse::<NaiveDate>().is_ok();
    check.that(fine, &path, format!("`{day}` is not a day"), "write it as `2026-11-01`");
    let some = !relay.warm_up.is_empty();
    check.that(some, &path, "a warm-up begins here and has no days", "add `warm_up = [50, 100, …]`");
}

fn known<'a>(
    path: &str,
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'a String> + Clone,
    check: &mut Check<'_, '_>,
) {
    if names.clone().any(|known| known == name) {
        return;
    }
    let help = nearest(name, names.map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    check.fault(path, format!("there is no {what} `{name}` under `mail.{what}s`"), help);
}
