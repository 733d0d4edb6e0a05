//! `milepost apply`: the rules on disk come into force.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::context::{Context, load_book};
use super::{out, plan};
use crate::engine::in_force;

/// Arguments of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The folder of rules; the one of the settings without it.
    dir: Option<PathBuf>,
    /// Ask nothing.
    #[arg(long)]
    yes: bool,
}

/// Puts a folder's rules in force. A running daemon takes them over within seconds; one that starts begins with them.
pub(super) async fn run(args: &ApplyArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let dir = args.dir.clone().unwrap_or_else(|| loaded.rules_dir());
    let book = load_book(&dir, loaded.shop())?;
    let hash = &book.rulebook.hash;
    let before = store.in_force().await?;
    if before.as_ref().is_some_and(|before| before.rulebook == *hash) {
        out::line(format_args!("Nothing to do: the rulebook {} is in force already.", short(hash)))?;
        return Ok(ExitCode::SUCCESS);
    }
    plan::print(&plan::make(&store, book.clone(), before.as_ref(), None).await?)?;
    if !args.yes {
        match out::ask(&format!("Put the rulebook {} in force?", short(hash)))? {
            Some(true) => {}
            Some(false) => {
                out::line("Everything stays as it is.")?;
                return Ok(ExitCode::FAILURE);
            }
            None => bail!("nobody is there to ask; say `--yes`"),
        }
    }
    if !in_force::put(&store, &book, before.as_ref(), context.clock.now()).await? {
        bail!("somebody put another rulebook in force meanwhile; look at it again");
    }
    out::line(format_args!("In force: the rulebook {}. A running daemon takes it over within seconds.", short(hash)))?;
    Ok(ExitCode::SUCCESS)
}

/// As much of a hash as people compare.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
