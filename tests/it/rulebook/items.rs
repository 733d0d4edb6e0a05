//! The shipped components that show what is in a cart: nothing empty, nothing dead, whatever a shop leaves out.

use milepost::rulebook::Letters;
use serde_json::{Value, json};

use super::with;

const ITEMS: &str = include_str!("../../../rules/shared/items.html");

fn shown(component: &str, path: &str, items: &Value) -> String {
    let call = format!("{{{{<{component} items={{cart.items}} />}}}}<a href=\"{{{{ unsubscribe_url }}}}\">out</a>");
    let text = if path.rsplit('.').next() == Some("mjml") {
        format!(
            "<mjml><mj-body><mj-section><mj-column><mj-text>{call}</mj-text></mj-column></mj-section></mj-body></mjml>"
        )
    } else {
        call
    };
    let loaded = with(&[(path, &text), ("shared/items.html", ITEMS)]);
    let letters: &Letters = &loaded.book.as_ref().expect("a book").letters;
    let Value::Object(context) =
        json!({"cart": {"items": items, "total": null}, "unsubscribe_url": "https://u.example/u"})
    else {
        panic!("an object")
    };
    letters.render("shop", "hello", "en", context).expect("a letter").html.expect("HTML")
}

fn all_forms(items: &Value) -> Vec<String> {
    let mut out = Vec::new();
    for component in ["item_list", "item_grid"] {
        for path in ["shop/templates/hello.html", "shop/templates/hello.mjml"] {
            out.push(shown(component, path, items));
        }
    }
    out
}

#[test]
fn an_item_shows_picture_name_price_link_and_quantity() {
    let item = json!({"name": "Bowl & spoon", "quantity": 2, "price": 1234.5, "currency": "EUR",
        "link": "https://shop.example/b?a=1&b=2", "image": "https://shop.example/b.jpg"});
    for html in all_forms(&json!([item])) {
        for part in [
            "Bowl &amp; spoon",
            "2&nbsp;×&nbsp;€1,234.50",
            "href=\"https://shop.example/b?a=1&amp;b=2\"",
            "src=\"https://shop.example/b.jpg\"",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}

#[test]
fn what_an_item_lacks_is_left_out() {
    let bare = [
        json!({"name": "Bowl"}),
        json!({"name": "Bowl", "quantity": 1, "link": "", "image": "", "price": null}),
        json!({"name": "Bowl", "link": "javascript:alert(1)", "image": "/relative.jpg"}),
        json!({"id": "Bowl"}),
        json!({"name": "Bowl", "quantity": 0}),
    ];
    for item in bare {
        for html in all_forms(&json!([item])) {
            assert!(html.contains("Bowl"), "{html}");
            for part in ["<img", "null", "none<", "×", "javascript", "href=\"\"", "None"] {
                assert!(!html.contains(part), "{part} in {html}");
            }
            assert_eq!(html.matches("<a ").count(), 1, "only the link out: {html}");
        }
    }
    for html in all_forms(&json!([])) {
        assert!(!html.contains("<td class=\"ink"), "{html}");
    }
}

#[test]
fn rows_of_the_grid_are_whole_for_any_number_of_items() {
    for count in 0..6 {
        let items: Vec<Value> =
            (0..count).map(|n| json!({"name": format!("N{n}"), "price": 1, "currency": "EUR"})).collect();
        for html in all_forms(&json!(items)) {
            for element in ["tr", "td", "table"] {
                let opened =
                    html.matches(&format!("<{element} ")).count() + html.matches(&format!("<{element}>")).count();
                assert_eq!(opened, html.matches(&format!("</{element}>")).count(), "{element} of {count}: {html}");
            }
        }
    }
}
