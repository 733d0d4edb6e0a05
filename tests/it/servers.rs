//! Against real servers: Postfix as the relay, Dovecot as the mailbox, both private to a test and gone at its end.

mod cuts;
pub mod dovecot;
mod postfix;
mod refusals;
mod restarts;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// Makes a certificate for `localhost` and its key: `cert.pem` and `key.pem`.
fn certify(folder: &Path) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(folder.join("cert.pem"), pem("CERTIFICATE", cert.der())).expect("written");
    fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &signing_key.serialize_der())).expect("written");
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

fn name(what: &str) -> String {
    said("id", &[what])
}

/// The number of whom mail belongs to: not root, whom servers refuse.
fn number(what: &str) -> String {
    if name("-un") == "root" { said("id", &[what, "nobody"]) } else { said("id", &[what]) }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("answers");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Gives what root has made to whom mail belongs.
fn own(path: &Path) {
    if name("-un") == "root" {
        let done = Command::new("chown").args(["-R", "nobody:nogroup"]).arg(path).status().expect("chown runs");
        assert!(done.success());
    }
}

fn open_up(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("may be looked into");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Waits until at least so many mails are in a folder, and gives them all. Other processes put them there: it can only be
/// looked at again.
async fn arrived(folder: &Path, number: usize) -> Vec<Vec<u8>> {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    loop {
        looks.tick().await;
        let files: Vec<_> =
            fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path()).collect();
        if files.len() >= number {
            return files.iter().map(|file| fs::read(file).expect("read")).collect();
        }
    }
}
