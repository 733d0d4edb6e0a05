//! A small sound rulebook with files replaced or added; what loads is rendered and lived through.
//!
//! Input: files, each of them a head line and its bytes, with the byte 0x1E between. A head line of one letter is a file by
//! its part in the rulebook (see `path`), any other is a path.
#![no_main]

use libfuzzer_sys::fuzz_target;
use milepost::journey::advance::{Input, advance};
use milepost::journey::book::Shop;
use milepost::journey::customer::Customer;
use milepost::rulebook::{Book, Files, load_files, render};
use milepost_fuzz::now;
use serde_json::json;

const SOUND: [(&str, &str); 9] = [
    (
        "shop/map.yaml",
        "map: shop\nstages:\n  - {id: new, enter: \"true\"}\n  - {id: buyer, enter: \"orders.count > 0\"}\n",
    ),
    ("shop/hello.yaml", "rule: hello\non: {event: customer.created}\nsteps:\n  - wait: 1h\n  - send: hello\n"),
    ("shop/templates/hello.txt", "Subject: Hello\n\nHello {{ customer.first_name }}.\n{{ unsubscribe_url }}\n"),
    ("shop/promo/ten.csv", "code\nA1\nA2\n"),
    ("shared/layout.html", "<html>{% block body %}{% endblock body %}</html>\n"),
    ("shared/parts.html", "<p>{{ shop.name }}</p>\n"),
    ("shared/footer.txt", "{{ shop.address }}\n"),
    ("shop/segments.yaml", "loyal: orders.count > 1\nquiet: segment.loyal && older_than(orders.last_at, '9d')\n"),
    ("attributes.yaml", "feeding: {type: text, doc: How the pet is fed}\n"),
];

fn path(head: &str) -> &str {
    match head {
        "m" => "shop/map.yaml",
        "g" => "shop/segments.yaml",
        "r" => "shop/hello.yaml",
        "s" => "shop/second.yaml",
        "t" => "shop/templates/hello.txt",
        "h" => "shop/templates/hello.html",
        "u" => "shop/templates/hello.ru.txt",
        "v" => "shop/templates/second.txt",
        "c" => "shop/promo/ten.csv",
        "l" => "shared/layout.html",
        "p" => "shared/parts.html",
        "f" => "shared/footer.txt",
        "a" => "attributes.yaml",
        path => path,
    }
}

fuzz_target!(|data: &[u8]| {
    let mut files: Files = SOUND.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into();
    for file in data.split(|b| *b == 0x1E).take(12) {
        let end = file.iter().position(|b| *b == b'\n').unwrap_or(file.len());
        let Ok(head) = std::str::from_utf8(&file[..end]) else { continue };
        files.insert(path(head).to_owned(), file.get(end + 1..).unwrap_or_default().to_vec());
    }
    let loaded = load_files(&files, Shop::default());
    render(&loaded.diagnostics, false);
    for fault in &loaded.diagnostics {
        assert!(!fault.message.is_empty() && fault.line <= 1 + data.len().max(1_000), "{fault:?}");
    }
    let again = load_files(&files, Shop::default());
    assert_eq!(again.diagnostics, loaded.diagnostics, "loading is repeatable");
    if let (Some(book), Some(again)) = (loaded.book, again.book) {
        assert_eq!(book.rulebook.hash, again.rulebook.hash);
        live(&book);
    }
});

/// A new customer's first year, and every letter of the book.
fn live(book: &Book) {
    let event = json!({"id": "1", "kind": "customer.created", "customer": {"id": "c", "email": "ann@cats.example"}});
    let readings = milepost::web::events::read(event.to_string().as_bytes(), "EUR", now()).expect("a batch");
    let mut customer = Customer::new("c1", now());
    for event in readings.into_iter().filter_map(|reading| reading.event.ok()) {
        customer = advance(&book.rulebook, customer, &Input::Event(&event), now()).state;
    }
    advance(&book.rulebook, customer, &Input::Due, now().after(milepost::journey::time::Span::days(365)));
    for letter in ["hello", "second"] {
        for context in [json!({}), json!({"customer": {"first_name": "A\r\nBcc: b@cats.example"}, "orders": {"count": 2}})] {
            let context = context.as_object().cloned().unwrap_or_default();
            if let Ok(rendered) = book.letters.render("shop", letter, "ru", context) {
                assert!(!rendered.subject.is_empty() && !rendered.subject.contains(['\r', '\n']));
            }
        }
    }
}
