//! Questions to DNS, each with a short time-out.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use crate::cli::doctor::finding::Finding;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an answer came to: records (perhaps none), or why there is no answer.
pub type Answer<T = String> = Result<Vec<T>, String>;

/// Somebody to ask.
pub struct Dns(TokioResolver);

impl Dns {
    /// A named server, else the system's; `None` if it names none.
    pub fn new(server: Option<SocketAddr>) -> Option<Self> {
        let mut builder = match server {
            Some(server) => {
                let mut named = NameServerConfig::udp_and_tcp(server.ip());
                for connection in &mut named.connections {
                    connection.port = server.port();
                }
                let config = ResolverConfig::from_name_servers(vec![named]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio().ok()?,
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = 1;
        builder.build().ok().map(Self)
    }

    /// The hosts that take a domain's mail, the preferred first, without the dot at the end; `.` of the domain that takes none.
    pub async fn mx(&self, domain: &str) -> Answer {
        let pick = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.to_string())),
            _ => None,
        };
        let mut hosts = answer(self.0.mx_lookup(fully(domain)).await, pick)?;
        hosts.sort();
        Ok(hosts.into_iter().map(|(_, host)| plain(&host)).collect())
    }

    /// The texts at a name. One record may come in several strings; they are joined without a blank (RFC 7208 §3.3).
    pub async fn texts(&self, name: &str) -> Answer {
        answer(self.0.txt_lookup(fully(name)).await, |data| match data {
            RData::TXT(text) => Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect()),
            _ => None,
        })
    }

    /// The addresses of a host, of both kinds.
    pub async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        let pick = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let (four, six) = tokio::join!(self.0.ipv4_lookup(fully(host)), self.0.ipv6_lookup(fully(host)));
        let mut found = answer(four, pick)?;
        found.extend(answer(six, pick)?);
        Ok(found)
    }

    /// The names of an address.
    pub async fn names(&self, address: IpAddr) -> Answer {
        answer(self.0.reverse_lookup(address).await, |data| match data {
            RData::PTR(name) => Some(plain(&name.0.to_string())),
            _ => None,
        })
    }
}

/// Without search domains.
fn fully(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn plain(host: &str) -> String {
    match host.strip_suffix('.') {
        Some("") | None => host.to_owned(),
        Some(name) => name.to_lowercase(),
    }
}

fn answer<T>(found: Result<Lookup, NetError>, pick: impl Fn(&RData) -> Option<T>) -> Answer<T> {
    match found {
        Ok(lookup) => Ok(lookup.answers().iter().filter_map(|record| pick(&record.data)).collect()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// What could not be asked.
pub fn unanswered(subject: String, error: &str) -> Finding {
    let help = "try again, or ask with `dig`, or name another server by `--resolver`";
    Finding::doubt("dns", subject, format!("could not be asked: {error}"), help)
}
