//! Files that letters have fetched from addresses: from where, how often, and what becomes of the letter without them.

use std::time::Duration;

use milepost::journey::book::Shop;
use milepost::journey::time::{Span, Timestamp};
use milepost::mail::preview::Whom;
use milepost::mail::{ComposeError, Composer, Letter, LinkSigner, Preview, Unavailable};
use milepost::rulebook::{Book, Fixture, load_files, read_fixture, render};
use milepost::settings::{AttachmentSettings, MailSettings, ShopSettings};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::compose::moment;
use super::parse::{Part, is_fit_for_smtp};

const MAP: &str = "map: shop\nstages:\n  - {id: known, enter: 'true'}\n";
const PDF: &[u8] = b"%PDF-1.4 not really \xff";
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', 0xff, 0x00, b'\r', b'\n', b'.', b'\n'];

/// A server with a list that allows what is below `/files/`.
struct Cdn {
    server: MockServer,
    settings: AttachmentSettings,
}

impl Cdn {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = MockServer::start().await;
        let settings = AttachmentSettings {
            allow: vec![format!("{}/files/", server.uri())],
            allow_private: true,
            max_mb: 1,
            ..AttachmentSettings::default()
        };
        Self { server, settings }
    }

    async fn has(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// The same, asked for exactly so often.
    async fn has_asked(&self, at: &str, times: u64, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).expect(times).mount(&self.server).await;
    }

    fn composer(&self) -> Composer {
        let mail = MailSettings {
            from: "Shop <hello@shop.example>".into(),
            attachments: self.settings.clone(),
            ..MailSettings::default()
        };
        Composer::new(&mail, "https://mail.shop.example", &ShopSettings::default(), LinkSigner::of_previews()).unwrap()
    }

    /// A letter whose files may name the server as `CDN`.
    fn book(&self, file: &str, text: &str) -> Book {
        let text = text.replace("CDN", &self.server.uri());
        let files = [("shop/map.yaml", MAP.to_owned()), (file, text)];
        let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes())).into();
        let loaded = load_files(&files, Shop::default());
        loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)))
    }
}

/// A letter that attaches one file.
fn attaching(address: &str) -> String {
    format!("Subject: Yours\nAttach: {address}\n\nHello {{{{ unsubscribe_url }}}}")
}

/// A letter that shows one picture.
fn showing(address: &str) -> String {
    format!("Subject: Look\n\n<p><img src=\"cid:{address}\" alt=\"\"><a href=\"{{{{ unsubscribe_url }}}}\">out</a></p>")
}

async fn compose_at(composer: &Composer, book: &Book, whom: Whom, now: Timestamp) -> Result<Letter, ComposeError> {
    let shop = ShopSettings::default();
    let preview = Preview::of(book, &shop, ("shop", "hello"), whom, Some("en".into()), moment());
    let letter = composer.compose(&preview, &preview.job("m-1", moment()), now).await?;
    is_fit_for_smtp(&letter.raw);
    Ok(letter)
}

async fn compose(cdn: &Cdn, file: &str, text: &str) -> Result<Letter, ComposeError> {
    compose_at(&cdn.composer(), &cdn.book(file, text), Whom::Sample, moment()).await
}

/// Why a letter does not come about, and whether that passes.
fn why(result: Result<Letter, ComposeError>) -> (String, bool) {
    let Err(error) = result else { panic!("it was composed") };
    (milepost::mail::chain(&error), error.passes())
}

/// Names and media types of what is attached to a letter.
fn attached(letter: &Letter) -> Vec<(String, String)> {
    let read = mail_parser::MessageParser::default().parse(&letter.raw).unwrap();
    let told = read.attachments().map(|part| {
        let kind = mail_parser::MimeHeaders::content_type(part).unwrap();
        let name = mail_parser::MimeHeaders::attachment_name(part).unwrap_or_default();
        (name.to_owned(), format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()))
    });
    told.collect()
}

