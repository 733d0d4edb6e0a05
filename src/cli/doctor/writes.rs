//! Which connections rules write to: those on disk, and those in force.

use std::collections::BTreeSet;

use tokio::time::timeout;

use super::parts::PATIENCE;
use crate::cli::context::open_store;
use crate::engine::in_force;
use crate::journey::book::Rulebook;
use crate::journey::rule::Action;
use crate::rulebook;
use crate::settings::load::Loaded;

/// The connections that a step `crm` writes to. Rules that can't be read name none: another finding tells of them.
pub async fn written(loaded: &Loaded) -> BTreeSet<String> {
    if loaded.settings.connections.is_empty() {
        return BTreeSet::new();
    }
    let on_disk = rulebook::load(&loaded.rules_dir(), loaded.shop()).book.map(|book| book.rulebook);
    let in_force = timeout(PATIENCE, async {
        let store = open_store(loaded).await.ok()?;
        in_force::read(&store).await.ok()?.map(|(_, book)| book.rulebook)
    });
    let in_force = in_force.await.ok().flatten();
    on_disk.iter().chain(&in_force).flat_map(targets).collect()
}

fn targets(book: &Rulebook) -> impl Iterator<Item = String> {
    book.rules.values().flat_map(|rule| &rule.steps).filter_map(|step| match &step.action {
        Action::Crm(change) => Some(change.connection.clone()),
        _ => None,
    })
}
