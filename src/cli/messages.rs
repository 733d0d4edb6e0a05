//! `milepost messages`: the record of letters.

mod export;
mod row;
mod told;

use std::process::ExitCode;

use anyhow::bail;
use chrono_tz::Tz;
use clap::{Args, Subcommand};

use super::context::{Context, book_in_force};
use super::{customer, known, moment, out};
use crate::insight;
use crate::settings::load::Loaded;
use crate::store::{LogRow, MessageFilter, MessageRow, MessageState, Store};
use export::ExportArgs;
pub(super) use row::Row;
use row::{Change, Whole};

/// Arguments of `messages`.
#[derive(Debug, Args)]
pub struct MessagesArgs {
    #[command(subcommand)]
    command: MessagesCommand,
}

#[derive(Debug, Subcommand)]
enum MessagesCommand {
    /// List letters, the last planned first.
    List {
        #[command(flatten)]
        which: Which,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Those planned before the letter of this number, to go on where a list ended.
        #[arg(long, value_name = "NUMBER")]
        after: Option<i64>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Show one letter with everything that is on record of it.
    Show {
        /// Its id.
        id: String,
        /// Print the source exactly as it was sent, and nothing else.
        #[arg(long)]
        raw: bool,
        /// For programs.
        #[arg(long, conflicts_with = "raw")]
        json: bool,
    },
    /// Write letters to a file or to standard output.
    Export {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        how: ExportArgs,
    },
    /// Try failed letters again, after the cause is fixed.
    Retry {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Which letters.
#[derive(Debug, Args)]
struct Which {
    /// Of one customer: an id, an e-mail address, a phone number, `external=ID` or `CONNECTION=ID`.
    #[arg(long)]
    customer: Option<String>,
    /// Of one rule.
    #[arg(long)]
    rule: Option<String>,
    /// Of one map.
    #[arg(long)]
    map: Option<String>,
    /// Of customers who were at this stage.
    #[arg(long)]
    stage: Option<String>,
    /// In this state: queued, held, sending, sent, withheld, refused, uncertain, bounced, complained, failed.
    #[arg(long, value_parser = state)]
    state: Option<MessageState>,
    /// Planned from then on: `2026-11-22`, `2026-11-22T10:00:00Z`, or `7d` for seven days ago.
    #[arg(long)]
    from: Option<String>,
    /// Planned before then.
    #[arg(long)]
    to: Option<String>,
}

fn state(text: &str) -> Result<MessageState, String> {
    MessageState::parse(text).ok_or_else(|| {
        "write queued, held, sending, sent, withheld, refused, uncertain, bounced, complained or failed".to_owned()
    })
}

/// Runs the subcommand.
pub(super) async fn run(args: MessagesArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let (loaded, store) = context.open().await?;
    let zone = loaded.shop().zone;
    match args.command {
        MessagesCommand::List { which, limit, after, json } => {
            let mut filter = filter(which, &loaded, &store, context).await?;
            filter.limit = limit;
            filter.after = after;
            let found = store.messages(&filter).await?;
            if json {
                out::json(&found.iter().map(Row::of).collect::<Vec<_>>())?;
            } else {
                table(&found, zone)?;
            }
        }
        MessagesCommand::Show { id, raw: true, .. } => match store.raw(&id).await? {
            Some(source) => out::bytes(&source)?,
            None => bail!("no source is on record of {id}: the letter was not handed over, or there is no such letter"),
        },
        MessagesCommand::Show { id, json, .. } => {
            let Some(found) = store.message(&id).await? else { bail!("there is no letter {id}") };
            let log = store.message_log(&id).await?;
            let reads = store.reads_of(&id).await?;
            if json {
                let log = log.iter().map(Change::of).collect();
                let row = Row::of(&found);
                out::json(&Whole { row, inputs: found.inputs, verdicts: found.verdicts, log, reads })?;
            } else {
                show(&found, &log, zone)?;
                told::reads(&reads, zone)?;
            }
        }
        MessagesCommand::Export { which, how } => {
            let filter = filter(which, &loaded, &store, context).await?;
            export::run(&how, filter, &store).await?;
        }
        MessagesCommand::Retry { ids } => {
            let back = crate::engine::upkeep::retry_failed(&store, &ids, context.clock.now()).await?;
            if back == 0 {
                bail!("none of these letters has failed");
            }
            out::line(format_args!("{back} of {} letters are queued again.", ids.len()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn filter(which: Which, loaded: &Loaded, store: &Store, context: &Context) -> anyhow::Result<MessageFilter> {
    let customer = match &which.customer {
        Some(text) => Some(customer::find(store, text).await?.id),
        None => None,
    };
    are_known(&which, loaded, store).await?;
    let (zone, now) = (loaded.shop().zone, context.clock.now());
    let moment = |text: Option<String>| text.map(|text| moment::read(&text, zone, now)).transpose();
    Ok(MessageFilter {
        customer,
        rule: which.rule,
        map: which.map,
        stage: which.stage,
        state: which.state,
        from: moment(which.from)?,
        to: moment(which.to)?,
        ..MessageFilter::default()
    })
}

/// Refuses a rule, map or stage that is neither in the rulebook nor on record.
async fn are_known(which: &Which, loaded: &Loaded, store: &Store) -> anyhow::Result<()> {
    let on_record =
        async |filter| Ok::<_, anyhow::Error>(!store.messages(&MessageFilter { limit: 1, ..filter }).await?.is_empty());
    let (rule, map, stage) = (which.rule.clone(), which.map.clone(), which.stage.clone());
    // What is on record stands whatever has become of the rules since.
    let mut unheard = Vec::new();
    for (kind, name, filter) in [
        ("rule", &which.rule, MessageFilter { rule, ..MessageFilter::default() }),
        ("map", &which.map, MessageFilter { map, ..MessageFilter::default() }),
        ("stage", &which.stage, MessageFilter { stage, ..MessageFilter::default() }),
    ] {
        if let Some(name) = name
            && !on_record(filter).await?
        {
            unheard.push((kind, name));
        }
    }
    if unheard.is_empty() {
        return Ok(());
    }
    let Ok(book) = book_in_force(loaded, store).await else { return Ok(()) };
    let book = book.rulebook;
    for (kind, name) in unheard {
        let known: Vec<&str> = match kind {
            "rule" => book.rules.keys().map(String::as_str).collect(),
            "map" => book.maps.keys().map(String::as_str).collect(),
            _ => {
                let of_map = book.maps.iter().filter(|(id, _)| which.map.as_ref().is_none_or(|map| map == *id));
                of_map.flat_map(|(_, map)| map.stages.iter().map(|stage| stage.id.as_str())).collect()
            }
        };
        known::check(kind, name, known)?;
    }
    Ok(())
}

/// Prints letters as a table.
pub(super) fn table(found: &[MessageRow], zone: Tz) -> std::io::Result<()> {
    let row = |m: &MessageRow| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let state = m.state.as_str().to_owned();
        vec![
            m.seq.to_string(),
            m.id.clone(),
            out::when(m.due_at, zone),
            state,
            m.rule.clone(),
            m.letter.clone(),
            text(&m.to),
            m.reason.as_deref().map(told::short).unwrap_or_default(),
        ]
    };
    let header = ["no", "id", "due", "state", "rule", "letter", "to", "reason"];
    out::table(&header, found.iter().map(row).collect(), "There are no such letters.")
}

fn show(found: &MessageRow, log: &[LogRow], zone: Tz) -> std::io::Result<()> {
    let row = Row::of(found);
    let own = |text: &str| text.to_owned();
    let reply = [row.code.as_str(), &row.enhanced, &row.reply];
    out::facts(&[
        ("id", own(&row.id)),
        ("state", own(row.state)),
        ("reason", own(&row.reason)),
        ("to", own(&row.to)),
        ("subject", own(&row.subject)),
        ("customer", own(&row.customer)),
        ("map, stage", format!("{} / {}", row.map, row.stage)),
        ("rule, step", format!("{} / {}, pass {}", row.rule, row.step, row.pass)),
        ("letter", format!("{} ({}, {})", row.letter, row.locale, row.purpose)),
        ("planned", out::when(found.planned_at, zone)),
        ("due", out::when(found.due_at, zone)),
        ("sent", out::when_maybe(found.sent_at, zone)),
        ("next try", out::when_maybe(found.next_at, zone)),
        ("tries", row.attempts.to_string()),
        ("sent again", if row.resend { "yes, after an uncertain hand-over".into() } else { String::new() }),
        ("relay", own(&row.relay)),
        ("reply", reply.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")),
        ("refusal", own(&insight::format::words(&row.class))),
        ("Message-ID", own(&row.message_id)),
        ("rulebook", own(&row.rulebook)),
        ("enrollment", own(&row.enrollment)),
        ("inputs", if found.inputs.is_null() { String::new() } else { found.inputs.to_string() }),
    ])?;
    out::line("\nWhat the policies said")?;
    let stopped = if found.state == MessageState::Held { "holds" } else { "withholds" };
    let verdict = |pass| if pass { "passes" } else { stopped }.to_owned();
    let rows = found.verdicts.iter().map(|v| vec![v.policy.clone(), verdict(v.pass), v.note.clone()]).collect();
    out::table(&["policy", "verdict", "note"], rows, "None was asked yet.")?;
    out::line("\nWhat happened")?;
    let row = |c: &LogRow| {
        let reason = c.reason.as_deref().map(told::short).unwrap_or_default();
        vec![out::when(c.at, zone), c.state.as_str().to_owned(), reason, told::in_words(&c.detail, zone)]
    };
    out::table(&["at", "state", "reason", "what more"], log.iter().map(row).collect(), "Nothing yet.")
}
