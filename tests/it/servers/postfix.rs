//! A private Postfix: a real relay in folders of its own. What it takes on for mailboxes it hands to a Dovecot.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::dovecot::Dovecot;
use super::{certify, free_port, name, number, open_up, own, said};

/// The largest letter that it takes, in bytes.
pub const LARGEST: usize = 40_000;

pub struct Postfix {
    folder: TempDir,
    /// In the clear, STARTTLS offered; nobody need log in.
    pub open: u16,
    /// STARTTLS and AUTH required.
    pub submission: u16,
    /// TLS from the first byte, and AUTH.
    pub sealed: u16,
}

impl Postfix {
    /// `policy` is the port of somebody who is asked about every recipient.
    pub fn start(dovecot: &Dovecot, policy: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        certify(folder.path());
        let made = Self { open: free_port(), submission: free_port(), sealed: free_port(), folder };
        let path = made.folder.path();
        for part in ["conf", "queue", "data", "many", "many/cur", "many/new", "many/tmp"] {
            fs::create_dir_all(path.join(part)).expect("a folder");
        }
        fs::write(path.join("conf/main.cf"), main(path, dovecot, policy)).expect("written");
        fs::write(path.join("conf/master.cf"), made.master()).expect("written");
        fs::write(path.join("recipients"), RECIPIENTS).expect("written");
        fs::write(path.join("transports"), "/@many\\.example$/ virtual:\n").expect("written");
        own(&path.join("many"));
        run(&["chown", "postfix", &path.join("data").display().to_string()]);
        open_up(path);
        made.postfix("start");
        made
    }

    /// Ends it at once, whatever is under way, and starts it anew.
    pub fn restart(&self) {
        self.postfix("abort");
        self.postfix("start");
    }

    /// Its certificate in PEM.
    pub fn authority(&self) -> String {
        fs::read_to_string(self.folder.path().join("cert.pem")).expect("a certificate")
    }

    /// Letters delivered to the domain `many.example`.
    pub fn many(&self) -> PathBuf {
        self.folder.path().join("many/new")
    }

    /// Waits until nothing is left in its queue; what it put off it tries at once.
    pub async fn drained(&self) {
        self.postfix("flush");
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let parts = ["incoming", "active", "deferred"].map(|part| self.folder.path().join("queue").join(part));
        let parts = parts.each_ref().map(|part| part.to_str().expect("a path in UTF-8"));
        while !said("find", &[parts.as_slice(), &["-type", "f"]].concat()).is_empty() {
            looks.tick().await;
        }
    }

    fn postfix(&self, command: &str) {
        run(&["postfix", "-c", &self.folder.path().join("conf").display().to_string(), command]);
    }

    fn master(&self) -> String {
        let mut lines = format!(
            "127.0.0.1:{} inet n - n - - smtpd\n\
             127.0.0.1:{} inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt\n  -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n\
             127.0.0.1:{} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n  -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n",
            self.open, self.submission, self.sealed
        );
        for (service, wake, most, program) in [
            ("pickup unix n", "60", "1", "pickup"),
            ("cleanup unix n", "-", "0", "cleanup"),
            ("qmgr unix n", "300", "1", "qmgr"),
            ("tlsmgr unix -", "1000?", "1", "tlsmgr"),
            ("rewrite unix -", "-", "-", "trivial-rewrite"),
            ("bounce unix -", "-", "0", "bounce"),
            ("defer unix -", "-", "0", "bounce"),
            ("trace unix -", "-", "0", "bounce"),
            ("verify unix -", "-", "1", "verify"),
            ("flush unix n", "1000?", "0", "flush"),
            ("proxymap unix -", "-", "-", "proxymap"),
            ("smtp unix -", "-", "-", "smtp"),
            ("lmtp unix -", "-", "-", "lmtp"),
            ("error unix -", "-", "-", "error"),
            ("retry unix -", "-", "-", "error"),
            ("anvil unix -", "-", "1", "anvil"),
            ("scache unix -", "-", "1", "scache"),
        ] {
            let _ = writeln!(lines, "{service} - n {wake} {most} {program}");
        }
        lines + "virtual unix - n n - - virtual\npostlog unix-dgram n - n - 1 postlogd\n"
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.postfix("abort");
    }
}

/// Whom it takes letters for. Whom `late.example` has only the mailbox's server knows.
const RECIPIENTS: &str = "/^(anna|ben|cleo|grey|full|larger)@mail\\.example$/ yes\n/@late\\.example$/ yes\n\
                          /^returns(\\+[^@]*)?@returns\\.shop\\.example$/ yes\n/@many\\.example$/ many/\n";

fn main(folder: &Path, dovecot: &Dovecot, policy: u16) -> String {
    let (mail, sasl, folder) = (dovecot.lmtp, dovecot.sasl(), folder.display());
    format!(
        "compatibility_level = 3.6\nqueue_directory = {folder}/queue\ndata_directory = {folder}/data\n\
         maillog_file_prefixes = {folder}\nmaillog_file = {folder}/log\nmyhostname = mx.relay.example\nmydestination =\n\
         mynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nalias_maps =\nlocal_recipient_maps =\n\
         virtual_mailbox_domains = mail.example late.example many.example returns.shop.example\n\
         virtual_mailbox_maps = regexp:{folder}/recipients\nvirtual_mailbox_base = {folder}\nvirtual_minimum_uid = 1\n\
         virtual_uid_maps = static:{}\nvirtual_gid_maps = static:{}\nvirtual_transport = lmtp:inet:127.0.0.1:{mail}\n\
         transport_maps = regexp:{folder}/transports\nmessage_size_limit = {LARGEST}\n\
         smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {folder}/cert.pem\nsmtpd_tls_key_file = {folder}/key.pem\n\
         smtpd_tls_auth_only = yes\nsmtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {}\n\
         smtpd_recipient_restrictions = reject_unauth_destination, reject_unlisted_recipient, check_policy_service inet:127.0.0.1:{policy}\n\
         smtpd_relay_restrictions =\nsmtpd_error_sleep_time = 0\nsmtpd_peername_lookup = no\n",
        number("-u"),
        number("-g"),
        sasl.display(),
    )
}

/// Runs a command that only root may, by `sudo` for others.
fn run(command: &[&str]) {
    let mut words: Vec<&str> = if name("-un") == "root" { Vec::new() } else { vec!["sudo", "-n"] };
    words.extend(command);
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?} (Postfix runs for root only; others need `sudo -n`): {said}");
}
