//! What DNS says of the domain that letters come from: MX (answers and bounces arrive), SPF and DMARC (letters are believed).

use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;

use super::finding::Finding;
use super::parts::sending_domain;
use crate::settings::load::Loaded;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Domains that no letter can come from (RFC 2606, RFC 6761).
const RESERVED: [&str; 6] = ["localhost", "example", "test", "invalid", "local", "localdomain"];

/// Asks for the sending domain.
pub async fn look(loaded: &Loaded) -> Vec<Finding> {
    let Some(domain) = sending_domain(loaded) else { return Vec::new() };
    let last = domain.rsplit('.').next().unwrap_or_default();
    if RESERVED.contains(&last) || domain.parse::<std::net::IpAddr>().is_ok() {
        let note = "letters come from a domain that doesn't exist outside";
        return vec![Finding::doubt("dns", domain, note, "set `mail.from` to an address of your own domain")];
    }
    let Some(resolver) = resolver() else {
        return vec![Finding::doubt("dns", domain, "this machine names no DNS server", "look at /etc/resolv.conf")];
    };
    let fully = format!("{}.", domain.trim_end_matches('.'));
    let policy = format!("_dmarc.{fully}");
    let (mx, spf, dmarc) = tokio::join!(mx(&resolver, &fully), texts(&resolver, &fully), texts(&resolver, &policy));
    vec![mx_verdict(&domain, mx), spf_verdict(&domain, spf), dmarc_verdict(&domain, dmarc)]
}

fn resolver() -> Option<TokioResolver> {
    let mut builder = TokioResolver::builder_tokio().ok()?;
    let options = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = 1;
    builder.build().ok()
}

/// What an answer came to: records (perhaps none), or why there is no answer.
type Answer = Result<Vec<String>, String>;

async fn mx(resolver: &TokioResolver, name: &str) -> Answer {
    let found = tokio::time::timeout(PATIENCE, resolver.mx_lookup(name.to_owned())).await;
    answer(found, |data| match data {
        RData::MX(mx) => Some(mx.exchange.to_string()),
        _ => None,
    })
}

async fn texts(resolver: &TokioResolver, name: &str) -> Answer {
    let found = tokio::time::timeout(PATIENCE, resolver.txt_lookup(name.to_owned())).await;
    answer(found, |data| match data {
        // One record may come in several strings; they are joined without a blank (RFC 7208 §3.3).
        RData::TXT(text) => Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()),
        _ => None,
    })
}

fn answer(
    found: Result<Result<hickory_resolver::lookup::Lookup, NetError>, tokio::time::error::Elapsed>,
    pick: impl Fn(&RData) -> Option<String>,
) -> Answer {
    match found {
        Ok(Ok(lookup)) => Ok(lookup.answers().iter().filter_map(|record| pick(&record.data)).collect()),
        Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".into()),
    }
}

fn unanswered(domain: &str, what: &str, error: &str) -> Finding {
    Finding::doubt(
        "dns",
        format!("{domain}, {what}"),
        format!("could not be asked: {error}"),
        "try again, or ask with `dig`",
    )
}

fn mx_verdict(domain: &str, found: Answer) -> Finding {
    let subject = format!("{domain}, MX");
    match found {
        Err(error) => unanswered(domain, "MX", &error),
        Ok(hosts) if hosts.iter().all(|host| host == ".") => {
            let help = "bounces and answers can't arrive; add an MX record";
            Finding::wrong("dns", subject, "the domain takes no mail", help)
        }
        Ok(hosts) => Finding::fine("dns", subject, hosts.join(", ")),
    }
}

fn spf_verdict(domain: &str, found: Answer) -> Finding {
    let subject = format!("{domain}, SPF");
    let records = match found {
        Err(error) => return unanswered(domain, "SPF", &error),
        Ok(texts) => {
            texts.into_iter().filter(|text| text == "v=spf1" || text.starts_with("v=spf1 ")).collect::<Vec<_>>()
        }
    };
    match records.as_slice() {
        [] => {
            let help = "publish a TXT record `v=spf1 … -all` that names your relay; large mailbox providers refuse bulk mail without one";
            Finding::wrong("dns", subject, "there is no SPF record", help)
        }
        [record] => Finding::fine("dns", subject, record.clone()),
        _ => Finding::wrong(
            "dns",
            subject,
            "there is more than one SPF record",
            "join them: receivers treat several as an error",
        ),
    }
}

fn dmarc_verdict(domain: &str, found: Answer) -> Finding {
    let subject = format!("{domain}, DMARC");
    let record = match found {
        Err(error) => return unanswered(domain, "DMARC", &error),
        Ok(texts) => texts.into_iter().find(|text| text.starts_with("v=DMARC1")),
    };
    let help =
        "publish a TXT record at _dmarc, for example `v=DMARC1; p=none; rua=mailto:…`; a parent domain's also counts";
    match record {
        Some(record) => Finding::fine("dns", subject, record),
        None => Finding::doubt("dns", subject, "there is no DMARC record", help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    fn found(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn spf_is_one_record() {
        let check = |texts: &[&str], expect| {
            assert_eq!(spf_verdict("shop.example", Ok(found(texts))).verdict, expect, "{texts:?}");
        };
        check(&["v=spf1 include:_spf.relay.example -all"], Verdict::Fine);
        check(&["google-site-verification=1", "v=spf1 mx -all"], Verdict::Fine);
        check(&[], Verdict::Wrong);
        check(&["v=spf10 mx"], Verdict::Wrong);
        check(&["v=spf1 mx", "v=spf1 a"], Verdict::Wrong);
        assert_eq!(spf_verdict("shop.example", Err("time".into())).verdict, Verdict::Doubtful);
    }

    #[test]
    fn a_null_mx_takes_no_mail() {
        assert_eq!(mx_verdict("shop.example", Ok(found(&["."]))).verdict, Verdict::Wrong);
        assert_eq!(mx_verdict("shop.example", Ok(found(&[]))).verdict, Verdict::Wrong);
        assert_eq!(mx_verdict("shop.example", Ok(found(&["mx1.shop.example."]))).verdict, Verdict::Fine);
    }

    #[test]
    fn dmarc_may_be_missing() {
        assert_eq!(dmarc_verdict("shop.example", Ok(found(&[]))).verdict, Verdict::Doubtful);
        assert_eq!(dmarc_verdict("shop.example", Ok(found(&["v=DMARC1; p=none"]))).verdict, Verdict::Fine);
    }
}
