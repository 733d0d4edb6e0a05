//! The HTML of letters: MJML, layouts and style sheets are dealt with when the rulebook loads, and mean to Tera what they say.

use milepost::rulebook::{Loaded, Rendered};
use serde_json::{Map, Value, json};

use super::faults::check;
use super::{codes, with};

const UNSUBSCRIBE: &str = "<a href=\"{{ unsubscribe_url }}\">out</a>";

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value} is no object") };
    object
}

fn items(names: &[&str]) -> Map<String, Value> {
    let items: Vec<Value> = names.iter().map(|name| json!({"name": name, "price": 9.5, "currency": "EUR"})).collect();
    object(json!({"customer": {"first_name": "Ann & Co"}, "cart": {"items": items, "total": 19},
        "unsubscribe_url": "https://mile.example/u/t"}))
}

fn render(loaded: &Loaded, context: Map<String, Value>) -> Rendered {
    let told = milepost::rulebook::render(&loaded.diagnostics, false);
    let letters = &loaded.book.as_ref().expect(&told).letters;
    letters.render("shop", "hello", "en", context).expect("a letter")
}

/// The HTML of a letter whose file this is.
fn html(path: &str, text: &str, shared: &[(&str, &str)], context: Map<String, Value>) -> String {
    let mut files = vec![(path, text)];
    files.extend_from_slice(shared);
    render(&with(&files), context).html.expect("HTML")
}

