//! Settings that change while the daemon runs.

use std::time::Duration;

use milepost::mail::mailbox::{Action, Stage};
use serde_json::json;

use super::mailbox;
use super::program::Folder;
use crate::support::{TOKEN, person};

/// Far longer than it takes.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn another_relay_comes_into_force_without_a_restart_and_faults_leave_the_old_settings() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (shut, open) = (mailbox().await, mailbox().await);
    shut.follow(|moment| match moment.stage {
        Stage::Connected => Action::say_and_drop("421 4.3.2 closed for today"),
        _ => Action::Go,
    });
    let folder = Folder::new(&shut, 2);
    folder.change("[mail]\n", "[mail]\nretry = [\"1s\"]\n");
    let mut program = folder.start();
    let address = program.ready().await;
    let order = json!({"id": "o", "kind": "order.created", "customer": person("anna"), "order": {"id": "1"}});
    let client = reqwest::Client::builder().build().expect("a client");
    let post = |event| client.post(format!("http://{address}/api/v1/events")).bearer_auth(TOKEN).json(event).send();
    assert_eq!(post(&order).await.expect("an answer").status(), 202);
    let (before, after) = (shut.address().port().to_string(), open.address().port().to_string());
    folder.change(&format!("port = {before}"), "port = \"none\"");
    folder.change("port = \"none\"", &format!("port = {after}"));
    tokio::time::timeout(PATIENCE, open.wait_for(2)).await.expect("the letters take the other relay");
    assert_eq!(shut.count(), 0);
    // What can't be used is refused as a whole: letters go on as before.
    folder.change(&format!("port = {after}"), "port = 0");
    let order = json!({"id": "o2", "kind": "order.created", "customer": person("anna"), "order": {"id": "2"}});
    assert_eq!(post(&order).await.expect("an answer").status(), 202);
    tokio::time::timeout(PATIENCE, open.wait_for(4)).await.expect("letters go on");
    assert_eq!(program.terminate().await, Some(0));
}
