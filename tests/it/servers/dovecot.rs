//! A private Dovecot: a real mailbox over Maildir folders of its own, by IMAP and LMTP, with a certificate made for it. It also
//! checks the passwords that a relay is given.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{certify, free_port, name, number, open_up, own};

/// The mailbox that what comes back is read from.
pub const USER: &str = "returns";
pub const PASSWORD: &str = "a-password-of-the-mailbox";
/// Everybody who has a mailbox. That of `full` takes a kilobyte.
const USERS: [&str; 6] = [USER, "anna", "ben", "cleo", "grey", "full"];

pub struct Dovecot {
    folder: TempDir,
    /// IMAP in the clear, and with STARTTLS.
    pub port: u16,
    /// IMAP under TLS from the first byte.
    pub sealed: u16,
    /// Where a relay delivers (LMTP, RFC 2033).
    pub lmtp: u16,
    child: Child,
}

impl Dovecot {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        certify(folder.path());
        let (port, sealed, lmtp) = (free_port(), free_port(), free_port());
        fs::write(folder.path().join("dovecot.conf"), config(folder.path(), port, sealed, lmtp)).expect("written");
        fs::write(folder.path().join("users"), users(folder.path())).expect("written");
        let mail = folder.path().join("mail");
        for user in USERS {
            for part in ["", "new", "cur", "tmp"] {
                fs::create_dir_all(mail.join(user).join(part)).expect("a folder");
            }
        }
        own(&mail);
        open_up(folder.path());
        let child = serve(folder.path());
        let dovecot = Self { folder, port, sealed, lmtp, child };
        dovecot.answers().await;
        dovecot
    }

    /// Delivers a mail to the mailbox that is read.
    pub fn deliver(&self, name: &str, mail: &[u8]) {
        let (tmp, new) = (self.mail().join("tmp").join(name), self.mail().join("new").join(name));
        fs::write(&tmp, mail).expect("written");
        own(&tmp);
        fs::rename(&tmp, new).expect("delivered");
    }

    /// The folder of the mailbox that is read.
    pub fn mail(&self) -> PathBuf {
        self.mail_of(USER)
    }

    /// The folder of somebody's mail.
    pub fn mail_of(&self, user: &str) -> PathBuf {
        self.folder.path().join("mail").join(user)
    }

    /// Its certificate in PEM.
    pub fn authority(&self) -> String {
        fs::read_to_string(self.folder.path().join("cert.pem")).expect("a certificate")
    }

    /// The socket at which a relay asks about passwords (SASL).
    pub fn sasl(&self) -> PathBuf {
        self.folder.path().join("sasl")
    }

    /// Ends it, and every connection with it.
    pub fn stop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        self.child.wait().expect("ends");
    }

    pub async fn start_again(&mut self) {
        self.child = serve(self.folder.path());
        self.answers().await;
    }

    async fn answers(&self) {
        for port in [self.port, self.lmtp] {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(folder: &Path) -> Child {
    let started = Command::new("dovecot")
        .args(["-F", "-c"])
        .arg(folder.join("dovecot.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.expect("dovecot is installed: apt-get install dovecot-imapd dovecot-lmtpd")
}

fn users(folder: &Path) -> String {
    let (user, group) = (number("-u"), number("-g"));
    let line = |name: &str| {
        let quota = if name == "full" { "userdb_quota_rule=*:bytes=1000" } else { "" };
        format!("{name}:{{PLAIN}}{PASSWORD}:{user}:{group}::{}/mail/{name}::{quota}\n", folder.display())
    };
    USERS.iter().map(|name| line(name)).collect()
}

fn config(folder: &Path, port: u16, sealed: u16, lmtp: u16) -> String {
    let folder = folder.display();
    let inner = if name("-un") == "root" {
        String::new()
    } else {
        let (user, group) = (name("-un"), name("-gn"));
        format!("default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n")
    };
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/run\nlog_path = {folder}/log\nprotocols = imap lmtp\nlisten = 127.0.0.1\n\
         {inner}ssl = yes\nssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\ndisable_plaintext_auth = no\n\
         auth_mechanisms = plain login\nauth_username_format = %Ln\n\
         first_valid_uid = 1\nfirst_valid_gid = 1\nmail_location = maildir:{folder}/mail/%n\nmail_fsync = never\n\
         mail_plugins = quota\nplugin {{\n  quota = maildir:User quota\n}}\n\
         recipient_delimiter = +\n\
         passdb {{\n  driver = passwd-file\n  args = {folder}/users\n}}\n\
         userdb {{\n  driver = passwd-file\n  args = {folder}/users\n}}\n\
         service imap-login {{\n  chroot =\n  inet_listener imap {{\n    port = {port}\n  }}\n  inet_listener imaps {{\n\
             port = {sealed}\n    ssl = yes\n  }}\n}}\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}\n\
         service auth {{\n  unix_listener {folder}/sasl {{\n    mode = 0666\n  }}\n}}\n\
         service anvil {{\n  chroot =\n}}\nservice stats {{\n  chroot =\n}}\n"
    )
}
