//! `doctor` asks DNS: a server of the test's own answers.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, PTR, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use serde_json::Value;
use tempfile::TempDir;

use super::{milepost, started};

/// A name server over UDP; it answers until the test ends.
struct Zone {
    address: SocketAddr,
}

impl Zone {
    /// Lines of a name, a kind of record, and what it says.
    fn served(lines: &str) -> Self {
        let mut records: HashMap<(String, RecordType), Vec<RData>> = HashMap::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut parts = line.splitn(3, ' ');
            let mut next = || parts.next().unwrap_or_else(|| panic!("`{line}` has three parts"));
            let (name, kind, said) = (next(), next(), next());
            let host = || Name::from_ascii(format!("{}.", said.trim_end_matches('.'))).expect("a name");
            let (kind, data) = match kind {
                "A" => (RecordType::A, RData::A(A(said.parse().expect("an address")))),
                "AAAA" => (RecordType::AAAA, RData::AAAA(AAAA(said.parse().expect("an address")))),
                "MX" => (RecordType::MX, RData::MX(MX::new(10, host()))),
                "PTR" => (RecordType::PTR, RData::PTR(PTR(host()))),
                "TXT" => {
                    let strings = said.as_bytes().chunks(255).map(|part| String::from_utf8_lossy(part).into_owned());
                    (RecordType::TXT, RData::TXT(TXT::new(strings.collect())))
                }
                other => panic!("no records of kind {other}"),
            };
            records.entry((format!("{name}."), kind)).or_default().push(data);
        }
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let Ok(asked) = Message::from_vec(&buffer[..length]) else { continue };
                let mut answer = Message::response(asked.metadata.id, OpCode::Query);
                for query in &asked.queries {
                    let name = query.name().to_ascii().to_lowercase();
                    let found = records.get(&(name.clone(), query.query_type()));
                    let known = records.keys().any(|(known, _)| *known == name);
                    answer.metadata.response_code = if known { ResponseCode::NoError } else { ResponseCode::NXDomain };
                    answer.add_query(query.clone());
                    for data in found.into_iter().flatten() {
                        answer.add_answer(Record::from_rdata(query.name().clone(), 60, data.clone()));
                    }
                }
                let bytes = answer.to_vec().expect("an answer");
                if socket.send_to(&bytes, from).is_err() {
                    break;
                }
            }
        });
        Self { address }
    }

    /// What `doctor` finds: subject, verdict, note.
    fn findings(&self, folder: &Path, more: &[&str]) -> Vec<(String, String, String)> {
        let run =
            milepost(folder).args(["doctor", "--json", "--resolver", &self.address.to_string()]).args(more).assert();
        let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
        let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let findings = report["findings"].as_array().expect("a list").iter().filter(|finding| finding["area"] == "dns");
        findings.map(|finding| (word(finding, "subject"), word(finding, "verdict"), word(finding, "note"))).collect()
    }
}

/// A shop with two senders, an address for what comes back, and a key.
fn shop() -> (TempDir, String) {
    let folder = started();
    let key = ["dkim", "new", "mp1", "--domain", "shop.example", "-o", "secrets/mp1.pem"];
    milepost(folder.path()).args(key).assert().success();
    let settings = "[server]\npublic_url = \"https://shop.example\"\n[mail]\nfrom = \"Shop <hello@shop.example>\"\n\
         [mail.senders.news]\nfrom = \"News <news@news.shop.example>\"\n\
         [mail.returns]\naddress = \"bounce@returns.shop.example\"\n\
         [mail.dkim.mp1]\ndomain = \"shop.example\"\nprivate_key_file = \"secrets/mp1.pem\"\n";
    fs::write(folder.path().join("config/milepost.toml"), settings).expect("written");
    let run = milepost(folder.path()).args(["dkim", "show", "--json"]).assert().success();
    let shown: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    let record =
        format!("{} TXT {}", shown[0]["name"].as_str().expect("a name"), shown[0]["value"].as_str().expect("text"));
    (folder, record)
}

/// Everything as it should be, but for the DKIM record.
const SOUND: &str = "\
shop.example MX mx1.shop.example
news.shop.example MX mx1.shop.example
returns.shop.example MX mx1.shop.example
mx1.shop.example A 203.0.113.10
returns.shop.example TXT v=spf1 include:_spf.relay.example ip6:2001:db8::/32 -all
_spf.relay.example TXT v=spf1 a:out.relay.example/24 -all
out.relay.example A 203.0.113.77
_dmarc.shop.example TXT v=DMARC1; p=reject; rua=mailto:dmarc@shop.example
5.113.0.203.in-addr.arpa PTR out5.relay.example
out5.relay.example A 203.0.113.5";
const EXIT: [&str; 2] = ["--leaves-from", "203.0.113.5"];

