//! The daemon under test: a process of its own over a fresh folder, watched from outside only.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use milepost::rulebook::starters;
use tempfile::TempDir;

use crate::options::Options;

/// Where hooks go; the last part is the connection's secret.
pub(crate) const HOOK_PATH: &str = "/hooks/shop/bench-hook-secret-0123456789";

const RULE: &str = include_str!("../shop/order-placed.yaml");
const TEXT: &str = include_str!("../shop/order-placed.txt");
const HTML: &str = include_str!("../shop/order-placed.html");
/// How long anything may take before the bench gives up.
const PATIENCE: Duration = Duration::from_mins(5);

/// A shop's folder: the starter's map and rules, and one rule that answers each order with a letter.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn make() -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        // The rule on a schedule would write to everybody if the bench ran at its hour.
        for (path, text) in starters()[0].files.iter().filter(|(path, _)| *path != "pet-shop/spring-promo.yaml") {
            folder.write(&format!("rules/{path}"), text);
        }
        folder.write("rules/pet-shop/order-placed.yaml", RULE);
        folder.write("rules/pet-shop/templates/order-placed.txt", TEXT);
        folder.write("rules/pet-shop/templates/order-placed.html", HTML);
        folder
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A running daemon, killed with the bench.
pub(crate) struct Daemon {
    process: Child,
    address: SocketAddr,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing more to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Daemon {
    pub(crate) fn start(options: &Options, folder: &Folder, relay_port: u16) -> Self {
        let address = free_address();
        let file = settings(options, folder, relay_port, address);
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let process = Command::new(&options.milepost)
            .arg("--config")
            .arg(&file)
            .arg("serve")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        let mut daemon = Self { process, address };
        let began = Instant::now();
        while daemon.get("/readyz").is_none_or(|answer| !answer.contains("200 OK")) {
            let ended = daemon.process.try_wait().expect("the daemon can be watched");
            let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "the daemon is not ready: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a counter of `/metrics` has reached a value.
    pub(crate) fn wait_for(&self, counter: &str, value: u64) {
        let began = Instant::now();
        loop {
            let reached = self.counter(counter);
            if reached >= value {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{counter} stands at {reached} of {value}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn counter(&self, name: &str) -> u64 {
        let text = self.get("/metrics").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse::<f64>().ok()).map_or(0, |value| value as u64)
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The most memory the process ever held, as the kernel counts it.
    pub(crate) fn peak_memory_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("a Linux /proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
        line.trim().trim_end_matches("kB").trim().parse::<f64>().expect("a number of kB") / 1024.0
    }

    /// Stops it the polite way and waits.
    pub(crate) fn stop(mut self) {
        let told = Command::new("kill").arg(self.process.id().to_string()).status().expect("kill");
        assert!(told.success());
        let status = self.process.wait().expect("the daemon ends");
        assert!(status.success(), "the daemon ended with {status}");
    }
}

/// Writes the settings of a daemon that listens at an address; gives their file.
pub(crate) fn settings(options: &Options, folder: &Folder, relay_port: u16, address: SocketAddr) -> PathBuf {
    let settings = format!(
        r#"
        [server]
        listen = "{address}"
        [shop]
        name = "Milk & Whiskers"
        url = "https://shop.example"
        time_zone = "UTC"
        [mail]
        from = "Milk & Whiskers <hello@shop.example>"
        [mail.relays.sink]
        host = "127.0.0.1"
        port = {relay_port}
        security = "none"
        connections = {}
        [connections.shop]
        kind = "retailcrm"
        hook_secret = "{}"
        [log]
        filter = "warn"
        "#,
        options.relay_connections,
        HOOK_PATH.rsplit('/').next().expect("a secret"),
    );
    folder.write("config/milepost.toml", &settings);
    folder.path().join("config/milepost.toml")
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port")
}
