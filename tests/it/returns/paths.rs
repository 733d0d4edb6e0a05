//! Return paths: the envelope's sender names the letter, the same at every try.

use milepost::mail::mailbox::{Action, Stage};

use super::{WELCOME, arrives, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{book, header};

both! {
    the_sender_of_every_try_names_the_letter,
}

async fn the_sender_of_every_try_names_the_letter(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    daemon.mailbox.follow(|moment| match moment.stage {
        Stage::Dot if moment.connection == 1 => Action::SayAndDrop("451 4.7.1 greylisted".into()),
        _ => Action::Go,
    });
    daemon.accept(arrives("anna")).await;
    daemon.until("2026-03-10T09:05:00Z").await;
    let letters = daemon.mailbox.letters();
    let [letter] = letters.as_slice() else { panic!("one letter, not {}", letters.len()) };
    let row = &daemon.record().await[0];
    assert_eq!(row.attempts, 2, "the first try was put off");
    assert_eq!(letter.from, daemon.app.engine.mailing.load().composer.envelope_from(None, &row.id).as_str());
    assert!(letter.from.starts_with("bounce+") && letter.from.ends_with("@returns.shop.example"), "{}", letter.from);
    let ways = header(&letter.bytes, "List-Unsubscribe");
    // Folded header lines go on below.
    let source = String::from_utf8_lossy(&letter.bytes).replace("\r\n ", " ");
    assert!(source.contains("<mailto:unsubscribe+") && source.contains("?subject=unsubscribe>"), "{ways}");
    assert_eq!(header(&letter.bytes, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
}
