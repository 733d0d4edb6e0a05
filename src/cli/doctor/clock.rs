//! The clock: waits, quiet hours and logs are only as right as it is. It is compared with the date that a web server sends.

use chrono::DateTime;
use chrono_tz::IANA_TZDB_VERSION;
use reqwest::header::DATE;

use super::finding::Finding;
use super::parts::client;
use crate::clock::Clock;
use crate::journey::time::{Span, Timestamp};
use crate::settings::load::Loaded;

/// How far off is still fine. The header has whole seconds, and the answer took its time.
const TOLERANCE: Span = Span::seconds(5);

/// Compares the clock, and names the version of the time zones.
pub async fn look(loaded: &Loaded, clock: &Clock) -> Vec<Finding> {
    let zone = &loaded.settings.shop.time_zone;
    let zones = Finding::fine("clock", zone, format!("time zone database {IANA_TZDB_VERSION}"));
    let url = loaded.settings.connections.values().find_map(|c| c.url.as_ref()).unwrap_or(&loaded.settings.shop.url);
    let help = "compare it yourself, for example with `timedatectl`";
    let offset = match theirs(url).await {
        Some(theirs) => verdict(clock.now(), theirs),
        None => Finding::doubt("clock", "this machine", format!("no time to compare with was had from {url}"), help),
    };
    vec![offset, zones]
}

async fn theirs(url: &str) -> Option<Timestamp> {
    let answer = client().ok()?.head(url).send().await.ok()?;
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    Timestamp::from_seconds(DateTime::parse_from_rfc2822(date).ok()?.timestamp())
}

fn verdict(ours: Timestamp, theirs: Timestamp) -> Finding {
    let off = ours.since(theirs).max(theirs.since(ours));
    if off <= TOLERANCE {
        return Finding::fine("clock", "this machine", "agrees with a web server's");
    }
    let direction = if ours > theirs { "ahead of" } else { "behind" };
    let help = "switch time synchronisation on (NTP), for example with `timedatectl set-ntp true`";
    Finding::wrong("clock", "this machine", format!("{off} {direction} a web server's"), help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn a_clock_that_is_off_is_wrong() {
        let at = |text| Timestamp::parse_rfc3339(text).expect("a moment");
        let noon = at("2026-11-22T12:00:00Z");
        assert_eq!(verdict(noon, at("2026-11-22T11:59:58Z")).verdict, Verdict::Fine);
        let late = verdict(noon, at("2026-11-22T12:01:30Z"));
        assert_eq!((late.verdict, late.note.as_str()), (Verdict::Wrong, "1m 30s behind a web server's"));
        assert_eq!(verdict(noon, at("2026-11-22T11:00:00Z")).note, "1h ahead of a web server's");
    }
}