/// An MJML letter around some content of its body.
fn mjml(body: &str) -> String {
    format!(
        "<mjml><mj-body>{body}<mj-section><mj-column><mj-text>{UNSUBSCRIBE}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
}

fn of_mjml(body: &str, names: &[&str]) -> String {
    html("shop/templates/hello.mjml", &mjml(body), &[], items(names))
}

#[test]
fn mjml_becomes_html_and_tera_fills_it() {
    let out = of_mjml(
        "<mj-section><mj-column><mj-text>Hello {{ customer.first_name }}!</mj-text></mj-column></mj-section>",
        &[],
    );
    assert!(out.starts_with("<!doctype html>") && out.contains(">Hello Ann &amp; Co!</div>"), "{out}");
    assert!(out.contains("href=\"https://mile.example/u/t\"") && !out.contains("<mj-") && !out.contains("zq"), "{out}");
}

#[test]
fn tags_may_stand_around_sections_columns_and_rows() {
    let section = "{% for item in cart.items %}<mj-section css-class=\"s-{{ loop.index }}\"><mj-column><mj-text>{{ item.name }}</mj-text></mj-column></mj-section>{% endfor %}";
    let out = of_mjml(section, &["one", "two", "three"]);
    for n in 1..=3 {
        assert!(out.contains(&format!("class=\"s-{n}\"")), "{out}");
    }
    // Every conditional comment for Outlook that is opened is closed.
    assert_eq!(out.matches("<!--[if").count(), out.matches("<![endif]-->").count(), "{out}");
    assert_eq!(out.matches("<table").count(), out.matches("</table>").count());

    let columns = "<mj-section>{% for item in cart.items %}<mj-column width=\"50%\"><mj-text>{{ item.name }}</mj-text></mj-column>{% endfor %}</mj-section>";
    let out = of_mjml(columns, &["one", "two"]);
    assert_eq!(out.matches("max-width:50%; } ").count() + out.matches("width:300px;\"><![endif]").count(), 4, "{out}");
    assert_eq!(out.matches("<!--[if").count(), out.matches("<![endif]-->").count(), "{out}");

    let wrapped = "<mj-wrapper>{% if cart.total > 10 %}<mj-section><mj-column><mj-text>much</mj-text></mj-column></mj-section>{% else %}<mj-section><mj-column><mj-text>little</mj-text></mj-column></mj-section>{% endif %}</mj-wrapper>";
    let out = of_mjml(wrapped, &[]);
    assert!(out.contains(">much<") && !out.contains(">little<"), "{out}");
    assert_eq!(out.matches("<!--[if").count(), out.matches("<![endif]-->").count(), "{out}");

    let rows = "<mj-section><mj-column><mj-table>{% for item in cart.items %}<tr><td>{{ item.name }}</td></tr>{% endfor %}</mj-table></mj-column></mj-section>";
    let out = of_mjml(rows, &["one", "two"]);
    assert!(out.contains("<tr><td>one</td></tr><tr><td>two</td></tr>"), "{out}");

    let parts = "<mj-section><mj-column>{% for item in cart.items %}<mj-text>{{ item.name }}</mj-text>{% endfor %}<mj-button href=\"{{ shop.url }}?a=1&amp;b=2\">{% if cart.total > 1 %}Buy{% else %}Look{% endif %}</mj-button></mj-column></mj-section>";
    let out = of_mjml(parts, &["one", "two"]);
    assert!(out.contains(">one</div>") && out.contains(">two</div>") && out.contains("Buy"), "{out}");
}

#[test]
fn tags_may_stand_in_attributes_and_styles() {
    let body = "<mj-section background-color=\"{% if cart.total > 10 %}#ff0000{% else %}#00ff00{% endif %}\"><mj-column><mj-image src=\"{{ cart.items[0].name }}.png\" alt='a \"b\" \\ c' width=\"100px\" /><mj-text><p {% if cart.total > 10 %}class=\"x\"{% endif %} style=\"color:{{ customer.first_name }}\">y</p></mj-text></mj-column></mj-section>";
    let out = of_mjml(body, &["one"]);
    assert!(out.contains("background:#ff0000") && !out.contains("#00ff00"), "{out}");
    assert!(out.contains("src=\"one.png\"") && out.contains("alt=\"a &quot;b&quot; \\ c\""), "{out}");
    assert!(out.contains("class=\"x\""), "{out}");
    let styled = "<mjml lang=\"{{ locale }}\"><mj-head><mj-title>{{ subject }}</mj-title><mj-style>.a { color: {{ customer.first_name }}; } @media (max-width: 1px) { .a { color: red } }</mj-style><mj-style inline=\"inline\">.b { color: green }</mj-style></mj-head><mj-body><mj-section><mj-column><mj-text><p class=\"b\">x</p>{{ unsubscribe_url }}</mj-text></mj-column></mj-section></mj-body></mjml>";
    let out = html("shop/templates/hello.mjml", styled, &[], items(&[]));
    assert!(out.contains("<html lang=\"en\"") && out.contains("<title>Hello</title>"), "{out}");
    assert!(out.contains(".a { color: Ann &amp; Co; } @media (max-width: 1px)"), "{out}");
    let p = out.find("<p ").and_then(|at| out.get(at..at + 60)).expect("a paragraph");
    assert!(p.contains("style=\"color: green") && p.contains("class=\"b\""), "{p}");
}

#[test]
fn layouts_blocks_and_parts_of_mjml() {
    let layout = "{% set shade = \"#eeeeee\" %}<mjml><mj-head><mj-attributes><mj-text color=\"#112233\" /></mj-attributes></mj-head><mj-body background-color=\"{{ shade }}\">\n{% block content %}<mj-section><mj-column><mj-text>nothing</mj-text></mj-column></mj-section>{% endblock content %}\n{% include \"shared/foot.mjml\" %}</mj-body></mjml>";
    let foot = format!(
        "<mj-section><mj-column><mj-text>{{% block foot %}}{UNSUBSCRIBE}{{% endblock foot %}}</mj-text></mj-column></mj-section>"
    );
    let letter = "Subject: Hi from MJML\nPreheader: line\n\n{% extends \"shared/base.mjml\" %}\n{% block content %}{{ super() }}<mj-section><mj-column>{% include \"shared/list.mjml\" %}</mj-column></mj-section>{% endblock content %}";
    let list = "{%- for item in cart.items -%} <mj-text> {{- item.name -}} </mj-text> {%- endfor -%}";
    let loaded = with(&[
        ("shop/templates/hello/body.mjml", letter),
        ("shop/templates/hello.txt", ""),
        ("shared/base.mjml", layout),
        ("shared/foot.mjml", &foot),
        ("shared/list.mjml", list),
    ]);
    // The empty text is a fault; without that file the letter is whole.
    assert_eq!(
        codes(&loaded.diagnostics),
        ["empty-letter shop/templates/hello.txt:1:1", "no-unsubscribe shop/templates/hello.txt:1:1"]
    );
    let mut files = super::sound();
    files.remove("shop/templates/hello.txt");
    for (path, text) in [
        ("shop/templates/hello/body.mjml", letter),
        ("shared/base.mjml", layout),
        ("shared/foot.mjml", &foot),
        ("shared/list.mjml", list),
    ] {
        files.insert(path.into(), text.as_bytes().to_vec());
    }
    let loaded = milepost::rulebook::load_files(&files, milepost::journey::book::Shop::default());
    let out = render(&loaded, items(&["one", "two"]));
    assert_eq!((out.subject.as_str(), out.preheader.as_deref()), ("Hi from MJML", Some("line")));
    let html = out.html.expect("HTML");
    for part in ["nothing</div>", ">one</div>", ">two</div>", "color:#112233", "#eeeeee", ">out</a>"] {
        assert!(html.contains(part), "{part}: {html}");
    }
    // Its text is made from the HTML.
    assert_eq!(out.text, "nothing\n\none\ntwo\n\nout: https://mile.example/u/t\n");
}

#[test]
fn styles_are_written_into_the_elements_and_what_must_stay_stays() {
    let letter = "<style data-css-inline=\"ignore\">i { color: red }</style><style>p { margin: 0; color: #111111 } .big { font-size: 20px } a:hover { color: red } @media (prefers-color-scheme: dark) { p { color: #fff !important } }</style><table>{% for item in cart.items %}<tr class=\"big\"><td>{{ item.name }}</td></tr>{% endfor %}</table><p style=\"{% if cart.total > 10 %}padding: 1px{% endif %}\">a</p><p style='color: blue'>b</p>{% if cart.total > 10 %}<p>{% else %}<p class=\"big\">{% endif %}c</p>{{ unsubscribe_url }}";
    let out = html("shop/templates/hello.html", letter, &[], items(&["one", "two"]));
    insta::assert_snapshot!("inlined", out);
}

#[test]
fn html_without_style_sheets_is_what_tera_makes_of_it() {
    let base = "{% set x = 1 %}<html>\n{%- block title -%} plain {%- endblock title -%}\n<body>{% block content %}<p>none</p>{% block inner %} {{- x -}} {% endblock inner %}{% endblock content %}</body></html>";
    let middle = "{# says nothing #}\n{% extends \"shared/base.html\" %}\n{% block inner %}<i>{{ super() }}</i>\n{% endblock inner %}{% block title %}[{{ super() }}]{% endblock title %}";
    let part = "{#- a part -#}\n{% for item in cart.items -%}\n<li>{{ item.name }}</li>\n{%- endfor %}\n{% include \"shared/rule.html\" %}";
    let letter = "{% extends \"shared/middle.html\" %}\n{% block content %}\n{{ super() }}<ul>\n{%- include \"shared/part.html\" -%}\n</ul>{% raw -%} {{ x }} {%- endraw %}\n{%- if cart.total > 1 -%}\n{% include \"shared/rule.html\" %}{% endif %}{{ unsubscribe_url }}{% endblock content %}\n{% block inner %}*{{ super() }}{% endblock inner %}";
    let shared = [
        ("shared/base.html", base),
        ("shared/middle.html", middle),
        ("shared/part.html", part),
        ("shared/rule.html", "\n <hr>\n"),
    ];
    let ours = html("shop/templates/hello.html", letter, &shared, items(&["a", "<b>"]));
    let mut tera = tera::Tera::new();
    tera.add_raw_templates(shared.iter().copied().chain([("letter.html", letter)])).expect("templates");
    let context = tera::Context::from_serialize(&items(&["a", "<b>"])).expect("a context");
    assert_eq!(ours, tera.render("letter.html", &context).expect("HTML"));
}

#[test]
fn faults_of_mjml_are_told_where_they_were_written() {
    let file = "shop/templates/hello.mjml";
    let one = |body: &str, expected: &[&str]| check(&[(file, &mjml(body))], expected);
    one("<mj-setion></mj-setion>", &["mjml shop/templates/hello.mjml:1:17"]);
    one("<mj-section>\n  <mj-column>\n </mj-section>", &["letter-markup shop/templates/hello.mjml:3:4"]);
    one("<mj-include path=\"a.mjml\" />", &["mjml-include shop/templates/hello.mjml:1:17"]);
    one(
        "<mj-section>\n<mj-column width=\"{{ cart.total }}%\"><mj-text>x</mj-text></mj-column></mj-section>",
        &["mjml-tag shop/templates/hello.mjml:2:19"],
    );
    one(
        "<mj-section>\n<mj-column {% if cart.total > 1 %}width=\"50%\"{% endif %}><mj-text>x</mj-text></mj-column></mj-section>",
        &["mjml-tag shop/templates/hello.mjml:2:12", "mjml-tag shop/templates/hello.mjml:2:46"],
    );
    check(&[(file, &format!("<p>{UNSUBSCRIBE}</p>"))], &["mjml shop/templates/hello.mjml:1:1"]);
    // In a part that a layout includes, in that part; and once, however many letters have it.
    let layout = format!("<mjml><mj-body>{{% include \"shared/part.mjml\" %}}{UNSUBSCRIBE}</mj-body></mjml>");
    check(
        &[
            (file, "{% extends \"shared/base.mjml\" %}"),
            ("shop/templates/hello.de.mjml", "Subject: Hallo\n\n{% extends \"shared/base.mjml\" %}"),
            ("shared/base.mjml", &layout),
            ("shared/part.mjml", "<mj-section>\n\n<mj-colum></mj-colum></mj-section>"),
        ],
        &["mjml shared/part.mjml:3:2"],
    );
    check(
        &[("shop/templates/hello.html", "{% extends \"shared/base.mjml\" %}"), ("shared/base.mjml", &mjml(""))],
        &["mjml-kind shop/templates/hello.html:1:12"],
    );
}

#[test]
fn what_fails_in_html_is_told_by_the_lines_of_the_file() {
    let part =
        "<mj-section>\n<mj-column>\n<mj-text>{{ customer.first_name | round }}</mj-text></mj-column></mj-section>";
    let loaded =
        with(&[("shop/templates/hello.mjml", &mjml("{% include \"shared/part.mjml\" %}")), ("shared/part.mjml", part)]);
    let letters = loaded.book.expect("a book").letters;
    let error = letters.render("shop", "hello", "en", items(&[])).expect_err("fails");
    let told = milepost::mail::chain(&error);
    assert!(told.starts_with("shared/part.mjml:3:10: "), "{told}");
}

#[test]
fn styles_of_other_places_are_not_fetched_and_that_is_told() {
    let letter = format!(
        "<link rel=\"stylesheet\" href=\"https://cdn.example/a.css\">\n<style>@import url(https://cdn.example/b.css); p {{ color: red }}</style><p>x</p>{UNSUBSCRIBE}"
    );
    let loaded = with(&[("shop/templates/hello.html", &letter)]);
    assert_eq!(
        codes(&loaded.diagnostics),
        ["remote-style shop/templates/hello.html:1:2", "remote-style shop/templates/hello.html:2:8"]
    );
    let out = render(&loaded, items(&[])).html.expect("HTML");
    assert!(out.contains("<p style=\"color: red;\">") && out.contains("@import"), "{out}");
}

#[test]
fn a_letter_has_its_parts_once() {
    let html = format!("<p>{UNSUBSCRIBE}</p>");
    check(
        &[("shop/templates/hello.html", &html), ("shop/templates/hello/body.html", &html)],
        &["letter-twice shop/templates/hello/body.html:1:1"],
    );
    let headed = format!("Subject: Hi\n\n{html}");
    check(&[("shop/templates/hello.html", &headed)], &["letter-twice shop/templates/hello.txt:1:10"]);
    check(&[("shop/templates/hello/letter.html", &html)], &["letter-name shop/templates/hello/letter.html:1:1"]);
    check(&[("shop/templates/hello.ru.html", &html)], &["no-subject shop/templates/hello.ru.html:1:1"]);
}
