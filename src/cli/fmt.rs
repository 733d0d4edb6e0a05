//! `milepost fmt`: maps, rules and the other YAML files of a rulebook in one form.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::context::Context;
use super::out;
use crate::rulebook::{self, Diagnostic};

/// Arguments of `fmt`.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// The folder of maps and rules, or one file; that of the settings if none is named.
    #[arg(value_name = "DIR")]
    place: Option<PathBuf>,
    /// Write nothing: name the files that are not in that form, and exit with 1 if there are any.
    #[arg(long)]
    check: bool,
    /// Read one file from standard input and write it to standard output, for editors.
    #[arg(long, conflicts_with_all = ["place", "check"])]
    stdin: bool,
}

/// Brings files into form.
pub(super) fn run(args: &FmtArgs, context: &Context) -> anyhow::Result<ExitCode> {
    if args.stdin {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).context("standard input can't be read")?;
        return match rulebook::format(PathBuf::from("<stdin>"), &text) {
            Ok(formatted) => out::bytes(formatted.as_bytes()).map(|()| ExitCode::SUCCESS).map_err(Into::into),
            Err(faults) => Ok(told(&faults)),
        };
    }
    let place = args.place.clone().unwrap_or_else(|| match context.load() {
        Ok(loaded) => loaded.rules_dir(),
        Err(faults) => faults.root.join("rules"),
    });
    let files = if place.is_file() { vec![place] } else { yaml_files(&place)? };
    if files.is_empty() {
        bail!("there is no YAML file to be formatted");
    }
    let (mut changed, mut faults) = (0_usize, Vec::new());
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
        match rulebook::format(file.clone(), &text) {
            Ok(formatted) if formatted == text => {}
            Ok(formatted) => {
                changed += 1;
                out::line(format_args!("{}", file.display()))?;
                if !args.check {
                    fs::write(file, formatted).with_context(|| format!("{} can't be written", file.display()))?;
                }
            }
            Err(found) => faults.extend(found),
        }
    }
    let (files, what) = (files.len(), if args.check { "not in form" } else { "brought into form" });
    out::note(format_args!("{changed} of {files} files {what}"));
    if !faults.is_empty() {
        return Ok(told(&faults));
    }
    Ok(if args.check && changed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn told(faults: &[Diagnostic]) -> ExitCode {
    out::note(rulebook::render(faults, out::color()));
    ExitCode::FAILURE
}

/// Every YAML file under a folder, in the order of names; hidden ones are left alone.
fn yaml_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = || format!("{} can't be read", folder.display());
        for entry in fs::read_dir(&folder).with_context(failed)? {
            let path = entry.with_context(failed)?.path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
