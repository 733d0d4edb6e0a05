//! What became of customers: their moves on maps and their runs of rules.

use super::db::{Arg, Row};
use super::rows::Many;
use super::{Result, Store, Tx};
use crate::journey::effect::{Cause, EndReason, StageMove};
use crate::journey::money::Money;
use crate::journey::time::Timestamp;

/// One run of one rule. For a new one, `converted` is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct EnrollmentRow {
    /// Enrollment id.
    pub id: String,
    /// Whose.
    pub customer: String,
    /// Rule.
    pub rule: String,
    /// Map.
    pub map: String,
    /// Stage of that map the customer was at.
    pub stage: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// When and how it ended.
    pub ended: Option<(Timestamp, EndReason)>,
    /// What it brought.
    pub converted: Option<Conversion>,
}

/// The goal reached in a run's window.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// When.
    pub at: Timestamp,
    /// The letter credited.
    pub message: String,
    /// What it was worth.
    pub value: Option<Money>,
}

/// A run or a letter with the rule it is of, as it was recorded: the rulebook may know the rule no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfRule {
    /// Id of the run or letter.
    pub id: String,
    /// Map.
    pub map: String,
    /// Rule.
    pub rule: String,
}

impl OfRule {
    pub(super) fn read(row: &Row) -> Result<Self> {
        let mut fields = row.fields();
        Ok(Self { id: fields.text()?, map: fields.text()?, rule: fields.text()? })
    }
}

impl Tx {
    /// Records moves: (customer, move).
    pub async fn put_moves(&mut self, moves: &[(String, StageMove)]) -> Result<()> {
        const MANY: Many = Many {
            what: "record moves",
            head: "INSERT INTO moves (customer, map, from_stage, since, to_stage, at, cause) VALUES",
            tail: "",
        };
        let rows = moves.iter().map(|(customer, moved)| {
            Ok([
                Arg::text(customer),
                Arg::text(&moved.map),
                Arg::maybe_text(moved.from.as_deref()),
                Arg::maybe_time(moved.since),
                Arg::maybe_text(moved.to.as_deref()),
                Arg::time(moved.at),
                Arg::json(MANY.what, &moved.cause)?,
            ])
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Records runs that began; those that ended at once, with their end.
    pub async fn put_enrollments(&mut self, enrollments: &[EnrollmentRow]) -> Result<()> {
        const MANY: Many = Many {
            what: "record enrollments",
            head: "INSERT INTO enrollments (id, customer, rule, map, stage, started_at, cause, ended_at, end_reason) VALUES",
            tail: "",
        };
        let rows = enrollments.iter().map(|row| {
            Ok([
                Arg::text(&row.id),
                Arg::text(&row.customer),
                Arg::text(&row.rule),
                Arg::text(&row.map),
                Arg::maybe_text(row.stage.as_deref()),
                Arg::time(row.started_at),
                Arg::json(MANY.what, &row.cause)?,
                Arg::maybe_time(row.ended.as_ref().map(|(at, _)| *at)),
                row.ended.as_ref().map_or(Ok(Arg::Text(None)), |(_, reason)| Arg::json(MANY.what, reason))?,
            ])
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        self.execute_many(&MANY, rows).await.map(drop)
    }

    /// Records how runs ended; a run ends once. Gives those for which this is the first end.
    pub async fn end_enrollments(&mut self, ended: &[(String, Timestamp, EndReason)]) -> Result<Vec<OfRule>> {
        const MANY: Many = Many {
            what: "end enrollments",
            head: "WITH v (v_id, v_at, v_reason) AS (VALUES",
            tail: ") UPDATE enrollments SET ended_at = v_at, end_reason = v_reason FROM v WHERE id = v_id AND ended_at IS NULL
                RETURNING id, map, rule",
        };
        let rows = ended
            .iter()
            .map(|(id, at, reason)| Ok([Arg::text(id), Arg::time(*at), Arg::json(MANY.what, reason)?]))
            .collect::<Result<Vec<_>>>()?;
        self.fetch_many(&MANY, rows).await?.iter().map(OfRule::read).collect()
    }

    /// Records goals reached: (enrollment, when, letter credited, worth). Gives the runs for which this is the first one.
    pub async fn convert_enrollments(
        &mut self,
        converted: &[(String, Timestamp, String, Option<Money>)],
    ) -> Result<Vec<OfRule>> {
        const MANY: Many = Many {
            what: "record conversions",
            head: "WITH v (v_id, v_at, v_message, v_minor, v_currency) AS (VALUES",
            tail: ") UPDATE enrollments SET converted_at = v_at, converted_message = v_message, value_minor = v_minor,
                value_currency = v_currency FROM v WHERE id = v_id AND converted_at IS NULL
                RETURNING id, map, rule",
        };
        let rows = converted
            .iter()
            .map(|(id, at, message, value)| {
                let (minor, currency) = value.as_ref().map(|value| (value.minor, value.currency.as_str())).unzip();
                [Arg::text(id), Arg::time(*at), Arg::text(message), Arg::Int(minor), Arg::maybe_text(currency)]
            })
            .collect();
        self.fetch_many(&MANY, rows).await?.iter().map(OfRule::read).collect()
    }
}

impl Store {
    /// Moves of a customer and of those merged into it, oldest first.
    pub async fn moves_of(&self, customer: &str) -> Result<Vec<StageMove>> {
        const SQL: &str =
            "SELECT map, from_stage, since, to_stage, at, cause FROM moves WHERE customer = ANY($1) ORDER BY at, id";
        let family = self.family(customer).await?;
        let args = vec![Arg::texts(family.iter().map(String::as_str))];
        let rows = self.read("read a customer's moves", SQL, args).await?;
        rows.iter()
            .map(|row| {
                let mut fields = row.fields();
                Ok(StageMove {
                    map: fields.text()?,
                    from: fields.maybe_text()?,
                    since: fields.maybe_time()?,
                    to: fields.maybe_text()?,
                    at: fields.time()?,
                    cause: fields.json()?,
                })
            })
            .collect()
    }

    /// Runs of a customer and of those merged into it, oldest first.
    pub async fn enrollments_of(&self, customer: &str) -> Result<Vec<EnrollmentRow>> {
        const SQL: &str = "SELECT id, customer, rule, map, stage, started_at, cause, ended_at, end_reason, converted_at,
            converted_message, value_minor, value_currency FROM enrollments WHERE customer = ANY($1) ORDER BY started_at, id";
        let family = self.family(customer).await?;
        let args = vec![Arg::texts(family.iter().map(String::as_str))];
        self.read("read a customer's enrollments", SQL, args).await?.iter().map(enrollment).collect()
    }
}

fn enrollment(row: &Row) -> Result<EnrollmentRow> {
    let mut fields = row.fields();
    Ok(EnrollmentRow {
        id: fields.text()?,
        customer: fields.text()?,
        rule: fields.text()?,
        map: fields.text()?,
        stage: fields.maybe_text()?,
        started_at: fields.time()?,
        cause: fields.json()?,
        ended: fields.maybe_time()?.zip(fields.maybe_json()?),
        converted: {
            let (at, message) = (fields.maybe_time()?, fields.maybe_text()?.unwrap_or_default());
            let value =
                fields.maybe_int()?.zip(fields.maybe_text()?).map(|(minor, currency)| Money::new(minor, currency));
            at.map(|at| Conversion { at, message, value })
        },
    })
}
