//! DKIM: whether the world can verify what our keys sign (RFC 6376 §3.6.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;

use super::ask::{Answer, Dns, unanswered};
use super::tags::Tags;
use crate::cli::doctor::finding::Finding;
use crate::mail::dkim::{Algorithm, DkimKey, DkimKeys};

/// Asks for the record of every key, and whether every domain that letters come from has one.
pub async fn look(dns: &Dns, keys: &DkimKeys, from: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let asked = keys.all().iter().map(|key| async move { verdict(key, dns.texts(&key.record_name()).await) });
    findings.extend(join_all(asked).await);
    for domain in from {
        let subject = format!("{domain}, DKIM");
        let algorithms: Vec<Algorithm> = keys.of(domain).map(DkimKey::algorithm).collect();
        if algorithms.is_empty() {
            let help = "`milepost dkim new` makes a key; leave it if the relay signs for this domain";
            findings.push(Finding::doubt("dns", subject, "letters are not signed here", help));
        } else if !algorithms.contains(&Algorithm::Rsa) {
            let help = "add an RSA key beside it: `milepost dkim new`";
            let note = "signed by Ed25519 only, which many receivers can't verify";
            findings.push(Finding::doubt("dns", subject, note, help));
        }
    }
    findings
}

fn verdict(key: &DkimKey, found: Answer) -> Finding {
    let subject = format!("{}, DKIM", key.record_name());
    let publish = "publish the record that `milepost dkim show` prints; until then letters fail verification";
    let texts = match found {
        Err(error) => return unanswered(subject, &error),
        Ok(texts) => texts,
    };
    let [record] = texts.as_slice() else {
        let note = if texts.is_empty() { "there is no record" } else { "there is more than one record" };
        return Finding::wrong("dns", subject, note, publish);
    };
    let tags = Tags::of(record);
    let bytes = |text: &str| STANDARD.decode(text.split_whitespace().collect::<String>()).ok();
    let wrong = if tags.get("v").is_some_and(|version| version != "DKIM1") {
        "the record is not `v=DKIM1`"
    } else if tags.get("p").is_none() {
        "the record has no key (`p=`)"
    } else if tags.get("p") == Some("") {
        "the key is revoked: `p=` is empty"
    } else if !tags.get("k").unwrap_or("rsa").eq_ignore_ascii_case(key.algorithm().word()) {
        "the record is of another kind of key (`k=`)"
    } else if tags.get("p").and_then(bytes) != bytes(&key.public()) {
        "another key is published"
    } else if tags.get("h").is_some() && !tags.has("h", "sha256") {
        "the record forbids SHA-256 (`h=`)"
    } else if tags.get("s").is_some() && !tags.has("s", "email") && !tags.has("s", "*") {
        "the record is not for mail (`s=`)"
    } else {
        ""
    };
    if !wrong.is_empty() {
        return Finding::wrong("dns", subject, wrong, publish);
    }
    if tags.has("t", "y") {
        let help = "take `t=y` out of the record once letters verify";
        return Finding::doubt("dns", subject, "published as a test: receivers treat letters as unsigned", help);
    }
    Finding::fine("dns", subject, format!("published, {}", key.algorithm().tag()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;
    use crate::mail::dkim::generate;
    use crate::settings::DkimSettings;

    #[test]
    fn the_record_must_be_that_of_the_key() {
        let key = |algorithm| {
            let private_key = Some(generate(algorithm).expect("a key"));
            let settings = DkimSettings { domain: Some("shop.example".into()), selector: None, private_key };
            DkimKey::new("mp1", &settings, "").expect("a key")
        };
        let (key, other) = (key(Algorithm::Ed25519), key(Algorithm::Ed25519));
        let record = key.record();
        let (head, tail) = record.split_at(record.len() - 8);
        for (texts, expected) in [
            (vec![record.clone()], Verdict::Fine),
            (vec![format!("{head} {tail}")], Verdict::Fine),
            (vec![record.replace("v=DKIM1; ", "")], Verdict::Fine),
            (vec![format!("{record}; t=s; h=sha1:sha256; s=*")], Verdict::Fine),
            (vec![format!("{record}; t=y:s")], Verdict::Doubtful),
            (vec![], Verdict::Wrong),
            (vec![record.clone(), record.clone()], Verdict::Wrong),
            (vec![other.record()], Verdict::Wrong),
            (vec!["v=DKIM1; k=ed25519; p=".into()], Verdict::Wrong),
            (vec![record.replace("k=ed25519; ", "")], Verdict::Wrong),
            (vec![format!("{record}; h=sha1")], Verdict::Wrong),
            (vec![format!("{record}; s=tlsrpt")], Verdict::Wrong),
            (vec![record.replace("DKIM1", "DKIM2")], Verdict::Wrong),
            (vec!["some other text".into()], Verdict::Wrong),
        ] {
            let finding = verdict(&key, Ok(texts.clone()));
            assert_eq!(finding.verdict, expected, "{texts:?} {finding:?}");
        }
        assert_eq!(verdict(&key, Err("time".into())).verdict, Verdict::Doubtful);
    }
}
