//! Clients that post events and remember what was acknowledged.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::support::{TOKEN, person};

const CLIENTS: usize = 4;
const CUSTOMERS: usize = 40;
/// How long a client waits that was turned away.
const BACK_OFF: Duration = Duration::from_millis(20);

/// Clients at work.
pub(super) struct Load {
    shared: Arc<Shared>,
    address: watch::Sender<Option<SocketAddr>>,
    answers: watch::Receiver<usize>,
    clients: JoinSet<()>,
}

struct Shared {
    /// Posts that may still be begun.
    allowed: Semaphore,
    posted: Mutex<BTreeSet<String>>,
    acknowledged: Mutex<BTreeSet<String>>,
    answers: watch::Sender<usize>,
}

impl Load {
    /// Starts clients that wait to be allowed something and told where the daemon is.
    pub(super) fn start(rng: &mut Rng) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (answers, answered) = watch::channel(0);
        let shared = Arc::new(Shared {
            allowed: Semaphore::new(0),
            posted: Mutex::default(),
            acknowledged: Mutex::default(),
            answers,
        });
        let address = watch::Sender::new(None);
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = One {
                number,
                http: Client::builder().timeout(Duration::from_secs(10)).build().expect("a client"),
                address: address.subscribe(),
                shared: Arc::clone(&shared),
                rng: rng.fork(),
            };
            clients.spawn(client.run());
        }
        Self { shared, address, answers: answered, clients }
    }

    /// Allows so many further posts.
    pub(super) fn allow(&self, posts: usize) {
        self.shared.allowed.add_permits(posts);
    }

    /// Tells where the daemon is.
    pub(super) fn talk_to(&self, address: Option<SocketAddr>) {
        self.address.send_replace(address);
    }

    /// Waits for so many further acknowledgements.
    pub(super) async fn acknowledgements(&mut self, more: usize) {
        let wanted = *self.answers.borrow() + more;
        self.answers.wait_for(|count| *count >= wanted).await.expect("clients live");
    }

    /// Lets the clients end their work.
    pub(super) async fn finish(&mut self) {
        self.shared.allowed.close();
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client without fault");
        }
    }

    /// Ids of events that were acknowledged.
    pub(super) fn acknowledged(&self) -> BTreeSet<String> {
        self.shared.acknowledged.lock().expect("no client panicked").clone()
    }

    /// Ids of all events that were ever posted.
    pub(super) fn posted(&self) -> BTreeSet<String> {
        self.shared.posted.lock().expect("no client panicked").clone()
    }
}

/// One client.
struct One {
    number: usize,
    http: Client,
    address: watch::Receiver<Option<SocketAddr>>,
    shared: Arc<Shared>,
    rng: Rng,
}

impl One {
    async fn run(mut self) {
        let mut count = 0;
        loop {
            match self.shared.allowed.acquire().await {
                Ok(permit) => permit.forget(),
                Err(_) => return,
            }
            let events: Vec<Value> = (0..self.rng.usize(1..4))
                .map(|_| {
                    count += 1;
                    self.event(count)
                })
                .collect();
            self.insist(&events).await;
        }
    }

    fn event(&mut self, count: usize) -> Value {
        let id = format!("{}/{count}", self.number);
        let who = format!("c{}", self.rng.usize(0..CUSTOMERS));
        json!({"id": id, "kind": "order.created", "customer": person(&who), "order": {"id": id, "phase": "open", "total": 5}})
    }

    /// Posts until it is acknowledged, as a good client does; now and then gives up, as others do.
    async fn insist(&mut self, events: &[Value]) {
        let ids: Vec<String> = events.iter().filter_map(|event| Some(event["id"].as_str()?.to_owned())).collect();
        self.shared.posted.lock().expect("no client panicked").extend(ids.iter().cloned());
        loop {
            let address = *self.address.wait_for(Option::is_some).await.expect("the test lives");
            let Some(address) = address else { continue };
            if self.post(address, events).await == Some(StatusCode::ACCEPTED) {
                self.shared.acknowledged.lock().expect("no client panicked").extend(ids);
                self.shared.answers.send_modify(|count| *count += 1);
                return;
            }
            if self.rng.u8(0..4) == 0 {
                return;
            }
            // It is gone and nobody has noticed yet, or it has too much to do: until it is elsewhere, or for a moment.
            let _ = tokio::time::timeout(BACK_OFF, self.address.changed()).await;
        }
    }

    async fn post(&self, address: SocketAddr, events: &[Value]) -> Option<StatusCode> {
        let request = self.http.post(format!("http://{address}/api/v1/events")).bearer_auth(TOKEN).json(events);
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let said: Value = answer.json().await.ok()?;
        assert!(said["refused"].is_null() || said["refused"] == 0, "{said}");
        Some(status)
    }
}

/// Says that a customer ordered; it must be acknowledged.
pub(super) async fn say(address: SocketAddr, customer: &str, order: &str) {
    let event = json!({"id": order, "kind": "order.created", "customer": person(customer),
        "order": {"id": order, "phase": "open", "total": 5}});
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let request = http.post(format!("http://{address}/api/v1/events")).bearer_auth(TOKEN).json(&event);
    assert_eq!(request.send().await.expect("an answer").status(), StatusCode::ACCEPTED);
}
