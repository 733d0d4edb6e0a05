//! `render` and `send-test`: a letter as it would go out, and what must not come of looking at it.

use std::fs;
use std::path::Path;

use milepost::mail::{LinkSigner, Mailbox};
use serde_json::json;

use super::{milepost, started, text};
use crate::mail::parse::Part;
use crate::support::{Daemon, at, header};

/// Settings like those of the tests' daemons, with a relay of this port.
fn settings(folder: &Path, port: u16) {
    let settings = format!(
        "[server]\npublic_url = \"https://post.shop.example\"\n[mail]\nfrom = \"Shop <hello@shop.example>\"\n\
         [mail.relays.test]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n"
    );
    fs::write(folder.join("config/milepost.toml"), settings).expect("written");
}

fn render(folder: &Path, args: &[&str]) -> Vec<u8> {
    let run = milepost(folder).arg("render").args(args).assert().success();
    run.get_output().stdout.clone()
}

/// The parts of a letter without what is another's in every letter: the links that unsubscribe and let choose.
fn parts(source: &[u8]) -> Vec<String> {
    let link = |text: String, of: &str| {
        let (before, rest) = text.split_once(&format!("https://post.shop.example/{of}/")).expect("the link");
        let after = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        format!("{before}LINK{after}")
    };
    Part::read(source).parts().iter().map(|part| link(link(part.text(), "u"), "p")).collect()
}

#[tokio::test]
async fn a_letter_is_shown_as_the_daemon_sends_it() {
    let folder = started();
    let book = milepost::rulebook::load(&folder.path().join("rules"), milepost::journey::book::Shop::default());
    let database = format!("sqlite:{}", folder.path().join("data/milepost.db").display());
    let daemon = Daemon::start(&database, book.book.expect("a book"), at("2026-03-10T09:00:00Z")).await;
    let boris = json!({"external_id": "7", "email": "boris@mail.example", "first_name": "Борис", "locale": "ru-RU",
                       "consent": {"marketing": true}});
    daemon.accept(json!({"id": "1", "kind": "customer.created", "customer": boris})).await;
    daemon.until("2026-03-10T09:30:00Z").await;
    let sent = daemon.mailbox.letters().remove(0).bytes;
    settings(folder.path(), daemon.mailbox.address().port());
    drop(daemon);
    let shown = render(folder.path(), &["welcome", "--customer", "boris@mail.example", "--as", "source"]);
    for name in ["From", "To", "Subject", "Feedback-ID", "List-Unsubscribe-Post", "MIME-Version"] {
        assert_eq!(header(&shown, name), header(&sent, name), "{name}");
    }
    assert_eq!(Part::read(&shown).names(), Part::read(&sent).names());
    assert_eq!(parts(&shown), parts(&sent));
    let english = render(folder.path(), &["welcome", "--customer", "external=7", "--locale", "en", "--as", "text"]);
    assert!(text(&english).starts_with("Subject: ") && text(&english).contains("Hello Борис,"), "{}", text(&english));
}

#[test]
fn without_a_customer_somebody_is_made_up_and_no_database_is_touched() {
    let folder = started();
    let said = text(&render(folder.path(), &["cart-promo"]));
    for part in ["Hello Anna,", "SAMPLE-CODE", "Something small, 2 × €15"] {
        assert!(said.contains(part), "{said}");
    }
    // The pool and the end of a code are those that a run would show.
    fs::write(
        folder.path().join("rules/pet-shop/templates/until.txt"),
        "Subject: Until\n\n{{ promo.code }} of {{ promo.pool }} until {{ promo.expires_at | date(format=\"%Y\") }} {{ unsubscribe_url }}\n",
    )
    .expect("written");
    fs::write(folder.path().join("rules/pet-shop/promo/leaf.yaml"), "pattern: LEAF-########\nvalid: 30d\n")
        .expect("written");
    fs::write(
        folder.path().join("rules/pet-shop/until.yaml"),
        "rule: until\non: {event: quiz.done}\nsteps: [{promo: leaf}, {send: until}]\n",
    )
    .expect("written");
    let until = text(&render(folder.path(), &["until", "--as", "text"]));
    assert!(until.contains("leaf until 20"), "{until}");
    let html = text(&render(folder.path(), &["cart-promo", "--as", "html"]));
    assert!(html.starts_with("<!doctype html>") && html.contains("SAMPLE-CODE"), "{html}");
    assert!(!folder.path().join("data").exists());
    let token = said.split("/u/").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link");
    assert!(LinkSigner::of_previews().verify(token).is_some(), "the link is a preview's: {token}");
}

