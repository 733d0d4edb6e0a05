//! A private Dovecot: a real IMAP server over Maildir folders of its own, with a certificate made for it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::net::TcpStream;

pub const USER: &str = "returns";
pub const PASSWORD: &str = "a-password-of-the-mailbox";

pub struct Dovecot {
    folder: TempDir,
    /// In the clear, and with STARTTLS.
    pub port: u16,
    /// TLS from the first byte.
    pub sealed: u16,
    /// Its certificate (DER).
    pub certificate: Vec<u8>,
    child: Child,
}

impl Dovecot {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        fs::write(folder.path().join("cert.pem"), pem("CERTIFICATE", cert.der())).expect("written");
        fs::write(folder.path().join("key.pem"), pem("PRIVATE KEY", &signing_key.serialize_der())).expect("written");
        let (port, sealed) = (free_port(), free_port());
        fs::write(folder.path().join("dovecot.conf"), config(folder.path(), port, sealed)).expect("written");
        let mail = folder.path().join("mail");
        for part in ["", "new", "cur", "tmp"] {
            let part = mail.join(part);
            fs::create_dir_all(&part).expect("a folder");
            own(&part);
        }
        open_up(folder.path());
        let child = serve(folder.path());
        let dovecot = Self { folder, port, sealed, certificate: cert.der().to_vec(), child };
        dovecot.answers().await;
        dovecot
    }

    /// Delivers a mail.
    pub fn deliver(&self, name: &str, mail: &[u8]) {
        let (tmp, new) = (self.mail().join("tmp").join(name), self.mail().join("new").join(name));
        fs::write(&tmp, mail).expect("written");
        own(&tmp);
        fs::rename(&tmp, new).expect("delivered");
    }

    pub fn mail(&self) -> PathBuf {
        self.folder.path().join("mail")
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
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            tokio::task::yield_now().await;
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
    started.expect("dovecot is installed: apt-get install dovecot-imapd")
}

fn config(folder: &Path, port: u16, sealed: u16) -> String {
    let folder = folder.display();
    let (user, group) = (name("-un"), name("-gn"));
    // Mail of root is refused; the tests may run as root all the same.
    let (mail_user, mail_group) = if user == "root" { ("nobody", "nogroup") } else { (user.as_str(), group.as_str()) };
    let inner = if user == "root" {
        String::new()
    } else {
        format!("default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n")
    };
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/run\nlog_path = {folder}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
         {inner}ssl = yes\nssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\ndisable_plaintext_auth = no\n\
         first_valid_uid = 1\nfirst_valid_gid = 1\nmail_location = maildir:{folder}/mail\n\
         passdb {{\n  driver = static\n  args = password={PASSWORD}\n}}\n\
         userdb {{\n  driver = static\n  args = uid={mail_user} gid={mail_group} home={folder}/mail\n}}\n\
         service imap-login {{\n  chroot =\n  inet_listener imap {{\n    port = {port}\n  }}\n  inet_listener imaps {{\n\
             port = {sealed}\n    ssl = yes\n  }}\n}}\nservice anvil {{\n  chroot =\n}}\nservice stats {{\n  chroot =\n}}\n"
    )
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

fn name(what: &str) -> String {
    let said = Command::new("id").arg(what).output().expect("id answers");
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// Gives what root has made to whom mail belongs.
fn own(path: &Path) {
    if name("-un") == "root" {
        let done = Command::new("chown").arg("nobody:nogroup").arg(path).status().expect("chown runs");
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
