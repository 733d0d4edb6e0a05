//! An SPF record with everything that it includes, read once, then asked for any address.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::cli::doctor::dns::ask::{Answer, Dns};

/// However a record goes on, no more is asked than this; receivers stop at ten.
const ENOUGH: usize = 40;

/// What a record says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// A record.
#[derive(Debug)]
pub struct Tree {
    text: String,
    terms: Vec<(Match, Term)>,
    redirect: Option<Box<Tree>>,
}

#[derive(Debug)]
enum Term {
    All,
    Networks(Vec<IpNet>),
    Include(Box<Tree>),
    /// What depends on the letter (`exists`, macros) or on the receiver (`ptr`): here it fits nothing.
    Unknown,
}

impl Tree {
    /// The record as it is published.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is said of an address; `None` if nothing is.
    pub fn check(&self, address: IpAddr) -> Option<Match> {
        let fits = |term: &Term| match term {
            Term::All => true,
            Term::Networks(networks) => networks.iter().any(|network| network.contains(&address)),
            // Only what passes there counts (RFC 7208 §5.2).
            Term::Include(tree) => tree.check(address) == Some(Match::Pass),
            Term::Unknown => false,
        };
        let found = self.terms.iter().find(|(_, term)| fits(term)).map(|(found, _)| *found);
        found.or_else(|| self.redirect.as_ref().and_then(|tree| tree.check(address)))
    }

    /// What is said of those whom nothing names.
    pub fn rest(&self) -> Option<Match> {
        let all = self.terms.iter().find(|(_, term)| matches!(term, Term::All)).map(|(found, _)| *found);
        all.or_else(|| self.redirect.as_ref().and_then(|tree| tree.rest()))
    }
}

/// Reads records.
pub struct Reading<'d> {
    dns: &'d Dns,
    /// How many questions a receiver asks at most.
    pub lookups: usize,
    /// Names that lead nowhere.
    pub voids: Vec<String>,
    /// What makes receivers stop.
    pub faults: Vec<String>,
}

impl<'d> Reading<'d> {
    pub fn new(dns: &'d Dns) -> Self {
        Self { dns, lookups: 0, voids: Vec::new(), faults: Vec::new() }
    }

    /// The record of a domain; `None` without one, or with several, which is a fault. An error where nobody answers.
    pub async fn record(&mut self, domain: &str) -> Result<Option<Tree>, String> {
        let texts = self.dns.texts(domain).await?;
        let mut records = texts.into_iter().filter(|text| {
            let mut words = text.split(' ');
            words.next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
        });
        let Some(text) = records.next() else { return Ok(None) };
        if records.next().is_some() {
            self.faults.push(format!("there is more than one SPF record at {domain}: join them"));
            return Ok(None);
        }
        let mut tree = Tree { terms: Vec::new(), redirect: None, text };
        let terms: Vec<String> = tree.text.split(' ').skip(1).filter(|t| !t.is_empty()).map(str::to_owned).collect();
        for term in &terms {
            let (found, rest) = qualifier(term);
            let name_ends = rest.find([':', '/', '=']).unwrap_or(rest.len());
            let (name, value) = rest.split_at(name_ends);
            if let Some(target) = value.strip_prefix('=') {
                if name.eq_ignore_ascii_case("redirect") {
                    tree.redirect = self.followed(domain, target, term).await?.map(Box::new);
                }
                // Other modifiers are for later versions of the standard, or explain.
                continue;
            }
            match self.term(domain, name, value, term).await? {
                Some(term) => tree.terms.push((found, term)),
                None if name.eq_ignore_ascii_case("include") => {}
                None => self.faults.push(format!("`{term}` in the record of {domain} can't be understood")),
            }
        }
        Ok(Some(tree))
    }