#[test]
fn the_page_frames_both_widths_and_loads_nothing() {
    let folder = started();
    let file = folder.path().join("page.html");
    render(folder.path(), &["cart-promo", "--as", "page", "-o", &file.display().to_string()]);
    let page = fs::read_to_string(file).expect("written");
    assert!(page.contains("style=\"width:600px\"") && page.contains("style=\"width:390px\""), "{page}");
    assert!(page.contains("default-src 'none'"), "{page}");
    assert!(page.contains("Ten per cent off what is in your cart") && page.contains("A code of your own"), "{page}");
    let (_, letter) = page.split_once("srcdoc=\"").expect("a frame");
    let (letter, _) = letter.split_once('"').expect("its end");
    assert!(letter.contains("&lt;html") && !letter.contains('<'), "the letter stays inside its frame");
}

#[test]
fn the_page_shows_pictures_that_go_along_and_names_what_is_attached() {
    let folder = started();
    let rules = folder.path().join("rules/pet-shop");
    fs::create_dir(rules.join("files")).expect("a folder");
    fs::write(rules.join("files/logo.png"), [0x89, b'P', 0xff]).expect("written");
    fs::write(rules.join("files/prices.pdf"), "%PDF").expect("written");
    let letter =
        "Subject: Prices\nAttach: prices.pdf\n\n<p><img src=\"files/logo.png\" alt=\"\">{{ unsubscribe_url }}</p>";
    fs::write(rules.join("templates/prices.html"), letter).expect("written");
    let page = text(&render(folder.path(), &["prices", "--as", "page"])).replace("&#x2F;", "/");
    assert!(page.contains("data:image/png;base64,iVD/") && page.contains("Attached: prices.pdf"), "{page}");
    let source = text(&render(folder.path(), &["prices", "--as", "source"]));
    for part in ["multipart/mixed", "multipart/related", "filename=\"prices.pdf\"", "Content-ID: <"] {
        assert!(source.contains(part), "{part}: {source}");
    }
}