#[tokio::test]
async fn a_file_is_attached_by_the_name_and_kind_that_its_server_gives() {
    let cdn = Cdn::start().await;
    let octets = || ResponseTemplate::new(200).set_body_bytes(PDF);
    cdn.has("/files/terms.pdf", octets()).await;
    cdn.has(
        "/files/invoice",
        octets().insert_header("content-type", "application/pdf").insert_header(
            "content-disposition",
            "attachment; filename=\"x.pdf\"; filename*=UTF-8''%D1%81%D1%87%D1%91%D1%82-7.pdf",
        ),
    )
    .await;
    cdn.has("/files/a%20b+c.csv", octets().insert_header("content-type", "text/csv; header=present; charset=UTF-8"))
        .await;
    cdn.has("/files/bill=7&part=2.pdf", octets()).await;
    cdn.has(
        "/files/evil",
        octets()
            .insert_header("content-type", "no type")
            .insert_header("content-disposition", "attachment; filename=\"..\\\\..\\\\evil.exe\""),
    )
    .await;
    for (address, name, kind) in [
        ("CDN/files/terms.pdf", "terms.pdf", "application/pdf"),
        ("CDN/files/invoice?key=secret", "счёт-7.pdf", "application/pdf"),
        ("CDN/files/a%20b+c.csv", "a b+c.csv", "text/csv"),
        ("CDN/files/evil", "evil.exe", "application/octet-stream"),
        ("CDN/files/bill=7&part=2.pdf", "bill=7&part=2.pdf", "application/pdf"),
    ] {
        let letter = compose(&cdn, "shop/templates/hello.txt", &attaching(address)).await.unwrap();
        assert_eq!(attached(&letter), [(name.to_owned(), kind.to_owned())], "{address}");
    }
}

#[tokio::test]
async fn an_address_may_be_filled_and_empty() {
    let cdn = Cdn::start().await;
    cdn.has("/files/A-7.pdf", ResponseTemplate::new(200).set_body_bytes(PDF)).await;
    let text = attaching("{% if event.data.bill %}CDN/files/{{ event.data.bill | urlencode }}.pdf{% endif %}");
    let rule = "rule: hello\non: {event: order.created}\nsteps: [{send: hello}]\n";
    let files = [
        ("shop/map.yaml".to_owned(), MAP.as_bytes().to_vec()),
        ("shop/hello.yaml".to_owned(), rule.as_bytes().to_vec()),
        ("shop/templates/hello.txt".to_owned(), text.replace("CDN", &cdn.server.uri()).into_bytes()),
    ];
    let loaded = load_files(&files.into(), Shop::default());
    let book = loaded.book.unwrap_or_else(|| panic!("{}", render(&loaded.diagnostics, false)));
    let composer = cdn.composer();
    for (bill, count) in [("A-7", 1), ("", 0)] {
        let said = format!("event: {{data: {{bill: '{bill}'}}}}");
        let fixture = read_fixture("fixture.yaml".into(), &said, &book.letters);
        let fixture: Fixture = fixture.unwrap_or_else(|faults| panic!("{faults:?}"));
        let letter = compose_at(&composer, &book, Whom::Fixture(fixture), moment()).await.unwrap();
        assert_eq!(attached(&letter).len(), count, "{bill}");
    }
}

#[tokio::test]
async fn a_picture_goes_along_and_is_else_shown_from_its_address() {
    let cdn = Cdn::start().await;
    cdn.has("/files/cat.png", ResponseTemplate::new(200).set_body_bytes(PNG)).await;
    cdn.has("/files/page", ResponseTemplate::new(200).set_body_raw("<p>", "text/html")).await;
    for (file, text) in [
        ("shop/templates/hello.html", showing("CDN/files/cat.png?a=1&amp;b=2")),
        (
            "shop/templates/hello.mjml",
            "Subject: Look\n\n<mjml><mj-body><mj-section><mj-column><mj-image src=\"cid:CDN/files/cat.png\" />\
             <mj-text><a href=\"{{ unsubscribe_url }}\">out</a></mj-text></mj-column></mj-section></mj-body></mjml>"
                .to_owned(),
        ),
    ] {
        let whole = Part::read(&compose(&cdn, file, &text).await.unwrap().raw);
        let related = whole.parts()[1].parts();
        let id = related[1].get("Content-ID").unwrap().trim_matches(['<', '>']).to_owned();
        assert!(related[0].text().contains(&format!("src=\"cid:{id}\"")), "{}", related[0].text());
        assert_eq!(related[1].get("Content-Type").map(|kind| kind.split(';').next().unwrap()), Some("image/png"));
    }
    let elsewhere = "https://elsewhere.example/cat.png".to_owned();
    for address in
        ["CDN/files/none.png".to_owned(), "CDN/files/page".to_owned(), "CDN/other/cat.png".to_owned(), elsewhere]
    {
        let letter = compose(&cdn, "shop/templates/hello.html", &showing(&address)).await.unwrap();
        let html = Part::read(&letter.raw).parts()[1].text();
        let address = address.replace("CDN", &cdn.server.uri());
        assert!(html.contains(&format!("<img src=\"{address}\"")), "{html}");
    }
}

