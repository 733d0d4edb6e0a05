//! Reverse DNS: large mailbox providers ask that the address a letter comes from has a name, and that the name has the address.

use std::net::IpAddr;

use futures_util::future::join_all;

use super::Exit;
use super::ask::{Dns, unanswered};
use crate::cli::doctor::finding::{Finding, Verdict};

/// Asks for the names of the addresses that letters leave from, and for the addresses of those names.
pub async fn look(dns: &Dns, exits: &[Exit]) -> Vec<Finding> {
    let asked = exits.iter().flat_map(|exit| exit.addresses.iter().map(move |address| one(dns, exit, *address)));
    join_all(asked).await
}

async fn one(dns: &Dns, exit: &Exit, address: IpAddr) -> Finding {
    let subject = format!("{}, {address}, reverse DNS", exit.name);
    let names = match dns.names(address).await {
        Ok(names) => names,
        Err(error) => return unanswered(subject, &error),
    };
    let mut confirmed = None;
    for name in &names {
        if dns.addresses(name).await.is_ok_and(|found| found.contains(&address)) {
            confirmed = Some(name.clone());
            break;
        }
    }
    verdict(subject, address, &names, confirmed, exit.certain)
}

fn verdict(subject: String, address: IpAddr, names: &[String], confirmed: Option<String>, certain: bool) -> Finding {
    let note = match (confirmed, names) {
        (Some(name), _) => return Finding::fine("dns", subject, format!("{name}, and back")),
        (None, []) => "the address has no name".to_owned(),
        (None, names) => format!("{} does not lead back to {address}", names.join(", ")),
    };
    let help = if certain {
        "ask whoever the address is rented from for a PTR record, and give that name the address: Gmail and others refuse letters without both"
    } else {
        "if letters leave from this address it needs a PTR record whose name leads back; if not, name the right one by `--leaves-from`"
    };
    let verdict = if certain { Verdict::Wrong } else { Verdict::Doubtful };
    Finding { verdict, ..Finding::doubt("dns", subject, note, help) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_must_lead_back() {
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        let look = |names: &[&str], confirmed: Option<&str>, certain| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            verdict("x".into(), address, &names, confirmed.map(str::to_owned), certain).verdict
        };
        assert_eq!(look(&["mx.shop.example"], Some("mx.shop.example"), true), Verdict::Fine);
        assert_eq!(look(&["mx.shop.example"], None, true), Verdict::Wrong);
        assert_eq!(look(&[], None, true), Verdict::Wrong);
        assert_eq!(look(&[], None, false), Verdict::Doubtful);
    }
}
