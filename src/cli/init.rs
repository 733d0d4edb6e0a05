//! `milepost init`: settings, a starter map, its rules and letters.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::out;
use crate::journey::spelling::nearest;
use crate::rulebook::{self, Starter};
use crate::settings::reference;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder to write to; made if it isn't there.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The starter map; `--list` shows them.
    #[arg(long, value_name = "NAME")]
    map: Option<String>,
    /// Show the starter maps and write nothing.
    #[arg(long)]
    list: bool,
    /// Overwrite files that are there.
    #[arg(long)]
    force: bool,
}

/// Writes the files, or none of them if one is in the way.
pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    if args.list {
        let rows = rulebook::starters().iter().map(|s| vec![s.name.to_owned(), s.title.to_owned()]).collect();
        out::table(&["map", "for"], rows, "There are no starter maps.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let starter = choose(args.map.as_deref())?;
    let settings = reference::commented_file();
    let mut files = vec![(args.folder.join("config").join("milepost.toml"), settings.as_str())];
    let rules = args.folder.join("rules");
    files.extend(starter.files.iter().map(|(path, text)| (rules.join(path), *text)));
    let in_the_way: Vec<_> = files.iter().filter(|(path, _)| path.exists()).collect();
    if !args.force && !in_the_way.is_empty() {
        for (path, _) in in_the_way {
            out::note(format_args!("already there: {}", path.display()));
        }
        bail!("nothing was written; choose another folder, or overwrite with --force");
    }
    for (path, text) in &files {
        write(path, text)?;
    }
    next_steps(&args.folder, starter, files.len())?;
    Ok(ExitCode::SUCCESS)
}

fn choose(name: Option<&str>) -> anyhow::Result<&'static Starter> {
    let starters = rulebook::starters();
    let found = match name {
        None => starters.first(),
        Some(name) => starters.iter().find(|starter| starter.name == name),
    };
    if let Some(starter) = found {
        return Ok(starter);
    }
    let names: Vec<_> = starters.iter().map(|starter| starter.name).collect();
    let name = name.unwrap_or_default();
    match nearest(name, names.iter().copied()) {
        Some(near) => bail!("there is no starter map `{name}`: did you mean `{near}`?"),
        None => bail!("there is no starter map `{name}`: choose one of {}", names.join(", ")),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("{} can't be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    fs::write(path, text).with_context(failed)
}

fn next_steps(folder: &Path, starter: &Starter, files: usize) -> std::io::Result<()> {
    let here = folder == Path::new(".");
    out::line(format_args!("Wrote {files} files to {}: {}.\n", folder.display(), starter.title))?;
    out::line("Next:")?;
    if !here {
        out::line(format_args!("  cd {}", folder.display()))?;
    }
    out::line("  edit config/milepost.toml   the shop, the relay, the connection to your CRM")?;
    out::line("  milepost check              settings, maps, rules and letters")?;
    out::line("  milepost test               the scenarios of the rules")?;
    out::line("  milepost doctor             database, relay, CRM, clock, DNS")?;
    out::line("  milepost serve              run; the map is at http://127.0.0.1:8080/maps")
}