#[tokio::test]
async fn whoever_looks_at_a_letter_sees_it_without_what_is_missing() {
    let cdn = Cdn::start().await;
    cdn.has("/files/a.pdf", ResponseTemplate::new(200).set_body_bytes(PDF)).await;
    let text = showing("CDN/files/cat.png").replace(
        "\n\n",
        "\nAttach: CDN/files/a.pdf\nAttach: CDN/files/none.pdf\n\
             Attach: https://ann:secret@elsewhere.example/b.pdf?key=secret\n\n",
    );
    let (composer, book) = (cdn.composer(), cdn.book("shop/templates/hello.html", &text));
    let shop = ShopSettings::default();
    let preview = Preview::of(&book, &shop, ("shop", "hello"), Whom::Sample, Some("en".into()), moment());
    let (letter, lacking) = composer.compose_shown(&preview, &preview.job("m-1", moment()), moment()).await.unwrap();
    assert_eq!(attached(&letter), [("a.pdf".to_owned(), "application/pdf".to_owned())]);
    let told = |list: &[Unavailable]| list.iter().map(|one| one.address.clone()).collect::<Vec<_>>();
    let elsewhere = "https://elsewhere.example/b.pdf".to_owned();
    assert_eq!(told(&lacking.attached), [format!("{}/files/none.pdf", cdn.server.uri()), elsewhere]);
    assert_eq!(told(&lacking.pictures), [format!("{}/files/cat.png", cdn.server.uri())]);
}

#[tokio::test]
async fn nothing_is_fetched_from_elsewhere() {
    let mut cdn = Cdn::start().await;
    let file = ResponseTemplate::new(200).set_body_bytes(PDF);
    cdn.has_asked("/other/a.pdf", 0, file.clone()).await;
    let to = |to: String| ResponseTemplate::new(302).insert_header("location", to);
    cdn.has("/files/away", to(format!("{}/other/a.pdf", cdn.server.uri()))).await;
    cdn.has("/files/near", to("b.pdf".into())).await;
    cdn.has("/files/round", to("round".into())).await;
    cdn.has("/files/b.pdf", file).await;
    assert!(compose(&cdn, "shop/templates/hello.txt", &attaching("CDN/files/near")).await.is_ok());
    for (address, told, passes) in [
        ("CDN/other/a.pdf", "it is below none of the addresses of mail.attachments.allow", false),
        ("CDN/files/../other/a.pdf?key=secret", "it is below none of the addresses", false),
        ("CDN/files/away", "it leads to an address that is not below those", true),
        ("CDN/files/round", "it leads to an address that is not below those", true),
        ("https://elsewhere.example/a.pdf", "it is below none of the addresses", false),
    ] {
        let (error, of_passing) = why(compose(&cdn, "shop/templates/hello.txt", &attaching(address)).await);
        assert!(error.contains(told) && !error.contains("secret"), "{error}");
        assert_eq!(of_passing, passes, "{address}");
    }
    // Without the leave to, nobody asks a private network: by its number or by a name.
    cdn.settings.allow_private = false;
    for host in ["127.0.0.1", "localhost"] {
        let port = cdn.server.address().port();
        cdn.settings.allow = vec![format!("https://{host}:{port}/files/")];
        let address = format!("https://{host}:{port}/files/b.pdf");
        let (error, passes) = why(compose(&cdn, "shop/templates/hello.txt", &attaching(&address)).await);
        assert!(error.contains("private network"), "{error}");
        assert!(!passes);
    }
}

#[tokio::test]
async fn a_letter_waits_for_what_fails_and_not_for_what_is_too_large() {
    let mut cdn = Cdn::start().await;
    cdn.settings.timeout_seconds = 1;
    let large = vec![b'x'; 1024 * 1024 + 1];
    cdn.has("/files/large.pdf", ResponseTemplate::new(200).set_body_bytes(large)).await;
    cdn.has("/files/down.pdf", ResponseTemplate::new(503)).await;
    cdn.has("/files/empty.pdf", ResponseTemplate::new(200)).await;
    cdn.has("/files/slow.pdf", ResponseTemplate::new(200).set_delay(Duration::from_mins(1))).await;
    for (address, told, passes) in [
        ("CDN/files/large.pdf", "it has more than 1 MB", false),
        ("CDN/files/none.pdf", "the server answered 404", true),
        ("CDN/files/down.pdf", "the server answered 503", true),
        ("CDN/files/empty.pdf", "the server has sent nothing", true),
        ("CDN/files/slow.pdf", "the server takes too long", true),
    ] {
        let (error, of_passing) = why(compose(&cdn, "shop/templates/hello.txt", &attaching(address)).await);
        assert!(error.contains(told), "{error}");
        assert_eq!(of_passing, passes, "{address}");
    }
}

