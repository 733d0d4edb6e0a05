//! Letters are kept by what those of a template have in common, and are what was sent when they are read again.

use super::{WELCOME, arrives, daemon};
use crate::store::both;
use crate::store::place::Place;
use crate::support::book;

both! {
    letters_kept_by_a_dictionary_are_read_as_they_were_sent,
}

async fn letters_kept_by_a_dictionary_are_read_as_they_were_sent(place: &Place) {
    let daemon = daemon(place, book(&[WELCOME])).await;
    for name in ["anna", "boris", "konstantin"] {
        daemon.accept(arrives(name)).await;
    }
    daemon.settle().await;
    let store = &daemon.app.engine.store;
    let sent = daemon.mailbox.letters();
    let rows = daemon.record().await;
    assert_eq!((sent.len(), rows.len()), (3, 3));
    for row in rows {
        let kept = store.raw(&row.id).await.expect("reads").expect("is kept");
        assert!(sent.iter().any(|letter| letter.bytes == kept), "{}", row.id);
    }
    // A trigger by the row: it can only refuse where there is one.
    let removed = place.run("DELETE FROM dictionaries").await;
    assert!(removed.is_err_and(|error| error.to_string().contains("never")), "what letters are read by stays");
    assert!(place.run("UPDATE dictionaries SET id = 'other'").await.is_err());
}
