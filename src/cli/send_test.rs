//! `milepost send-test`: a letter to somebody who tries it out.
//!
//! Invariants: it goes through the relay of the settings and is marked as a test; it is no letter of the customer's: nothing
//! of it is recorded or counted, and its links unsubscribe nobody.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::context::{Context, open_store};
use super::letter::{Desk, LetterArgs, tell};
use super::out;
use crate::mail::{Address, Letter, Outcome, Relay};
use crate::settings::load::Loaded;

/// Arguments of `send-test`.
#[derive(Debug, Args)]
pub struct SendTestArgs {
    #[command(flatten)]
    letter: LetterArgs,
    /// Where it goes.
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// Send it even if the address is on the suppression list.
    #[arg(long)]
    force: bool,
}

/// Composes and sends.
pub(super) async fn run(args: SendTestArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let to: Address = args.to.parse().with_context(|| format!("`{}` can't be written to", out::clean(&args.to)))?;
    let desk = Desk::open(context)?;
    let relay = relay(&desk.loaded, desk.composer.sending_domain())?;
    if !args.force {
        refuse_suppressed(&desk.loaded, &args.to).await?;
    }
    let preview = desk.preview(args.letter, context).await?;
    let id = format!("test-{}", uuid::Uuid::now_v7());
    let now = context.clock.now();
    let (letter, lacking) = desk.composer.compose_test(&preview, &preview.job(&id, now), to, now).await?;
    tell(&lacking);
    let outcome = hand_over(&relay, &letter).await;
    relay.close().await;
    let (to, by) = (letter.to.as_str(), relay.name());
    if let Outcome::Accepted { .. } = outcome {
        out::line(format_args!("Sent to {to} by the relay `{by}`: {}", out::clean(&letter.subject)))?;
        out::line("It is a test: not on record, in no figure, and its unsubscribe link changes nothing.")?;
        return Ok(ExitCode::SUCCESS);
    }
    bail!("the relay `{by}` did not take the letter to {to}: {}", out::clean(&outcome.to_string()))
}

/// The relay that letters go by.
fn relay(loaded: &Loaded, hello: &str) -> anyhow::Result<Relay> {
    match loaded.settings.mail.relays.iter().next() {
        Some((name, relay)) => Ok(Relay::new(name, relay, hello)?),
        None => bail!("no relay is configured: set one under [mail.relays]"),
    }
}

async fn refuse_suppressed(loaded: &Loaded, address: &str) -> anyhow::Result<()> {
    let store = open_store(loaded).await?;
    let Some(found) = store.suppressed_one(address).await? else { return Ok(()) };
    let (reason, since) = (found.reason, out::when(found.at, loaded.shop().zone));
    bail!("{} is on the suppression list ({reason}, since {since}); --force sends all the same", found.address)
}

async fn hand_over(relay: &Relay, letter: &Letter) -> Outcome {
    match relay.open(&letter.envelope_from, &letter.to).await {
        Ok(opened) => opened.hand_over(&letter.raw).await,
        Err(outcome) => outcome,
    }
}
