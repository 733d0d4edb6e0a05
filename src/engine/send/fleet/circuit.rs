//! Whether a relay is used: a circuit that opens when it can't be reached, and is tried again after a wait that grows.
//!
//! Pure: every moment is handed in.

use crate::journey::time::{Span, Timestamp};

/// So many failures in a row open it.
const FAILURES: u32 = 3;
/// How long it stays open at first, and at most.
const FIRST: Span = Span::seconds(30);
const LONGEST: Span = Span::seconds(900);

/// A relay's circuit.
#[derive(Debug)]
pub(super) struct Circuit {
    failures: u32,
    wait: Span,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Letters go.
    Closed,
    /// None goes until then.
    Open { since: Timestamp, until: Timestamp },
    /// Somebody looks whether it can be reached.
    Probing { since: Timestamp },
}

/// What a failure or a look at the relay changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// The first failure after a success.
    Faltered,
    /// It is not used from now on.
    Opened { since: Timestamp, until: Timestamp },
    /// It is used again.
    Closed,
}

impl Circuit {
    pub(super) fn new() -> Self {
        Self { failures: 0, wait: FIRST, state: State::Closed }
    }

    /// Whether letters may take it.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// When it is looked at again, while it is open.
    pub(super) fn until(&self) -> Option<Timestamp> {
        if let State::Open { until, .. } = self.state { Some(until) } else { None }
    }

    /// Whether it is time to look at the relay; whoever asked must do so and tell.
    pub(super) fn begins_probe(&mut self, now: Timestamp) -> bool {
        let State::Open { since, until } = self.state else { return false };
        let due = until <= now;
        if due {
            self.state = State::Probing { since };
        }
        due
    }

    /// A conversation failed before it came to a letter. `surely`: once is enough, because trying again changes nothing.
    pub(super) fn failed(&mut self, surely: bool, now: Timestamp) -> Change {
        if !self.is_closed() {
            return Change::None;
        }
        self.failures += 1;
        if !surely && self.failures < FAILURES {
            return if self.failures == 1 { Change::Faltered } else { Change::None };
        }
        self.open(now, now)
    }

    /// The relay spoke about a letter, whatever it said: all is well.
    pub(super) fn succeeded(&mut self) {
        if self.is_closed() {
            (self.failures, self.wait) = (0, FIRST);
        }
    }

    /// What came of looking at the relay.
    pub(super) fn probed(&mut self, well: bool, now: Timestamp) -> Change {
        let State::Probing { since } = self.state else { return Change::None };
        if !well {
            return self.open(since, now);
        }
        // It has yet to take a letter: the next failure opens it again, for longer.
        self.failures = FAILURES - 1;
        self.state = State::Closed;
        Change::Closed
    }

    fn open(&mut self, since: Timestamp, now: Timestamp) -> Change {
        let until = now.after(self.wait);
        self.wait = Span::from_micros(self.wait.micros() * 2).min(LONGEST);
        self.state = State::Open { since, until };
        Change::Opened { since, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(0).after(Span::seconds(seconds))
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_its_waits_grow_until_a_letter_has_gone() {
        let mut circuit = Circuit::new();
        assert_eq!(circuit.failed(false, at(0)), Change::Faltered);
        circuit.succeeded();
        assert_eq!(circuit.failed(false, at(0)), Change::Faltered, "a success in between begins anew");
        assert_eq!(circuit.failed(false, at(0)), Change::None);
        assert_eq!(circuit.failed(false, at(0)), Change::Opened { since: at(0), until: at(30) });
        assert_eq!(circuit.failed(false, at(1)), Change::None, "letters that were under way open nothing twice");
        assert!(!circuit.is_closed() && !circuit.begins_probe(at(29)));
        assert!(circuit.begins_probe(at(30)) && !circuit.begins_probe(at(30)), "one looks");
        assert_eq!(circuit.probed(false, at(31)), Change::Opened { since: at(0), until: at(91) });
        assert!(circuit.begins_probe(at(91)));
        assert_eq!(circuit.probed(true, at(92)), Change::Closed);
        assert_eq!(
            circuit.failed(false, at(93)),
            Change::Opened { since: at(93), until: at(213) },
            "it took no letter yet"
        );
        assert!(circuit.begins_probe(at(213)));
        circuit.probed(true, at(213));
        circuit.succeeded();
        assert_eq!(
            circuit.failed(true, at(300)),
            Change::Opened { since: at(300), until: at(330) },
            "a sure one, anew"
        );
    }

    #[test]
    fn the_wait_has_an_end() {
        let mut circuit = Circuit::new();
        circuit.failed(true, at(0));
        let mut now = at(0);
        for _ in 0..10 {
            now = circuit.until().expect("is open");
            assert!(circuit.begins_probe(now));
            circuit.probed(false, now);
        }
        assert_eq!(circuit.until(), Some(now.after(LONGEST)));
    }
}