#[test]
fn addresses_from_where_nothing_may_be_fetched_are_told_where_they_stand() {
    let folder = started();
    let letter = |name: &str, text: &str| {
        fs::write(folder.path().join(format!("rules/pet-shop/templates/{name}")), text).expect("written");
    };
    let section = "[mail.attachments]\n";
    let allow = format!("{section}allow = [\"https://docs.shop.example/bills/\"]\n");
    let settings = folder.path().join("config/milepost.toml");
    let written = fs::read_to_string(&settings).expect("settings");
    fs::write(&settings, written.replacen(section, &allow, 1)).expect("written");
    letter(
        "bill.txt",
        "Subject: Bill\nAttach: https://docs.shop.example/bills/{{ event.number | urlencode }}.pdf\n\
         Attach: {{ event.link }}\n\n{{ unsubscribe_url }}\n",
    );
    let check = || milepost(folder.path()).arg("check").assert();
    let said = text(&check().success().get_output().stderr);
    assert!(!said.contains("unlisted"), "{said}");
    letter(
        "terms.html",
        "Subject: Terms\nAttach: https://shop.example/terms-{{ locale }}.pdf\n\n\
         <p><img src=\"cid:https://cdn.shop.example/cat.png\" alt=\"\">{{ unsubscribe_url }}</p>\n",
    );
    let said = text(&check().code(1).get_output().stderr);
    for told in [
        "error[unlisted-address]: nothing may be fetched from this address",
        "terms.html:2:9",
        "terms.html:4:14",
        "add the part up to a `/` to `mail.attachments.allow`",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert_eq!(said.matches("unlisted-address").count(), 2, "{said}");
}

#[test]
fn letters_that_mail_programs_cut_off_are_told() {
    let folder = started();
    let settings = folder.path().join("config/milepost.toml");
    let written = fs::read_to_string(&settings).expect("settings");
    fs::write(&settings, written.replacen("# flag_over_kb = 102", "flag_over_kb = 2", 1)).expect("written");
    let said = text(&milepost(folder.path()).arg("check").assert().success().get_output().stderr);
    assert!(said.contains("warning[letter-size]: the HTML of this letter has"), "{said}");
    assert!(said.contains("--> pet-shop/templates/cart-promo.mjml"), "{said}");
    let run = milepost(folder.path()).args(["render", "cart-promo"]).assert().success();
    let said = text(&run.get_output().stderr);
    assert!(said.starts_with("warning: the HTML of this letter has") && said.contains("more than 2"), "{said}");
}

#[test]
fn a_fixture_makes_somebody_up() {
    let folder = started();
    let file = folder.path().join("boris.yaml");
    let write = |text: &str| fs::write(&file, text).expect("written");
    let args = ["cart-promo", "--fixture", "boris.yaml"];
    write(
        "locale: ru\ncustomer: {first_name: Борис, pet: dog}\npromo: {code: КОД-1}\n\
         cart: {total: 24.9, currency: RUB, items: [{name: Корм, quantity: 2, price: 12.45, currency: RUB}]}\n",
    );
    let said = text(&render(folder.path(), &args));
    for part in ["Борис", "КОД-1", "- Корм, 2 × 12,45"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("Something"), "{said}");
    for (fixture, told) in [
        ("crt: {}\n", "unknown-key]: letters read nothing of `crt`\n --> boris.yaml:1:1"),
        ("cart: {totl: 1}\n", "unknown-variable]: there is no `cart.totl`\n --> boris.yaml:1:8"),
        ("cart: [1]\n", "wrong-type]: expected names and values, found a list\n --> boris.yaml:1:7"),
        ("- cart\n", "wrong-type]: expected roots of names"),
        ("shop: {name: x}\n", "letters read nothing of `shop`"),
        ("locale: [ru]\n", "expected a locale"),
        ("cart: {\n", "this is not YAML"),
    ] {
        write(fixture);
        let said = text(&milepost(folder.path()).arg("render").args(args).assert().code(1).get_output().stderr);
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn letters_that_cannot_be_shown_are_told() {
    let folder = started();
    fs::write(folder.path().join("rules/pet-shop/templates/plain.txt"), "Subject: Hi\n\nHi\n").expect("written");
    for (args, told) in [
        (&["cart-prmo"][..], "there is no letter `cart-prmo`: did you mean `cart-promo`?"),
        (&["cart-promo", "--map", "pet-shp"], "there is no map `pet-shp`: did you mean `pet-shop`?"),
        (&["cart-promo", "--fixture", "none.yaml"], "none.yaml can't be read"),
        (&["cart-promo", "--customer", "nobody@mail.example"], "no customer is known by `nobody@mail.example`"),
        (&["plain", "--as", "html"], "the letter `plain` has no HTML part"),
    ] {
        let said = text(&milepost(folder.path()).arg("render").args(args).assert().code(1).get_output().stderr);
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_letter_says_what_it_is_and_leaves_no_trace() {
    let mailbox = Mailbox::start(([127, 0, 0, 1], 0).into()).await.expect("a mailbox");
    let folder = started();
    settings(folder.path(), mailbox.address().port());
    let send = |args: &[&str]| milepost(folder.path()).args(["send-test", "cart-promo"]).args(args).assert();
    let said = text(&send(&["--to", "me@mail.example"]).success().get_output().stdout);
    assert!(said.contains("not on record, in no figure"), "{said}");
    let received = mailbox.letters().remove(0);
    assert_eq!(received.to, ["me@mail.example"]);
    let letter = received.bytes;
    assert_eq!(header(&letter, "To"), "me@mail.example");
    assert_eq!(header(&letter, "Subject"), "[Test] Ten per cent off what is in your cart");
    assert_eq!(header(&letter, "X-Milepost-Test"), "1");
    assert_eq!(header(&letter, "Feedback-ID"), "", "mailbox providers count it for no campaign");
    let unsubscribe = header(&letter, "List-Unsubscribe");
    let token = unsubscribe.trim_end_matches('>').rsplit('/').next().expect("a token");
    assert!(LinkSigner::of_previews().verify(token).is_some(), "{unsubscribe}");
    let listed = milepost(folder.path()).args(["messages", "list"]).assert().success();
    assert!(text(&listed.get_output().stdout).contains("There are no such letters"));

    milepost(folder.path()).args(["suppressions", "add", "me@mail.example"]).assert().success();
    let said = text(&send(&["--to", "Me@Mail.example"]).code(1).get_output().stderr);
    assert!(said.contains("on the suppression list (manual") && said.contains("--force"), "{said}");
    assert_eq!(mailbox.letters().len(), 1);
    send(&["--to", "Me@Mail.example", "--force"]).success();
    assert_eq!(mailbox.letters().len(), 2);
    let said = text(&send(&["--to", "me"]).code(1).get_output().stderr);
    assert!(said.contains("`me` can't be written to"), "{said}");
}
