//! The daemon as a process: its folder, its start, its ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use milepost::journey::book::Shop;
use milepost::mail::Mailbox;
use milepost::rulebook::{self, Book};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::support::TOKEN;

/// How long stopping may take.
const GRACE: Duration = Duration::from_secs(30);

/// Where the settings are.
const SETTINGS: &str = "config/milepost.toml";

const FILES: [(&str, &str); 5] = [
    (
        "shop/map.yaml",
        "map: shop\nstages:\n  - {id: known, enter: 'true'}\n  - {id: buyer, enter: 'orders.count > 0'}\n",
    ),
    ("shop/news.yaml", "rule: news\non: {event: order.created}\nreenter: always\nsteps: [{send: news}]\n"),
    (
        "shop/receipt.yaml",
        "rule: receipt\non: {event: order.created}\npurpose: transactional\nreenter: always\nsteps: [{send: receipt}]\n",
    ),
    ("shop/templates/news.txt", "Subject: News\n\nAbout order {{ event.order.id }}\n\n{{ unsubscribe_url }}\n"),
    ("shop/templates/receipt.txt", "Subject: Receipt\n\nOf order {{ event.order.id }}\n"),
];

/// The rules of these tests.
pub(super) fn book() -> Book {
    let files = FILES.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let loaded = rulebook::load_files(&files.into(), Shop::default());
    loaded.book.unwrap_or_else(|| panic!("{}", rulebook::render(&loaded.diagnostics, false)))
}

/// A folder with settings, rules and, once it has run, the database.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new(mailbox: &Mailbox, connections: usize) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        for (path, text) in FILES {
            folder.write(&format!("rules/{path}"), text);
        }
        let settings = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://post.shop.example\"\n\n\
             [log]\nformat = \"json\"\n\n[api.tokens]\ntest = \"{TOKEN}\"\n\n\
             [mail]\nfrom = \"Shop <hello@shop.example>\"\n\n\
             [mail.relays.main]\nhost = \"{}\"\nport = {}\nsecurity = \"none\"\nconnections = {connections}\n",
            mailbox.address().ip(),
            mailbox.address().port(),
        );
        folder.write(SETTINGS, &settings);
        folder
    }

    /// Writes a file of the folder.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
        std::fs::write(path, text).expect("writes");
    }

    /// Adds a section to the settings.
    pub(super) fn set(&self, section: &str) {
        let before = std::fs::read_to_string(self.0.path().join(SETTINGS)).expect("the settings");
        self.write(SETTINGS, &format!("{before}\n{section}"));
    }

    /// Changes the settings in one place.
    pub(super) fn change(&self, what: &str, to: &str) {
        let before = std::fs::read_to_string(self.0.path().join(SETTINGS)).expect("the settings");
        assert!(before.contains(what), "{before}");
        self.write(SETTINGS, &before.replacen(what, to, 1));
    }

    /// The address of the database.
    pub(super) fn database(&self) -> String {
        format!("sqlite:{}", self.0.path().join("data/milepost.db").display())
    }

    /// The program, with a command.
    pub(super) fn command(&self, command: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_milepost"));
        let config: PathBuf = self.0.path().join(SETTINGS);
        program.env_clear().current_dir(self.0.path()).arg("--config").arg(config).args(command);
        program.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        program
    }

    /// Starts the daemon.
    pub(super) fn start(&self) -> Program {
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
        let (tell, address) = oneshot::channel();
        tokio::spawn(async move {
            let mut tell = Some(tell);
            // Read to the end, or the daemon would one day wait for somebody to read.
            while let Ok(Some(line)) = lines.next_line().await {
                let said: Value = serde_json::from_str(&line).unwrap_or_default();
                let bound = said["http.address"].as_str().and_then(|address| address.parse().ok());
                if let (Some(address), Some(tell)) = (bound, tell.take_if(|_| bound.is_some())) {
                    // The test may have killed it before it was up.
                    let _ = tell.send(address);
                } else if said["level"] == "ERROR" {
                    // Shown with the test's output if it fails.
                    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
                }
            }
        });
        Program { child, address }
    }
}

/// A running daemon.
pub(super) struct Program {
    child: Child,
    address: oneshot::Receiver<SocketAddr>,
}

impl Program {
    /// Waits until it listens, and tells where.
    pub(super) async fn ready(&mut self) -> SocketAddr {
        (&mut self.address).await.expect("it comes up")
    }

    /// Kills it on the spot.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("was running");
    }

    /// Tells it to stop; gives its exit code.
    pub(super) async fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().expect("is running").to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().await.expect("runs");
        assert!(told.success());
        let ended = tokio::time::timeout(GRACE, self.child.wait()).await;
        ended.expect("it ends within its time").expect("is waited for").code()
    }
}
