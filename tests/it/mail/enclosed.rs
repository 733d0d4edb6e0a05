//! Files that go with letters: pictures that the HTML shows, and what is attached.

use milepost::journey::book::Shop;
use milepost::mail::preview::Whom;
use milepost::mail::{Letter, Preview};
use milepost::rulebook::{Files, Loaded, load_files, pack, unpack};
use milepost::settings::ShopSettings;

use super::compose::moment;
use super::parse::{Part, is_fit_for_smtp};
use super::shipped::composer;

const MAP: &str = "map: shop\nstages:\n  - {id: known, enter: 'true'}\n";
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', 0xff, 0x00, b'\r', b'\n', b'.', b'\n'];
const PDF: &[u8] = b"%PDF-1.4 not really \xff";
const OUT: &str = "<a href=\"{{ unsubscribe_url }}\">out</a>";

fn loaded(letters: &[(&str, &str)]) -> Loaded {
    let mut files = Files::from([
        ("shop/map.yaml".to_owned(), MAP.as_bytes().to_vec()),
        ("shared/files/logo.png".to_owned(), PNG.to_vec()),
        ("shop/files/прайс-лист.pdf".to_owned(), PDF.to_vec()),
        ("shop/files/plain.csv".to_owned(), b"a,b\n1,2\r\n".to_vec()),
    ]);
    files.extend(letters.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
    load_files(&files, Shop::default())
}

fn letter(letters: &[(&str, &str)]) -> Letter {
    let loaded = loaded(letters);
    let book = loaded.book.unwrap_or_else(|| panic!("{}", milepost::rulebook::render(&loaded.diagnostics, false)));
    // A node that takes the book out of the database sends the same.
    let (files, shop) = unpack(&pack(&book)).unwrap();
    assert_eq!(load_files(&files, shop).book.unwrap().rulebook.hash, book.rulebook.hash);
    let preview =
        Preview::of(&book, &ShopSettings::default(), ("shop", "hello"), Whom::Sample, Some("en".into()), moment());
    let letter = composer().compose_offline(&preview, &preview.job("m-1", moment())).unwrap();
    assert_eq!(composer().compose_offline(&preview, &preview.job("m-1", moment())).unwrap().raw, letter.raw);
    is_fit_for_smtp(&letter.raw);
    letter
}

fn kind(part: &Part) -> String {
    part.get("Content-Type").unwrap().split(';').next().unwrap().to_owned()
}

fn octets(part: &Part) -> Vec<u8> {
    let text: String = String::from_utf8(part.body.clone()).unwrap().split_whitespace().collect();
    assert_eq!(part.get("Content-Transfer-Encoding"), Some("base64"));
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
}

/// The id by which the HTML of a letter shows its picture.
fn shown(html: &str) -> &str {
    html.split_once("src=\"cid:").unwrap_or_else(|| panic!("{html}")).1.split('"').next().unwrap()
}

#[test]
fn a_picture_of_the_rulebook_goes_along_and_is_shown_by_its_id() {
    for (path, text) in [
        ("shop/templates/hello.html", format!("Subject: Hi\n\n<p><img src=\"files/logo.png\" alt=\"Logo\">{OUT}</p>")),
        (
            "shop/templates/hello.html",
            format!("Subject: Hi\n\n<p><img src=\"cid:logo.png\" alt=\"\"><img src='files/logo.png'>{OUT}</p>"),
        ),
        (
            "shop/templates/hello.mjml",
            format!(
                "Subject: Hi\n\n<mjml><mj-body><mj-section><mj-column><mj-image src=\"files/logo.png\" /><mj-text>{OUT}</mj-text></mj-column></mj-section></mj-body></mjml>"
            ),
        ),
    ] {
        let whole = Part::read(&letter(&[(path, &text)]).raw);
        assert_eq!(kind(&whole), "multipart/alternative");
        let parts = whole.parts();
        assert_eq!(parts.iter().map(kind).collect::<Vec<_>>(), ["text/plain", "multipart/related"]);
        let related = parts[1].parts();
        assert_eq!(related.iter().map(kind).collect::<Vec<_>>(), ["text/html", "image/png"], "{path}");
        let html = related[0].text();
        assert_eq!(related[1].get("Content-ID"), Some(format!("<{}>", shown(&html)).as_str()));
        assert!(related[1].get("Content-Disposition").unwrap().starts_with("inline"));
        assert_eq!(octets(&related[1]), PNG);
    }
}

#[test]
fn what_is_attached_keeps_its_name_and_its_octets() {
    let text =
        "Subject: Prices\nAttach: прайс-лист.pdf\nAttach: logo.png\nAttach: plain.csv\n\nHello {{ unsubscribe_url }}";
    let raw = letter(&[("shop/templates/hello.txt", text)]).raw;
    let whole = Part::read(&raw);
    assert_eq!(kind(&whole), "multipart/mixed");
    let parts = whole.parts();
    assert_eq!(parts.iter().map(kind).collect::<Vec<_>>(), ["text/plain", "application/pdf", "image/png", "text/csv"]);
    assert_eq!((octets(&parts[1]).as_slice(), octets(&parts[3]).as_slice()), (PDF, b"a,b\n1,2\r\n".as_slice()));
    // RFC 2231: a name outside ASCII goes as `filename*`, percent-encoded, in pieces if it is long.
    let said = parts[1].get("Content-Disposition").unwrap();
    assert!(said.starts_with("attachment;") && said.contains("utf-8''%D0%BF%D1%80"), "{said}");
    let read = mail_parser::MessageParser::default().parse(&raw).unwrap();
    let name = mail_parser::MimeHeaders::attachment_name(read.attachment(0).unwrap());
    assert_eq!(name, Some("прайс-лист.pdf"));
    // Beside HTML with a picture, it stands around both.
    let html = format!("<p><img src=\"files/logo.png\">{OUT}</p>");
    let whole = Part::read(&letter(&[("shop/templates/hello.txt", text), ("shop/templates/hello.html", &html)]).raw);
    let parts = whole.parts();
    let kinds = ["multipart/alternative", "application/pdf", "image/png", "text/csv"];
    assert_eq!(
        (kind(&whole).as_str(), parts.iter().map(kind).collect::<Vec<_>>()),
        ("multipart/mixed", kinds.map(str::to_owned).to_vec())
    );
}

#[test]
fn files_that_are_not_there_are_told_with_those_that_are() {
    let told = |path: &str, text: &str| {
        let loaded = loaded(&[(path, text)]);
        let faults = loaded.diagnostics.iter().filter(|fault| fault.code != "unsent-letter");
        faults
            .map(|f| format!("{} {}:{} {}", f.code, f.line, f.column, f.help.clone().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    let text = "Subject: Hi\nAttach: logo.pgn\n\n{{ unsubscribe_url }}";
    assert_eq!(told("shop/templates/hello.txt", text), ["unknown-file 2:9 did you mean `logo.png`?"]);
    let html = format!("Subject: Hi\n\n<p><img src=\"files/lgo.png\">{OUT}</p>");
    assert_eq!(told("shop/templates/hello.html", &html), ["unknown-file 3:14 did you mean `logo.png`?"]);
    let twice = "Subject: Hi\nAttach: logo.png\nAttach: logo.png\n\n{{ unsubscribe_url }}";
    assert_eq!(told("shop/templates/hello.txt", twice), ["attached-twice 3:9 "]);
    // What another map has is not this one's.
    let other = loaded(&[
        ("other/map.yaml", &MAP.replace("shop", "other")),
        ("other/templates/hello.txt", "Subject: Hi\nAttach: прайс-лист.pdf\n\n{{ unsubscribe_url }}"),
    ]);
    assert!(other.book.is_none() && other.diagnostics[0].code == "unknown-file", "{:?}", other.diagnostics);
}