#[tokio::test]
async fn a_file_is_fetched_once_while_it_is_fresh() {
    let cdn = Cdn::start().await;
    let slowly = ResponseTemplate::new(200).set_body_bytes(PDF).set_delay(Duration::from_millis(100));
    cdn.has_asked("/files/a.pdf", 2, slowly).await;
    let (composer, book) = (cdn.composer(), cdn.book("shop/templates/hello.txt", &attaching("CDN/files/a.pdf")));
    let together = (0..8).map(|_| compose_at(&composer, &book, Whom::Sample, moment()));
    for letter in futures_util::future::join_all(together).await {
        assert_eq!(attached(&letter.unwrap()).len(), 1);
    }
    let fresh = cdn.settings.fresh_for;
    for later in [Span::from_micros(fresh.micros() - 1), fresh, fresh] {
        assert!(compose_at(&composer, &book, Whom::Sample, moment().after(later)).await.is_ok());
    }
}

#[tokio::test]
async fn a_server_that_fails_is_left_alone_for_a_moment() {
    let cdn = Cdn::start().await;
    cdn.has_asked("/files/a.pdf", 2, ResponseTemplate::new(503)).await;
    cdn.has_asked("/files/b.pdf", 0, ResponseTemplate::new(200).set_body_bytes(PDF)).await;
    let composer = cdn.composer();
    let of = |file: &str| cdn.book("shop/templates/hello.txt", &attaching(&format!("CDN/files/{file}")));
    let (a, b) = (of("a.pdf"), of("b.pdf"));
    // Counted from when it had its ten seconds.
    for (book, seconds) in [(&a, 0), (&a, 1), (&b, 39), (&a, 40), (&b, 79)] {
        let now = moment().after(Span::seconds(seconds));
        let (error, passes) = why(compose_at(&composer, book, Whom::Sample, now).await);
        assert!(error.contains("503") && passes, "{error}");
    }
}

#[tokio::test]
async fn one_document_that_can_not_be_made_holds_up_no_other() {
    let cdn = Cdn::start().await;
    cdn.has_asked("/files/a.pdf", 1, ResponseTemplate::new(500)).await;
    cdn.has("/files/b.pdf", ResponseTemplate::new(200).set_body_bytes(PDF)).await;
    cdn.has("/files/", ResponseTemplate::new(403)).await;
    let composer = cdn.composer();
    for (file, told) in [("a.pdf", Some("500")), ("a.pdf", Some("500")), ("", Some("403")), ("b.pdf", None)] {
        let book = cdn.book("shop/templates/hello.txt", &attaching(&format!("CDN/files/{file}")));
        let error = compose_at(&composer, &book, Whom::Sample, moment()).await.err();
        let error = error.map(|error| milepost::mail::chain(&error));
        assert_eq!(error.is_some(), told.is_some(), "{file}: {error:?}");
        assert!(error.is_none_or(|error| error.contains(told.unwrap())), "{file}");
    }
}

#[tokio::test]
async fn what_one_letter_may_fetch_is_bounded() {
    let cdn = Cdn::start().await;
    let picture = ResponseTemplate::new(200).set_body_bytes(PNG).insert_header("content-type", "image/png");
    Mock::given(method("GET")).respond_with(picture).expect(40).mount(&cdn.server).await;
    let many = "{% for n in range(end=100) %}<img src=\"cid:CDN/files/{{ n }}.png\">{% endfor %}";
    let html = format!("Subject: Look\n\n{many}<a href=\"{{{{ unsubscribe_url }}}}\">out</a>");
    let letter = compose(&cdn, "shop/templates/hello.html", &html).await.unwrap();
    let raw = String::from_utf8(letter.raw).unwrap();
    assert_eq!(raw.matches("Content-ID: <").count(), 40);
    let html = Part::read(raw.as_bytes()).parts()[1].parts()[0].text();
    assert!(html.contains(&format!("<img src=\"{}/files/99.png\">", cdn.server.uri())), "{html}");
}
