//! DMARC: whether there is a policy, and whether letters keep it (RFC 7489): of SPF and DKIM one must hold for the domain that
//! people read in `From`.

use super::ask::{Answer, Dns, unanswered};
use super::tags::Tags;
use crate::cli::doctor::finding::Finding;
use crate::mail::dkim::{DkimKey, DkimKeys};

const SAMPLE: &str =
    "publish a TXT record at _dmarc, for example `v=DMARC1; p=none; rua=mailto:…`; a parent domain's also counts";

/// Asks for the policy of a domain that letters come from; the envelope's sender is of the domain `back`.
pub async fn look(dns: &Dns, domain: &str, back: &str, keys: &DkimKeys) -> Finding {
    let signing: Vec<&str> = keys.of(domain).map(DkimKey::domain).collect();
    // The domain itself, then those above it, down to two labels: no list of public suffixes is needed, as nobody publishes
    // a policy at one.
    let mut owner = domain;
    loop {
        let found = dns.texts(&format!("_dmarc.{owner}")).await;
        let found =
            found.map(|texts| texts.into_iter().filter(|text| text.starts_with("v=DMARC1")).collect::<Vec<_>>());
        let above = owner.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
        match (&found, above) {
            (Ok(records), Some(above)) if records.is_empty() => owner = above,
            _ => return verdict(domain, owner, found, back, &signing),
        }
    }
}

fn verdict(domain: &str, owner: &str, found: Answer, back: &str, signing: &[&str]) -> Finding {
    let subject = format!("{domain}, DMARC");
    let records = match found {
        Err(error) => return unanswered(subject, &error),
        Ok(records) => records,
    };
    let [record] = records.as_slice() else {
        return if records.is_empty() {
            Finding::doubt("dns", subject, "there is no DMARC record", SAMPLE)
        } else {
            let note = format!("there is more than one DMARC record at _dmarc.{owner}");
            Finding::wrong("dns", subject, note, "join them: receivers then take none")
        };
    };
    let tags = Tags::of(record);
    let asked = if owner == domain { tags.get("p") } else { tags.get("sp").or(tags.get("p")) };
    let Some(policy) = asked.filter(|policy| ["none", "quarantine", "reject"].contains(policy)) else {
        let help = "`p` is `none`, `quarantine` or `reject`";
        return Finding::wrong("dns", subject, format!("the policy can't be read: {record}"), help);
    };
    // Relaxed alignment is of the same organisation: one above the other, or both under the record's owner.
    let aligned = |other: &str, tag: &str| {
        let strict = tags.get(tag).is_some_and(|mode| mode.eq_ignore_ascii_case("s"));
        let related = || within(domain, other) || (within(other, owner) && within(domain, owner));
        other == domain || (!strict && related())
    };
    let spf = aligned(back, "aspf");
    let dkim = signing.iter().any(|key| aligned(key, "adkim"));
    let by = match (spf, dkim) {
        (true, true) => "SPF and DKIM",
        (true, false) => "SPF only, which forwarding breaks",
        (false, true) => "DKIM",
        (false, false) => {
            let note = format!(
                "neither bounces' domain {back} nor a DKIM key here is of {domain} as the record asks: {record}"
            );
            let help = "let a DKIM key sign for the domain, or put the address of `mail.returns` under it";
            // The relay may sign, and without a policy letters only count as unproven.
            return if signing.is_empty() || policy == "none" {
                Finding::doubt("dns", subject, note, help)
            } else {
                Finding::wrong("dns", subject, note, help)
            };
        }
    };
    Finding::fine("dns", subject, format!("{record} (letters keep it by {by})"))
}

fn within(name: &str, domain: &str) -> bool {
    name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn letters_keep_the_policy_by_spf_or_dkim() {
        let check = |owner: &str, record: &str, back: &str, signing: &[&str], expected| {
            let records = record.split('|').filter(|text| !text.is_empty()).map(str::to_owned).collect();
            let finding = verdict("news.shop.example", owner, Ok(records), back, signing);
            assert_eq!(finding.verdict, expected, "{finding:?}");
        };
        let (own, above) = ("news.shop.example", "shop.example");
        check(own, "", own, &[], Verdict::Doubtful);
        check(own, "v=DMARC1; p=none|v=DMARC1; p=reject", own, &[], Verdict::Wrong);
        check(own, "v=DMARC1", own, &[], Verdict::Wrong);
        check(own, "v=DMARC1; p=maybe", own, &[], Verdict::Wrong);
        check(own, "v=DMARC1; p=reject", own, &[], Verdict::Fine);
        check(own, "v=DMARC1; p=reject", "relay.example", &[above], Verdict::Fine);
        check(above, "v=DMARC1; p=reject; sp=none", "returns.shop.example", &[], Verdict::Fine);
        check(above, "v=DMARC1; p=reject; aspf=s", "returns.shop.example", &[], Verdict::Doubtful);
        check(above, "v=DMARC1; p=reject; aspf=s", "returns.shop.example", &["shop.example"], Verdict::Fine);
        check(above, "v=DMARC1; p=reject; aspf=s; adkim=s", "returns.shop.example", &["shop.example"], Verdict::Wrong);
        check(above, "v=DMARC1; p=none; aspf=s; adkim=s", "returns.shop.example", &["shop.example"], Verdict::Doubtful);
        check(above, "v=DMARC1; p=reject", "bounces.relay.example", &[own], Verdict::Fine);
        assert_eq!(verdict(own, own, Err("time".into()), own, &[]).verdict, Verdict::Doubtful);
    }
}