#[test]
fn a_sound_domain_is_found_sound() {
    let (folder, key) = shop();
    let found = Zone::served(&format!("{SOUND}\n{key}")).findings(folder.path(), &EXIT);
    let subjects: Vec<&str> = found.iter().map(|(subject, _, _)| subject.as_str()).collect();
    assert_eq!(
        subjects,
        [
            "shop.example, MX",
            "news.shop.example, MX",
            "returns.shop.example, MX",
            "returns.shop.example, SPF",
            "returns.shop.example, SPF, letters leave from (203.0.113.5)",
            "mp1._domainkey.shop.example, DKIM",
            "shop.example, DMARC",
            "news.shop.example, DMARC",
            "letters leave from, 203.0.113.5, reverse DNS",
        ]
    );
    assert!(found.iter().all(|(_, verdict, _)| verdict == "fine"), "{found:#?}");
}

#[test]
fn what_is_missing_is_told() {
    let (folder, key) = shop();
    let links = (0..11).map(|n| format!("c{n}.example TXT v=spf1 include:c{}.example -all", n + 1));
    let chain = links.chain(["c11.example TXT v=spf1 -all".to_owned()]).collect::<Vec<_>>().join("\n");
    let spf = "returns.shop.example, SPF";
    let address = "returns.shop.example, SPF, letters leave from (203.0.113.5)";
    for (from, to, subject, verdict, note) in [
        ("returns.shop.example MX mx1", "other.example MX mx1", "returns.shop.example, MX", "wrong", "no MX record"),
        (
            "returns.shop.example MX mx1.shop.example",
            "returns.shop.example MX .",
            "returns.shop.example, MX",
            "wrong",
            "takes no mail",
        ),
        ("mx1.shop.example A", "mx2.shop.example A", "shop.example, MX", "wrong", "no address: mx1.shop.example"),
        ("returns.shop.example TXT v=spf1", "returns.shop.example TXT v=spf2", spf, "wrong", "no SPF record"),
        ("_spf.relay.example TXT", "_other.relay.example TXT", spf, "wrong", "_spf.relay.example has no SPF record"),
        ("ip6:2001:db8::/32", "ip6:192.0.2.0/24", spf, "wrong", "`ip6:192.0.2.0/24`"),
        ("::/32 -all", "::/32 include:c0.example -all", spf, "wrong", "lookups, and receivers stop after 10"),
        (
            "::/32 -all",
            "::/32 a:x.example mx:y.example a:z.example -all",
            spf,
            "wrong",
            "x.example, y.example, z.example",
        ),
        ("::/32 -all", "::/32 a:x.example -all", spf, "doubtful", "x.example"),
        ("::/32 -all", "::/32", spf, "doubtful", "v=spf1"),
        ("::/32 -all", "::/32 +all", spf, "wrong", "lets everybody send"),
        ("::/32 -all", "::/32 exists:%{i}.list.example ~all", spf, "fine", "(3 of 10 lookups)"),
        ("out.relay.example/24", "out.relay.example/28", address, "wrong", "fail"),
        ("_dmarc.shop.example TXT", "_dmark.shop.example TXT", "news.shop.example, DMARC", "doubtful", "no DMARC"),
        ("p=reject", "p=reject; aspf=s; adkim=s", "news.shop.example, DMARC", "wrong", "as the record asks"),
        ("mp1._domainkey", "mp2._domainkey", "mp1._domainkey.shop.example, DKIM", "wrong", "no record"),
        ("k=rsa", "t=y; k=rsa", "mp1._domainkey.shop.example, DKIM", "doubtful", "as a test"),
        (
            "out5.relay.example A 203.0.113.5",
            "out5.relay.example A 203.0.113.6",
            "letters leave from, 203.0.113.5, reverse DNS",
            "wrong",
            "does not lead back",
        ),
        (
            "5.113.0.203.in-addr",
            "6.113.0.203.in-addr",
            "letters leave from, 203.0.113.5, reverse DNS",
            "wrong",
            "has no name",
        ),
    ] {
        let sound = format!("{SOUND}\n{chain}\n{key}");
        let zone = sound.replace(from, to);
        assert_ne!(zone, sound, "`{from}` is there");
        let found = Zone::served(&zone).findings(folder.path(), &EXIT);
        let told = found.iter().find(|(named, _, _)| named == subject);
        let Some((_, seen, said)) = told else { panic!("{from} → {to}: nothing of {subject}: {found:#?}") };
        assert!(seen == verdict && said.contains(note), "{from} → {to}: {seen} {said}");
    }
}

#[test]
fn without_an_answer_there_are_doubts() {
    let (folder, _) = shop();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let zone = Zone { address: socket.local_addr().expect("an address") };
    drop(socket);
    let found = zone.findings(folder.path(), &[]);
    assert!(!found.is_empty() && found.iter().all(|(_, verdict, _)| verdict == "doubtful"), "{found:#?}");
}
