//! Webhooks out under kills: each is delivered at least once, always under the same id, and is on record once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use milepost::store::{ErrandFilter, ErrandState, Store};
use serde_json::Value;
use tokio::sync::watch;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::load::Load;
use super::program::Folder;
use super::{applied, until};

/// How often the daemon is killed.
const DEATHS: usize = 10;

const RULE: &str = "
rule: stock
on: {event: order.created}
reenter: always
steps:
  - webhook: {to: sink, data: {order: event.order.id}}
";

/// Posts that may be acknowledged a second time after a death: one of each client. They tell nothing new.
const REPEATED: usize = 4;

async fn all_done(store: &Store) -> bool {
    let filter = ErrandFilter { state: Some(ErrandState::Queued), limit: 1, ..ErrandFilter::default() };
    applied(store).await && store.errands(&filter).await.expect("reads").is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_amid_webhooks_each_is_delivered_under_its_id_and_none_is_lost() {
    let receiver = MockServer::start().await;
    // So slow that there is always one in hand.
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_millis(15));
    let (seen, mut came) = watch::channel(0);
    let respond = move |_: &Request| {
        seen.send_modify(|count| *count += 1);
        answer.clone()
    };
    Mock::given(method("POST")).respond_with(respond).mount(&receiver).await;
    let mailbox = super::mailbox().await;
    let folder = Folder::new(&mailbox, 2);
    folder.write("rules/shop/stock.yaml", RULE);
    folder.set(&format!(
        "[webhooks.sink]\nurl = \"{}/in\"\nsecret = \"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\"\nallow_private = true\n",
        receiver.uri()
    ));
    let mut rng = Rng::with_seed(11);
    let mut load = Load::start(&mut rng);
    for _ in 0..DEATHS {
        load.allow(20);
        let mut program = folder.start();
        load.talk_to(Some(program.ready().await));
        let (before, posts) = (*came.borrow(), rng.usize(REPEATED + 1..16));
        load.acknowledgements(posts).await;
        // With one in hand, which waits for its answer.
        let wanted = before + rng.usize(1..=posts - REPEATED);
        came.wait_for(|count| *count >= wanted).await.expect("the receiver lives");
        program.kill().await;
        load.talk_to(None);
    }
    let mut program = folder.start();
    load.talk_to(Some(program.ready().await));
    load.finish().await;
    let store = Store::open(&folder.database()).await.expect("opens");
    until(async || all_done(&store).await).await;
    assert_eq!(program.terminate().await, Some(0));

    let mut delivered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut bodies: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let requests = receiver.received_requests().await.expect("requests are recorded");
    for request in &requests {
        let id = request.headers["webhook-id"].to_str().expect("an id").to_owned();
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let order = body["data"]["values"]["order"].as_str().expect("an order").to_owned();
        delivered.entry(order).or_default().insert(id.clone());
        bodies.entry(id).or_default().insert(request.body.clone());
    }
    let missing: Vec<_> = load.acknowledged().into_iter().filter(|order| !delivered.contains_key(order)).collect();
    assert!(missing.is_empty(), "acknowledged and never told: {missing:?}");
    let posted = load.posted();
    assert!(delivered.keys().all(|order| posted.contains(order)));
    assert!(delivered.values().all(|ids| ids.len() == 1), "one order, one id, however often it is told");
    assert!(bodies.values().all(|bodies| bodies.len() == 1), "and the same body");
    let rows = store.errands(&ErrandFilter { limit: 100_000, ..ErrandFilter::default() }).await.expect("reads");
    assert!(rows.iter().all(|row| row.state == ErrandState::Done), "{rows:?}");
    let recorded: Vec<&String> = rows.iter().map(|row| &row.id).collect();
    assert_eq!(recorded.iter().collect::<BTreeSet<_>>().len(), recorded.len(), "none is recorded twice");
    assert_eq!(recorded.into_iter().collect::<BTreeSet<_>>(), bodies.keys().collect());
    assert!(rows.len() > 100, "{} webhooks are no load", rows.len());
    assert!(requests.len() > rows.len(), "the daemon never died with one in hand: choose other moments");
}
