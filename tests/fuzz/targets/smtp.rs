//! What a relay may say: greeting and replies of a server that follows no protocol, over a real socket.
//!
//! Input: what the server writes, as a whole; it then hears the client out.
#![no_main]

use std::cell::Cell;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use milepost::mail::outcome::Step;
use milepost::mail::{Address, Outcome, Patience, Refusals, Relay, Tuning, refusal};
use milepost::settings::{RelaySecurity, RelaySettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

struct Server {
    runtime: Runtime,
    listener: TcpListener,
    /// Every conversation goes to another address of this machine, so that ports of finished ones need not be free yet.
    host: Cell<u16>,
}

thread_local! {
    static SERVER: Server = {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("0.0.0.0:0")).expect("a port");
        Server { runtime, listener, host: Cell::new(0) }
    };
}

const LETTER: &[u8] = b"Message-ID: <m-1@shop.example>\r\nSubject: hello\r\n\r\nHello.\r\n.\r\n..two dots\r\n";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for code in [250, 421, 450, 550, 554] {
        Refusals::shipped().outcome(Step::Recipient, code, &text);
        Refusals::shipped().class_of_report(&text, &text);
        assert!(!refusal::tidy(&text).contains(['\r', '\n']));
    }
    SERVER.with(|server| {
        let outcome = server.runtime.block_on(converse(server, data));
        if let Outcome::Accepted { code, .. } = outcome {
            assert!((200..300).contains(&code), "taken with {code}");
            assert!(data.windows(3).any(|w| w == b"354"), "taken without being asked for");
        }
    });
});

async fn converse(server: &Server, data: &[u8]) -> Outcome {
    server.host.set(server.host.get().wrapping_add(1));
    let [high, low] = server.host.get().to_be_bytes();
    let settings = RelaySettings {
        host: format!("127.{high}.{low}.1"),
        port: server.listener.local_addr().ok().map(|address| address.port()),
        security: RelaySecurity::None,
        ..RelaySettings::default()
    };
    let patience = Patience { command: Duration::from_secs(5), letter: Duration::from_secs(5) };
    let relay = Relay::tuned("fuzz", &settings, "client.example", &Tuning { patience, ..Tuning::of(&settings) }).expect("a relay");
    let address = |text: &str| text.parse::<Address>().expect("an address");
    let client = async {
        let outcome = match relay.open(&address("shop@shop.example"), &address("ann@cats.example")).await {
            Ok(opened) => opened.hand_over(LETTER).await,
            Err(outcome) => outcome,
        };
        // What stays in the pool would keep the server listening.
        relay.close().await;
        outcome
    };
    let serve = async {
        let Ok((mut stream, _)) = server.listener.accept().await else { return };
        if stream.write_all(data).await.is_ok() && stream.shutdown().await.is_ok() {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    tokio::join!(client, serve).0
}
