//! `milepost dkim`: keys that letters are signed with. The private half goes into a file, the public one into DNS.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::context::Context;
use super::doctor::sending_domain;
use super::out;
use crate::mail::dkim::{Algorithm, DkimKey, DkimKeys, generate};
use crate::settings::DkimSettings;

/// Arguments of `dkim`.
#[derive(Debug, Args)]
pub struct DkimArgs {
    #[command(subcommand)]
    command: DkimCommand,
}

#[derive(Debug, Subcommand)]
enum DkimCommand {
    /// Make a key, write it to a file, and print the record for DNS.
    New(NewArgs),
    /// Print the records that DNS must have for the keys of the settings.
    Show {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct NewArgs {
    /// Which of the domain's keys it is to be: the record stands at `SELECTOR._domainkey.DOMAIN`.
    #[arg(default_value = "mp1")]
    selector: String,
    /// The domain that signs; that of `mail.from` if none is named.
    #[arg(long)]
    domain: Option<String>,
    /// `rsa` is verified by everybody; `ed25519` is smaller and faster, and stands beside an RSA key.
    #[arg(long, value_enum, default_value_t = Kind::Rsa)]
    algorithm: Kind,
    /// The file to write; `secrets/dkim-SELECTOR.pem` beside `config/` if none is named.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Rsa,
    Ed25519,
}

/// Makes a key or shows records.
pub(super) fn run(args: &DkimArgs, context: &Context) -> anyhow::Result<ExitCode> {
    match &args.command {
        DkimCommand::New(args) => new(args, context),
        DkimCommand::Show { json } => show(*json, context),
    }
}

fn new(args: &NewArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let loaded = context.load();
    let (root, from) = match &loaded {
        Ok(loaded) => (loaded.root.clone(), sending_domain(loaded)),
        // Making a key is often how the settings become whole.
        Err(faults) => (faults.root.clone(), None),
    };
    let Some(domain) = args.domain.clone().or(from) else {
        bail!("name the domain that signs: `milepost dkim new {} --domain shop.example`", args.selector);
    };
    let algorithm = match args.algorithm {
        Kind::Rsa => Algorithm::Rsa,
        Kind::Ed25519 => Algorithm::Ed25519,
    };
    let private = generate(algorithm)?;
    let settings = DkimSettings {
        domain: Some(domain),
        selector: Some(args.selector.clone()),
        private_key: Some(private.clone()),
    };
    let key = DkimKey::new(&args.selector, &settings, "")?;
    let shown = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("secrets/dkim-{}.pem", key.selector())));
    // Relative to where the command is run if named, to the settings' folder if not: as the settings will read it.
    let file = if args.output.is_some() { shown.clone() } else { root.join(&shown) };
    write_private(&file, &private)?;
    out::note(format_args!("wrote the private key to {}", file.display()));
    print_record(&key)?;
    out::line(format_args!(
        "Then in config/milepost.toml:\n\n[mail.dkim.{}]\n{}domain = \"{}\"\nprivate_key_file = \"{}\"\n",
        section(key.selector()),
        if section(key.selector()) == key.selector() {
            String::new()
        } else {
            format!("selector = \"{}\"\n", key.selector())
        },
        key.domain(),
        shown.display()
    ))?;
    out::note("publish the record first, and look with `milepost doctor` whether the world sees it");
    Ok(ExitCode::SUCCESS)
}

/// The name of a key's section: the selector, as far as names of sections may have its characters.
fn section(selector: &str) -> String {
    selector.to_lowercase().replace('.', "-")
}

/// A new file that only its owner reads; one that is there stays.
fn write_private(file: &Path, key: &SecretString) -> anyhow::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file).with_context(|| {
        format!("{} can't be written; a key that is there is never replaced: take another selector", file.display())
    })?;
    opened.write_all(key.expose_secret().as_bytes()).with_context(|| format!("{} can't be written", file.display()))?;
    opened.sync_all().with_context(|| format!("{} can't be written", file.display()))
}

fn show(json: bool, context: &Context) -> anyhow::Result<ExitCode> {
    let loaded = context.load()?;
    let keys = DkimKeys::new(&loaded.settings.mail.dkim, &sending_domain(&loaded).unwrap_or_default())?;
    if json {
        let rows = keys.all().iter().map(|key| {
            json!({"key": key.name(), "name": key.record_name(), "type": "TXT", "value": key.record(),
                "algorithm": key.algorithm().tag()})
        });
        out::json(&rows.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    if keys.all().is_empty() {
        out::note("no key is set: `milepost dkim new` makes one");
    }
    for key in keys.all() {
        print_record(key)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_record(key: &DkimKey) -> anyhow::Result<()> {
    out::line(format_args!("DNS, a TXT record at {}:\n\n{}\n", key.record_name(), key.record()))?;
    if key.record().len() > 255 {
        out::line(format_args!(
            "The same in a zone file:\n\n{}. IN TXT ( {} )\n",
            key.record_name(),
            key.record_strings()
        ))?;
    }
    Ok(())
}
