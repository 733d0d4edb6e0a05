//! `milepost promo list`: what every pool has, how fast its codes go, and when it will be empty.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cli::context::{Context, book_in_force};
use crate::cli::out;
use crate::insight::promo::{LATELY, forecast};
use crate::journey::promo::PoolRules;
use crate::journey::time::Timestamp;
use crate::store::PoolStock;

#[derive(Debug, Serialize)]
struct Stock {
    pool: String,
    codes: u64,
    /// Absent for pools whose codes are made when they are wanted.
    left: Option<u64>,
    reserved: u64,
    sent: u64,
    redeemed: u64,
    expired: u64,
    returned: u64,
    per_day: Option<f64>,
    dry_at: Option<String>,
    low: bool,
}

/// Prints the pools of the ledger and of the rulebook.
pub(super) async fn run(json: bool, context: &Context) -> anyhow::Result<()> {
    let (loaded, store) = context.open().await?;
    let now = context.clock.now();
    let mut known: BTreeMap<String, PoolStock> =
        store.pool_stock(now.before(LATELY)).await?.into_iter().map(|stock| (stock.pool.clone(), stock)).collect();
    // A rulebook with faults hides no pool that has codes.
    let rules = book_in_force(&loaded, &store).await.map(|book| book.rulebook.pools).unwrap_or_default();
    let names: BTreeSet<String> = known.keys().chain(rules.keys()).cloned().collect();
    let none = PoolRules::default();
    let pools: Vec<Stock> = names
        .into_iter()
        .map(|name| {
            let stock = known.remove(&name).unwrap_or_else(|| PoolStock { pool: name.clone(), ..PoolStock::default() });
            of_pool(stock, rules.get(&name).unwrap_or(&none), now)
        })
        .collect();
    if json {
        return Ok(out::json(&pools)?);
    }
    let zone = loaded.shop().zone;
    let row = |stock: Stock| {
        let mut left = stock.left.map_or_else(|| "made when wanted".to_owned(), |left| left.to_string());
        if stock.low {
            left.push_str(" (low)");
        }
        let numbers =
            [stock.reserved, stock.sent, stock.redeemed, stock.expired, stock.returned].map(|n| n.to_string());
        let pace = stock.per_day.map(|pace| format!("{pace:.1}")).unwrap_or_default();
        let dry = match stock.left {
            Some(0) => "empty now".to_owned(),
            _ => out::when_maybe(stock.dry_at.as_deref().and_then(Timestamp::parse_rfc3339), zone),
        };
        [vec![stock.pool, stock.codes.to_string(), left], numbers.to_vec(), vec![pace, dry]].concat()
    };
    let rows = pools.into_iter().map(row).collect();
    let header = ["pool", "codes", "left", "reserved", "sent", "redeemed", "expired", "returned", "a day", "empty on"];
    out::table(&header, rows, "No codes were loaded yet.")?;
    Ok(())
}

fn of_pool(stock: PoolStock, rules: &PoolRules, now: Timestamp) -> Stock {
    let made = rules.pattern.is_some();
    let forecast = forecast(&stock, now);
    Stock {
        codes: stock.total,
        left: (!made).then_some(stock.left),
        reserved: stock.reserved,
        sent: stock.sent,
        redeemed: stock.redeemed,
        expired: stock.expired,
        returned: stock.returned,
        per_day: forecast.map(|forecast| forecast.per_day),
        dry_at: forecast.filter(|_| !made).map(|forecast| forecast.dry_at.rfc3339()),
        low: !made && rules.low_stock.is_some_and(|fewest| stock.left < fewest),
        pool: stock.pool,
    }
}
