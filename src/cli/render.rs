//! `milepost render`: a letter as it would go out.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use super::context::Context;
use super::letter::{Desk, LetterArgs, tell};
use super::out;
use crate::mail::body;
use crate::mail::preview::{Page, too_large};

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    #[command(flatten)]
    letter: LetterArgs,
    /// The HTML, the text, the source as a relay gets it, or a page that shows the letter in a mail program.
    #[arg(long = "as", value_enum, default_value_t = Form::Text)]
    form: Form,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Html,
    Text,
    Source,
    Page,
}

/// The id that stands in the source: no letter on record has it.
const MESSAGE: &str = "preview";

/// Prints the letter.
pub(super) async fn run(args: RenderArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(context)?;
    let preview = desk.preview(args.letter, context).await?;
    let now = context.clock.now();
    let job = preview.job(MESSAGE, now);
    let content = if args.form == Form::Source {
        let (letter, lacking) = desk.composer.compose_shown(&preview, &job, now).await?;
        tell(&lacking);
        letter.raw
    } else {
        let (letter, lacking) = desk.composer.fill(&preview, &job, now).await?;
        tell(&lacking);
        let octets = letter.html.as_ref().map_or(0, String::len);
        if let Some(told) = too_large(octets, desk.loaded.settings.mail.flag_over_kb) {
            out::note(format_args!("warning: {told}"));
        }
        match args.form {
            Form::Html => match letter.html {
                Some(html) => html.into_bytes(),
                None => bail!("the letter `{}` has no HTML part: --as text shows it", job.letter),
            },
            Form::Page => {
                let page = Page {
                    title: &format!("{} / {}", job.map, job.letter),
                    from: &desk.composer.from(preview.sender),
                    to: preview.customer.email().unwrap_or("nobody: no address is known"),
                    date: &now.in_words(desk.loaded.shop().zone),
                };
                page.html(&letter)?.into_bytes()
            }
            Form::Text | Form::Source => {
                format!("Subject: {}\n\n{}", letter.subject, body::clean(&letter.text)).into_bytes()
            }
        }
    };
    match &args.output {
        Some(file) => fs::write(file, content).with_context(|| format!("{} can't be written", file.display()))?,
        None => out::bytes(&content)?,
    }
    Ok(ExitCode::SUCCESS)
}
