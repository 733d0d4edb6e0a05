//! A Maildir folder: what lies in `new` is kept, and only then moved to `cur`.

use std::fs;

use super::{WELCOME, arrives, came_back, report, returns, start};
use crate::store::both;
use crate::store::place::Place;
use crate::support::{Daemon, book};

both! {
    mail_is_taken_once_and_lies_in_cur_afterwards,
}

async fn mail_is_taken_once_and_lies_in_cur_afterwards(place: &Place) {
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["new", "cur", "tmp"] {
        fs::create_dir(folder.path().join(part)).expect("a folder");
    }
    let daemon = Daemon::start_with(place.url(), book(&[WELCOME]), start(), |settings| {
        returns(settings);
        settings.mail.returns.maildir = Some(folder.path().to_owned());
    })
    .await;
    daemon.accept(arrives("anna")).await;
    daemon.settle().await;
    let letter = &daemon.record().await[0];
    let path = daemon.app.engine.mailing.load().composer.envelope_from(None, &letter.id).to_string();
    let mail = report(&path, "anna@mail.example", "failed", "5.1.1", "550 5.1.1 no such user");
    fs::write(folder.path().join("new/1773133205.M1P2.mx"), &mail).expect("delivered");
    fs::write(folder.path().join("new/1773133206.M1P3.mx"), b"From: b@x.example\r\n\r\nhello\r\n").expect("delivered");
    fs::write(folder.path().join("tmp/1773133207.M1P4.mx"), &mail).expect("half delivered");
    daemon.settle().await;
    let names = |part: &str| {
        let mut names: Vec<String> = fs::read_dir(folder.path().join(part))
            .expect("the folder")
            .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("new"), Vec::<String>::new());
    assert_eq!(names("cur"), ["1773133205.M1P2.mx:2,S", "1773133206.M1P3.mx:2,S"]);
    assert_eq!(names("tmp").len(), 1, "what is being delivered is not looked at");
    assert_eq!(came_back(&daemon).await.len(), 2);
    assert_eq!(daemon.customer("anna").await.returns.bounced, 1);
    // A crash between the commit and the move: the same mail is found again.
    fs::write(folder.path().join("new/1773133205.M1P2.mx"), &mail).expect("found again");
    daemon.settle().await;
    assert_eq!(came_back(&daemon).await.len(), 2);
    assert_eq!(daemon.customer("anna").await.returns.bounced, 1);
}
