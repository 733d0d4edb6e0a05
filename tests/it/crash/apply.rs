//! `milepost apply`, killed on the spot, and the daemon with it: the old rulebook is in force or the new one, whole.

use std::time::Duration;

use fastrand::Rng;
use milepost::engine::in_force;
use milepost::mail::Mailbox;
use milepost::store::Store;

use super::load::say;
use super::program::Folder;
use crate::support::header;

/// How often it is killed.
const DEATHS: usize = 12;
/// Letters of every rulebook that nobody is sent: a rulebook takes a while to be written.
const BALLAST: usize = 60;

/// Puts the rules of a version on disk: two letters for each order, which both tell the version.
fn write(folder: &Folder, version: usize) {
    for letter in ["news", "receipt"] {
        let text =
            format!("Subject: {letter} of version {version}\n\n{{{{ event.order.id }}}} {{{{ unsubscribe_url }}}}\n");
        folder.write(&format!("rules/shop/templates/{letter}.txt"), &text);
    }
    for n in 0..BALLAST {
        let text =
            format!("Subject: Ballast\n\n{}\n{{{{ unsubscribe_url }}}}\n", format!("{version} {n} ").repeat(400));
        folder.write(&format!("rules/shop/templates/ballast-{n}.txt"), &text);
    }
}

/// The version of the rulebook in force, whose files must all be there and be those that its hash is made of.
async fn in_force_now(folder: &Folder) -> usize {
    let store = Store::open(&folder.database()).await.expect("opens");
    let (row, book) = in_force::read(&store).await.expect("is whole").expect("one is in force");
    store.close().await;
    assert_eq!(book.rulebook.hash, row.rulebook, "what is read of the archive is what was put in force");
    let files = &book.files;
    let version = |path: &str| {
        let text = String::from_utf8_lossy(&files[path]).into_owned();
        text.lines().next().and_then(|line| line.rsplit(' ').next()).and_then(|version| version.parse().ok())
    };
    let news: usize = version("shop/templates/news.txt").expect("a version");
    assert_eq!(version("shop/templates/receipt.txt"), Some(news), "never half of one and half of the other");
    news
}

/// Subjects of the letters that came about an order.
async fn letters_about(mailbox: &Mailbox, order: &str) -> Vec<String> {
    loop {
        let known = mailbox.count();
        let letters = mailbox.letters();
        let about = letters.iter().filter(|letter| {
            String::from_utf8_lossy(&letter.bytes).lines().any(|line| line.split(' ').next() == Some(order))
        });
        let mut subjects: Vec<String> = about.map(|letter| header(&letter.bytes, "Subject")).collect();
        if subjects.len() >= 2 {
            subjects.sort();
            return subjects;
        }
        mailbox.wait_for(known + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_midst_of_apply_the_old_rulebook_is_in_force_or_the_new_one() {
    let mailbox = super::mailbox().await;
    let folder = Folder::new(&mailbox, 2);
    let mut rng = Rng::with_seed(9);
    write(&folder, 0);
    let mut daemon = folder.start();
    daemon.ready().await;
    let (mut version, mut old, mut new) = (0, 0, 0);
    for death in 1..=DEATHS {
        write(&folder, death);
        let mut apply = folder.command(&["apply", "--yes"]).spawn().expect("the program starts");
        match death % 4 {
            // At once, or just about; somewhere on the way; when it has said that it is done.
            1 => tokio::time::sleep(Duration::from_millis(rng.u64(0..30))).await,
            3 => assert!(apply.wait().await.expect("ends").success()),
            _ => tokio::time::sleep(Duration::from_millis(rng.u64(0..1_500))).await,
        }
        // It may be over by now.
        let _ = apply.start_kill();
        apply.wait().await.expect("ends");
        if rng.bool() {
            // The daemon may be taking the new one over at this very moment.
            tokio::time::sleep(Duration::from_millis(rng.u64(0..2_500))).await;
        }
        daemon.kill().await;
        let now = in_force_now(&folder).await;
        assert!(now == version || now == death, "version {now} is in force after {version} and {death}");
        if now == death {
            new += 1;
        } else {
            old += 1;
        }
        version = now;
        daemon = folder.start();
        let address = daemon.ready().await;
        let order = format!("order-{death}");
        say(address, "anna", &order).await;
        let subjects = letters_about(&mailbox, &order).await;
        assert_eq!(subjects, [format!("news of version {version}"), format!("receipt of version {version}")]);
    }
    assert!(old > 0 && new > 0, "{old} times the old one, {new} times the new one: choose other moments");
    assert_eq!(daemon.terminate().await, Some(0));
}
