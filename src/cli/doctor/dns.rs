//! What DNS says of the domains that letters come from and go back to: MX (answers and bounces arrive), SPF, DKIM and DMARC
//! (letters are believed), reverse DNS of the addresses that letters leave from.

mod ask;
mod dkim;
mod dmarc;
mod mx;
mod reverse;
mod spf;
mod tags;

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use futures_util::future::join_all;

use super::finding::Finding;
use super::parts::{domain_of, sending_domain};
use crate::guard::is_public;
use crate::mail::dkim::DkimKeys;
use crate::settings::load::Loaded;
use ask::Dns;

/// Where letters seem to leave from can only be guessed from the relays' names; who knows it better says so.
#[derive(Debug, Args)]
pub struct DnsArgs {
    /// Ask this DNS server instead of the system's, such as `1.1.1.1` or `192.0.2.53:5353`: the domain's own server shows a
    /// new record before the others do.
    #[arg(long, value_name = "ADDRESS", value_parser = server)]
    resolver: Option<SocketAddr>,
    /// An address that letters leave from, if it isn't that of the relay; may be given several times.
    #[arg(long = "leaves-from", value_name = "ADDRESS")]
    leaves_from: Vec<IpAddr>,
}

fn server(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>()
        .or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
        .map_err(|_| "write an address such as `1.1.1.1`, or one with its port such as `192.0.2.53:5353`".into())
}

/// Addresses that letters leave from, as far as can be told.
pub struct Exit {
    /// Whose they are: `relay main`.
    name: String,
    /// The public ones.
    addresses: Vec<IpAddr>,
    /// Whether the user named them; else they are those that the relay is reached at, and it may use others.
    certain: bool,
}

/// Domains that no letter can come from (RFC 2606, RFC 6761).
const RESERVED: [&str; 6] = ["localhost", "example", "test", "invalid", "local", "localdomain"];

/// Asks for every domain that letters come from and go back to.
pub async fn look(loaded: &Loaded, args: &DnsArgs) -> Vec<Finding> {
    let Some(default) = sending_domain(loaded) else { return Vec::new() };
    let Some(dns) = Dns::new(args.resolver) else {
        return vec![Finding::doubt("dns", default, "this machine names no DNS server", "look at /etc/resolv.conf")];
    };
    let mail = &loaded.settings.mail;
    let mut from = vec![default.clone()];
    from.extend(mail.senders.values().filter_map(|sender| domain_of(&sender.from)));
    let back = mail.returns.address.as_deref().and_then(domain_of);
    let answers = mail.replies.address.as_deref().and_then(domain_of);

    let mut findings = Vec::new();
    // Whoever names a DNS server may have names of its own there.
    let exists = |domain: &String| args.resolver.is_some() || !reserved(domain);
    if !exists(&default) {
        let note = "letters come from a domain that doesn't exist outside";
        let help = "set `mail.from` to an address of your own domain";
        findings.push(Finding::doubt("dns", default.clone(), note, help));
    }
    let from = distinct(from.into_iter().filter(exists));
    // Where bounces have a domain of their own it is the one whose SPF is asked (RFC 7208 §2.4).
    let envelopes = match &back {
        Some(back) => vec![back.clone()].into_iter().filter(exists).collect(),
        None => from.clone(),
    };
    let receiving = distinct(from.iter().chain(&envelopes).cloned().chain(answers.into_iter().filter(exists)));

    // Faults of the keys were told when the settings were read.
    let keys = DkimKeys::new(&mail.dkim, &default).unwrap_or_default();
    let exits = exits(loaded, &dns, args).await;
    // Nothing waits for anything else, so that a silent server costs the patience for one.
    let (mx, spf, dkim, dmarc, reverse) = tokio::join!(
        join_all(receiving.iter().map(|domain| mx::look(&dns, domain))),
        join_all(envelopes.iter().map(|domain| spf::look(&dns, domain, &exits))),
        dkim::look(&dns, &keys, &from),
        join_all(from.iter().map(|domain| dmarc::look(&dns, domain, back.as_ref().unwrap_or(domain), &keys))),
        reverse::look(&dns, &exits),
    );
    findings.extend(mx);
    findings.extend(spf.into_iter().flatten());
    findings.extend(dkim);
    findings.extend(dmarc);
    findings.extend(reverse);
    findings
}

fn reserved(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    RESERVED.contains(&last) || domain.parse::<IpAddr>().is_ok()
}

fn distinct(domains: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for domain in domains {
        if !seen.contains(&domain) {
            seen.push(domain);
        }
    }
    seen
}

async fn exits(loaded: &Loaded, dns: &Dns, args: &DnsArgs) -> Vec<Exit> {
    if !args.leaves_from.is_empty() {
        let name = "letters leave from".to_owned();
        return vec![Exit { name, addresses: args.leaves_from.clone(), certain: true }];
    }
    let mut exits: Vec<Exit> = Vec::new();
    for (name, relay) in &loaded.settings.mail.relays {
        let found = match relay.host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) if relay.host.eq_ignore_ascii_case("localhost") => Vec::new(),
            // A relay that can't be found is told where the relays are looked at.
            Err(_) => dns.addresses(&relay.host).await.unwrap_or_default(),
        };
        let addresses: Vec<IpAddr> = found.into_iter().filter(|address| is_public(*address)).collect();
        if !addresses.is_empty() {
            exits.push(Exit { name: format!("relay {name}"), addresses, certain: false });
        }
    }
    exits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_come_with_or_without_a_port() {
        for (text, expected) in [
            ("1.1.1.1", "1.1.1.1:53"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("2606:4700::1111", "[2606:4700::1111]:53"),
            ("[::1]", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(server(text).map(|server| server.to_string()), Ok(expected.to_owned()));
        }
        assert!(server("dns.example").is_err());
    }
}
