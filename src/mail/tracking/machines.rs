//! Programs that show what they are: by what they call themselves, and by where they ask from. Data, and no more.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use crate::journey::reads::What;
use crate::settings::TrackingSettings;

const KNOWN: &str = include_str!("machines.toml");

/// What is known of programs.
#[derive(Clone, Debug)]
pub struct Machines {
    agents: Vec<Agent>,
    networks: Vec<(IpNet, Vec<What>)>,
    people: Vec<String>,
}

/// Why the list of programs can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MachinesError {
    /// The list that is built in: a fault of this build.
    #[error("the list of programs that read letters can't be read")]
    Known(#[source] Box<toml::de::Error>),
    /// A network of the settings.
    #[error("mail.tracking.networks: `{0}` is no network such as `192.0.2.0/24`")]
    Network(String),
}

#[derive(Deserialize)]
struct List {
    agent: Vec<Agent>,
    network: Vec<Network>,
}

#[derive(Clone, Debug, Deserialize)]
struct Agent {
    #[serde(default)]
    has: Option<String>,
    #[serde(default)]
    is: Option<String>,
    marks: Vec<What>,
}

#[derive(Deserialize)]
struct Network {
    ranges: Vec<IpNet>,
    marks: Vec<What>,
}

impl Machines {
    /// The programs that are known, and those of the settings.
    pub fn new(settings: &TrackingSettings) -> Result<Self, MachinesError> {
        let List { mut agent, network } =
            toml::from_str(KNOWN).map_err(|error| MachinesError::Known(Box::new(error)))?;
        let both = || vec![What::Opened, What::Clicked];
        agent.extend(settings.machines.iter().map(|has| Agent { has: Some(has.clone()), is: None, marks: both() }));
        for agent in &mut agent {
            for text in [&mut agent.has, &mut agent.is].into_iter().flatten() {
                *text = text.to_lowercase();
            }
        }
        let known = network
            .into_iter()
            .flat_map(|Network { ranges, marks }| ranges.into_iter().map(move |range| (range, marks.clone())));
        let mut networks: Vec<(IpNet, Vec<What>)> = known.collect();
        for text in &settings.networks {
            let range = text.parse().map_err(|_| MachinesError::Network(text.clone()))?;
            networks.push((range, both()));
        }
        let people = settings.people.iter().map(|text| text.to_lowercase()).collect();
        Ok(Self { agents: agent, networks, people })
    }

    /// By what somebody is known for a program that does this: `agent` or `network`. `None`: as far as is known, a person.
    pub fn known(&self, what: What, agent: &str, address: Option<IpAddr>) -> Option<&'static str> {
        let agent = agent.trim().to_lowercase();
        if self.people.iter().any(|text| agent.contains(text.as_str())) {
            return None;
        }
        let is = |known: &Agent| {
            known.marks.contains(&what)
                && (known.is.as_deref() == Some(agent.as_str())
                    || known.has.as_deref().is_some_and(|part| agent.contains(part)))
        };
        if self.agents.iter().any(is) {
            return Some("agent");
        }
        let address = address.map(|address| address.to_canonical())?;
        let inside = |(range, marks): &(IpNet, Vec<What>)| marks.contains(&what) && range.contains(&address);
        self.networks.iter().any(inside).then_some("network")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_people() {
        let settings = TrackingSettings {
            machines: vec!["ShopWatch".into()],
            networks: vec!["2001:db8::/32".into()],
            people: vec!["Kindly".into()],
            ..TrackingSettings::default()
        };
        let machines = Machines::new(&settings).expect("a list");
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let gmail = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
        for (what, agent, address, expect) in [
            (What::Clicked, firefox, "198.51.100.7", None),
            (What::Clicked, firefox, "40.107.3.4", Some("network")),
            (What::Clicked, firefox, "::ffff:40.107.3.4", Some("network")),
            (What::Clicked, firefox, "2001:db8::1", Some("network")),
            (What::Clicked, "Mozilla/5.0 (compatible; BarracudaCentral)", "198.51.100.7", Some("agent")),
            (What::Clicked, "shopwatch/1", "198.51.100.7", Some("agent")),
            (What::Clicked, "Kindly reading bot", "40.107.3.4", None),
            (What::Clicked, "", "198.51.100.7", Some("agent")),
            (What::Opened, "Mozilla/5.0", "198.51.100.7", Some("agent")),
            (What::Clicked, "Mozilla/5.0", "198.51.100.7", None),
            (What::Opened, firefox, "17.58.1.2", Some("network")),
            (What::Clicked, firefox, "17.58.1.2", None),
            (What::Opened, gmail, "66.249.84.1", None),
        ] {
            assert_eq!(machines.known(what, agent, address.parse().ok()), expect, "{agent} {address}");
        }
        assert!(Machines::new(&TrackingSettings { networks: vec!["here".into()], ..settings }).is_err());
    }
}
