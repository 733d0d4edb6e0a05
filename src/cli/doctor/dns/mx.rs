//! MX: whether what comes back arrives (RFC 5321 §5.1, RFC 7505).

use std::net::IpAddr;

use super::ask::{Answer, Dns, unanswered};
use crate::cli::doctor::finding::Finding;

/// Asks who takes a domain's mail, and whether they have addresses.
pub async fn look(dns: &Dns, domain: &str) -> Finding {
    let hosts = dns.mx(domain).await;
    let asked = match &hosts {
        // Without MX a domain's own address takes its mail.
        Ok(hosts) if hosts.is_empty() => vec![(domain.to_owned(), dns.addresses(domain).await)],
        Ok(hosts) if hosts.iter().any(|host| host == ".") => Vec::new(),
        Ok(hosts) => {
            let mut asked = Vec::new();
            for host in hosts {
                asked.push((host.clone(), dns.addresses(host).await));
            }
            asked
        }
        Err(_) => Vec::new(),
    };
    verdict(domain, hosts, &asked)
}

fn verdict(domain: &str, hosts: Answer, asked: &[(String, Answer<IpAddr>)]) -> Finding {
    let subject = format!("{domain}, MX");
    let no_address = |(_, found): &&(String, Answer<IpAddr>)| found.as_ref().is_ok_and(Vec::is_empty);
    let missing: Vec<&str> = asked.iter().filter(no_address).map(|(host, _)| host.as_str()).collect();
    match hosts {
        Err(error) => unanswered(subject, &error),
        Ok(hosts) if hosts.iter().any(|host| host == ".") => {
            let help = "bounces and answers can't arrive; name the host that takes them in an MX record";
            Finding::wrong("dns", subject, "the domain says that it takes no mail", help)
        }
        Ok(hosts) if hosts.is_empty() && !missing.is_empty() => {
            let help = "bounces and answers can't arrive; name the host that takes them in an MX record";
            Finding::wrong("dns", subject, "there is no MX record, and the domain has no address either", help)
        }
        Ok(hosts) if hosts.is_empty() => {
            let help = "add an MX record: some receivers distrust domains without one";
            Finding::doubt("dns", subject, "there is no MX record: mail goes to the domain's own address", help)
        }
        Ok(hosts) if missing.len() == hosts.len() => {
            let help = "an MX record names a host that has an address, not an address, and not an alias";
            Finding::wrong("dns", subject, format!("no address: {}", missing.join(", ")), help)
        }
        Ok(_) if !missing.is_empty() => {
            let help = "give the host an address or take its record away";
            Finding::doubt("dns", subject, format!("no address: {}", missing.join(", ")), help)
        }
        Ok(hosts) => Finding::fine("dns", subject, hosts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn mail_must_be_taken_by_somebody_who_has_an_address() {
        let check = |hosts: &[&str], asked: &[(&str, bool)], expected| {
            let hosts = Ok(hosts.iter().map(|host| (*host).to_owned()).collect());
            let address = |there: bool| if there { vec!["192.0.2.1".parse().expect("an address")] } else { Vec::new() };
            let asked: Vec<_> = asked.iter().map(|(host, there)| ((*host).to_owned(), Ok(address(*there)))).collect();
            let finding = verdict("shop.example", hosts, &asked);
            assert_eq!(finding.verdict, expected, "{finding:?}");
        };
        check(&["."], &[], Verdict::Wrong);
        check(&[], &[("shop.example", false)], Verdict::Wrong);
        check(&[], &[("shop.example", true)], Verdict::Doubtful);
        check(&["mx1.shop.example"], &[("mx1.shop.example", true)], Verdict::Fine);
        check(&["mx1.shop.example"], &[("mx1.shop.example", false)], Verdict::Wrong);
        check(&["a.example", "b.example"], &[("a.example", true), ("b.example", false)], Verdict::Doubtful);
        assert_eq!(verdict("shop.example", Err("time".into()), &[]).verdict, Verdict::Doubtful);
    }
}
