//! How letters leave, from the settings.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::engine::mailing::Mailing;
use crate::engine::send::fleet::{Fleet, Ledger};
use crate::engine::{Engine, Wakes};
use crate::journey::time::Span;
use crate::mail::tracking::Noted;
use crate::mail::{Composer, LinkSigner, Refusals};
use crate::settings::Settings;

/// What stays the same when the settings change.
#[derive(Clone, Debug)]
pub(super) struct Lasting {
    /// Signs the links of letters.
    pub(super) links: LinkSigner,
    /// What is counted of relays.
    pub(super) ledger: Arc<Ledger>,
    /// Wakes the loops.
    pub(super) wakes: Arc<Wakes>,
    /// What is noted of letters, by those who answer for it.
    pub(super) noted: Arc<ArcSwap<Noted>>,
}

/// Lets letters leave, and what is done with them be noted, by other settings from now on.
pub(super) async fn change(engine: &Engine, settings: &Settings, lasting: &Lasting) -> anyhow::Result<()> {
    let noted = Noted::new(&settings.mail.tracking)?;
    engine.change_mailing(of(settings, lasting)?).await;
    lasting.noted.store(Arc::new(noted));
    Ok(())
}

/// How letters leave under these settings.
pub(super) fn of(settings: &Settings, lasting: &Lasting) -> anyhow::Result<Mailing> {
    let mail = &settings.mail;
    let composer = Composer::new(mail, &settings.server.public_url(), &settings.shop, lasting.links.clone())?;
    let refusals = Refusals::with(&mail.refusals);
    let ours = (composer.sending_domain(), settings.shop_facts().zone);
    let fleet = Fleet::new(mail, &refusals, ours, Arc::clone(&lasting.ledger), &lasting.wakes)?;
    Ok(Mailing {
        composer,
        fleet,
        retry: mail.retry.clone(),
        give_up_after: mail.give_up_after,
        refusals,
        lease: lease(settings),
    })
}

/// The final reply to a letter may take ten times as long as another command (`mail::transport`), and each relay may be tried
/// up to its log-in before; files may have to be fetched before that, for this letter and the one it waits for; then some.
fn lease(settings: &Settings) -> Span {
    let slowest = settings.mail.relays.values().map(|relay| relay.timeout_seconds).max().unwrap_or(60);
    let relays = i64::try_from(settings.mail.relays.len()).unwrap_or(1_000);
    let commands = relays.saturating_mul(6).saturating_add(10);
    let fetching = i64::try_from(settings.mail.attachments.timeout_seconds).unwrap_or(120).saturating_mul(2);
    let talking = i64::try_from(slowest).unwrap_or(3_600).saturating_mul(commands);
    Span::seconds(talking.saturating_add(fetching).saturating_add(60))
}
