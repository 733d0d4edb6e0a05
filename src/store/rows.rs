//! Multi-row statements: one text for many rows, in sizes that repeat so that the engines keep them prepared.

use std::fmt::Write;

use super::db::{Arg, Row};
use super::{Engine, Result, Tx};

/// Rows a statement, greatest first. A list of any length is cut into these: close enough to each other that three or four
/// statements do for 128 rows, for a statement costs more than the rows in it; few and small enough that all of them stay
/// prepared without taking tens of megabytes.
const SIZES: [usize; 14] = [128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

/// A statement with a list of rows in it: what stands before the list and what stands after it.
///
/// Either `INSERT INTO … VALUES` + list, or `WITH v(…) AS (VALUES` + list + `) UPDATE …`. Parameters stand in the list only.
pub(super) struct Many {
    /// What the statement does, for errors.
    pub(super) what: &'static str,
    /// Up to and with `VALUES`.
    pub(super) head: &'static str,
    /// From after the list on.
    pub(super) tail: &'static str,
}

impl Many {
    /// PostgreSQL numbers its parameters. To SQLite a number is a name, and it looks names up one by one for each value that
    /// is bound: a list of 256 rows would cost a million comparisons.
    fn text(&self, engine: Engine, rows: usize, width: usize) -> String {
        let mut sql = String::with_capacity(self.head.len() + self.tail.len() + rows * (width * 6 + 3) + 2);
        sql.push_str(self.head);
        for row in 0..rows {
            sql.push_str(if row == 0 { " (" } else { ", (" });
            for column in 0..width {
                let comma = if column == 0 { "" } else { ", " };
                sql.push_str(comma);
                match engine {
                    Engine::Sqlite => sql.push('?'),
                    // Writing to a String cannot fail.
                    Engine::Postgres => drop(write!(sql, "${}", row * width + column + 1)),
                }
            }
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(self.tail);
        sql
    }
}

impl Tx {
    /// Runs the statement over all rows and tells how many it touched.
    pub(super) async fn execute_many<const N: usize>(&mut self, many: &Many, rows: Vec<[Arg<'_>; N]>) -> Result<u64> {
        let engine = self.engine();
        let mut touched = 0;
        for (size, args) in chunks(rows) {
            touched += self.inner.execute(many.what, &many.text(engine, size, N), args).await?;
        }
        Ok(touched)
    }

    /// Runs a statement that only reads over all rows and takes what it returns.
    pub(super) async fn look_up_many<const N: usize>(
        &mut self,
        many: &Many,
        rows: Vec<[Arg<'_>; N]>,
    ) -> Result<Vec<Row>> {
        self.gather(many, rows, false).await
    }

    /// Runs a statement that writes over all rows and takes what it returns.
    pub(super) async fn fetch_many<const N: usize>(
        &mut self,
        many: &Many,
        rows: Vec<[Arg<'_>; N]>,
    ) -> Result<Vec<Row>> {
        self.gather(many, rows, true).await
    }

    async fn gather<const N: usize>(&mut self, many: &Many, rows: Vec<[Arg<'_>; N]>, writes: bool) -> Result<Vec<Row>> {
        let engine = self.engine();
        let mut found = Vec::new();
        for (size, args) in chunks(rows) {
            let text = many.text(engine, size, N);
            found.extend(if writes {
                self.inner.fetch(many.what, &text, args).await?
            } else {
                self.inner.look(many.what, &text, args).await?
            });
        }
        Ok(found)
    }
}

fn chunks<const N: usize>(rows: Vec<[Arg<'_>; N]>) -> Vec<(usize, Vec<Arg<'_>>)> {
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    let mut chunks = Vec::new();
    for size in SIZES {
        while left >= size {
            chunks.push((size, rows.by_ref().take(size).flatten().collect()));
            left -= size;
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_into_sizes_that_repeat() {
        let rows: Vec<[Arg<'_>; 1]> = (0..343).map(|n| [Arg::int(n)]).collect();
        let sizes: Vec<usize> = chunks(rows)
            .iter()
            .map(|(size, args)| {
                assert_eq!(*size, args.len());
                *size
            })
            .collect();
        assert_eq!(sizes, [128, 128, 64, 16, 6, 1]);
    }

    #[test]
    fn parameters_are_numbered_through_or_have_no_name() {
        let many = Many { what: "", head: "INSERT INTO t VALUES", tail: "RETURNING a" };
        let text = |engine| many.text(engine, 2, 2);
        assert_eq!(text(Engine::Postgres), "INSERT INTO t VALUES ($1, $2), ($3, $4) RETURNING a");
        assert_eq!(text(Engine::Sqlite), "INSERT INTO t VALUES (?, ?), (?, ?) RETURNING a");
    }
}
