//! How codes go on once they were given: with the letters that show them, with orders, with time.

use super::super::db::Arg;
use super::super::{Result, Tx};
use super::spellings;
use crate::journey::time::Timestamp;

impl Tx {
    /// Marks the codes that these letters show as sent, as far as the letters are, or may be.
    pub async fn send_codes_of(&mut self, messages: &[String], at: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE promo_codes SET state = 'sent', sent_at = $2 FROM messages
            WHERE messages.id = ANY($1) AND messages.state IN ('sent', 'uncertain') AND promo_codes.state = 'reserved'
            AND promo_codes.enrollment = messages.enrollment AND promo_codes.code = messages.promo_code";
        if messages.is_empty() {
            return Ok(());
        }
        let args = vec![Arg::texts(messages.iter().map(String::as_str)), Arg::time(at)];
        self.execute("mark promo codes as sent", SQL, args).await.map(drop)
    }

    /// Gives the codes that these letters were to show back, as far as neither they nor others brought them or may yet.
    pub async fn return_codes_of(&mut self, messages: &[String]) -> Result<()> {
        const SQL: &str = "SELECT DISTINCT enrollment FROM messages
            WHERE id = ANY($1) AND promo_code IS NOT NULL AND state IN ('withheld', 'refused')";
        if messages.is_empty() {
            return Ok(());
        }
        let ids = Arg::texts(messages.iter().map(String::as_str));
        let rows = self.look("find runs with promo codes", SQL, vec![ids]).await?;
        let runs = rows.iter().map(|row| row.fields().text()).collect::<Result<Vec<_>>>()?;
        self.return_codes(&runs).await
    }

    /// Gives the codes of runs that are over back to their pools, unless a letter brought them or may yet.
    pub async fn return_codes(&mut self, enrollments: &[String]) -> Result<()> {
        const SQL: &str =
            "UPDATE promo_codes SET state = 'free', customer = NULL, rule = NULL, enrollment = NULL, given_at = NULL,
                expires_at = NULL, returned = returned + 1
            WHERE enrollment = ANY($1) AND state = 'reserved'
            AND EXISTS (SELECT 1 FROM enrollments WHERE enrollments.id = promo_codes.enrollment AND ended_at IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.enrollment = promo_codes.enrollment
                AND messages.promo_code = promo_codes.code
                AND messages.state IN ('queued', 'held', 'sending', 'sent', 'uncertain', 'failed'))
            AND NOT EXISTS (SELECT 1 FROM errands WHERE errands.enrollment = promo_codes.enrollment
                AND errands.promo_code = promo_codes.code)";
        if enrollments.is_empty() {
            return Ok(());
        }
        let args = vec![Arg::texts(enrollments.iter().map(String::as_str))];
        self.execute("return promo codes", SQL, args).await.map(drop)
    }

    /// An order carries a code: it is redeemed, whoever was given it, and though nobody was. What people type in capitals or
    /// small letters is the same code. Tells whether that is news.
    pub async fn redeem_code(&mut self, code: &str, customer: &str, order: &str, at: Timestamp) -> Result<bool> {
        // The same code may stand in two pools: the customer's own goes first.
        const SQL: &str =
            "UPDATE promo_codes SET state = 'redeemed', redeemed_at = $4, redeemed_by = $2, redeemed_order = $3
            WHERE state <> 'redeemed' AND id = (SELECT id FROM promo_codes WHERE code = ANY($1)
                ORDER BY CASE WHEN customer = $2 OR customer IN (SELECT id FROM customers WHERE merged_into = $2)
                    THEN 0 ELSE 1 END, id LIMIT 1)";
        let spellings = spellings(code);
        let args = vec![
            Arg::texts(spellings.iter().map(String::as_str)),
            Arg::text(customer),
            Arg::text(order),
            Arg::time(at),
        ];
        Ok(self.execute("redeem a promo code", SQL, args).await? > 0)
    }

    /// Marks codes whose time is over; at most so many. Tells how many there were.
    pub async fn expire_codes(&mut self, now: Timestamp, limit: usize) -> Result<u64> {
        const SQL: &str = "UPDATE promo_codes SET state = 'expired' WHERE id IN (
            SELECT id FROM promo_codes WHERE state = 'sent' AND expires_at <= $1 ORDER BY expires_at LIMIT $2)";
        self.execute("expire promo codes", SQL, vec![Arg::time(now), Arg::count(limit)]).await
    }
}