    async fn term(&mut self, domain: &str, name: &str, value: &str, term: &str) -> Result<Option<Term>, String> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "all" if value.is_empty() => Some(Term::All),
            kind @ ("ip4" | "ip6") => value
                .strip_prefix(':')
                .and_then(|text| network(text, kind == "ip4"))
                .map(|network| Term::Networks(vec![network])),
            "include" => {
                let target = value.strip_prefix(':').unwrap_or_default();
                self.followed(domain, target, term).await?.map(|tree| Term::Include(Box::new(tree)))
            }
            kind @ ("a" | "mx") => {
                let Some((host, four, six)) = host(value, domain) else { return Ok(None) };
                self.lookups += 1;
                if host.contains('%') || self.lookups > ENOUGH {
                    return Ok(Some(Term::Unknown));
                }
                let addresses = self.addresses(host, kind == "mx").await?;
                Some(Term::Networks(addresses.into_iter().filter_map(|address| around(address, four, six)).collect()))
            }
            "exists" | "ptr" => {
                self.lookups += 1;
                Some(Term::Unknown)
            }
            _ => None,
        })
    }

    async fn addresses(&mut self, host: &str, by_mx: bool) -> Answer<IpAddr> {
        let hosts = if by_mx { self.dns.mx(host).await? } else { vec![host.to_owned()] };
        let mut addresses = Vec::new();
        for host in &hosts {
            addresses.extend(self.dns.addresses(host).await?);
        }
        if addresses.is_empty() {
            self.voids.push(host.to_owned());
        }
        Ok(addresses)
    }

    /// The record that another leads to, which must be there.
    async fn followed(&mut self, domain: &str, target: &str, term: &str) -> Result<Option<Tree>, String> {
        self.lookups += 1;
        if target.contains('%') || self.lookups > ENOUGH {
            return Ok(None);
        }
        if target.is_empty() {
            self.faults.push(format!("`{term}` in the record of {domain} names no domain"));
            return Ok(None);
        }
        let faults = self.faults.len();
        let tree = Box::pin(self.record(target)).await?;
        if tree.is_none() && self.faults.len() == faults {
            self.faults.push(format!("`{term}` in the record of {domain}: {target} has no SPF record"));
        }
        Ok(tree)
    }
}

fn qualifier(term: &str) -> (Match, &str) {
    let found = match term.as_bytes().first() {
        Some(b'+') => Match::Pass,
        Some(b'-') => Match::Fail,
        Some(b'~') => Match::SoftFail,
        Some(b'?') => Match::Neutral,
        _ => return (Match::Pass, term),
    };
    (found, &term[1..])
}

fn network(text: &str, four: bool) -> Option<IpNet> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    (matches!(network, IpNet::V4(_)) == four).then_some(network)
}

/// The host of `a` or `mx` and the lengths of the prefixes: `:host/24//64`, each part may be missing.
fn host<'a>(value: &'a str, domain: &'a str) -> Option<(&'a str, u8, u8)> {
    let (host, lengths) = value.split_at(value.find('/').unwrap_or(value.len()));
    let host = match host.strip_prefix(':') {
        Some("") => return None,
        Some(host) => host,
        None => domain,
    };
    let (four, six) = match lengths.split_once("//") {
        Some((four, six)) => (four, Some(six)),
        None => (lengths, None),
    };
    let four = four.strip_prefix('/').map_or(Some(32), |length| length.parse().ok())?;
    let six = six.map_or(Some(128), |length| length.parse().ok())?;
    (four <= 32 && six <= 128).then_some((host, four, six))
}

fn around(address: IpAddr, four: u8, six: u8) -> Option<IpNet> {
    match address {
        IpAddr::V4(address) => Ipv4Net::new(address, four).ok().map(IpNet::V4),
        IpAddr::V6(address) => Ipv6Net::new(address, six).ok().map(IpNet::V6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read() {
        assert_eq!(qualifier("~all"), (Match::SoftFail, "all"));
        assert_eq!(qualifier("mx"), (Match::Pass, "mx"));
        assert_eq!(host("", "d.example"), Some(("d.example", 32, 128)));
        assert_eq!(host(":h.example/24", "d.example"), Some(("h.example", 24, 128)));
        assert_eq!(host("/24//64", "d.example"), Some(("d.example", 24, 64)));
        assert_eq!(host("//64", "d.example"), Some(("d.example", 32, 64)));
        assert_eq!(host("/33", "d.example"), None);
        assert_eq!(host(":", "d.example"), None);
        assert!(network("192.0.2.0/24", true).is_some() && network("192.0.2.1", true).is_some());
        assert!(network("192.0.2.0/24", false).is_none() && network("2001:db8::/32", false).is_some());
        assert!(network("192.0.2.0/240", true).is_none() && network("", true).is_none());
    }
}
