//! Filters are checked when the rulebook loads, and speak the customer's language without being told.

use serde_json::{Value, json};

use super::faults::check;
use super::with;

/// The fault of a text, and the word of it where it is told; no fault without a word.
fn fault(text: &str, code: &str, word: &str) {
    let letter = format!("Subject: Hi\n\n{text}{{{{ unsubscribe_url }}}}");
    let column = text.find(word).expect("a word of the text") + 1;
    let told = format!("{code} shop/templates/hello.txt:3:{column}");
    let expected: &[&str] = if word.is_empty() { &[] } else { &[&told] };
    check(&[("shop/templates/hello.txt", &letter)], expected);
}

#[test]
fn what_a_filter_cannot_take_is_told_where_it_stands() {
    fault("{{ customer.first_name | frist_name }}", "unknown-filter", "frist_name");
    fault("{{ orders.last_at | date(fromat=\"short\") }}", "filter-argument", "\"short");
    fault("{{ orders.last_at | date(format=\"weekdy\") }}", "filter-argument", "\"weekdy");
    fault("{{ orders.last_at | date(format=\"%Q\") }}", "filter-argument", "\"%Q");
    fault("{{ orders.last_at | date(zone=\"Europe/Moskow\") }}", "filter-argument", "\"Europe");
    fault("{{ 7 | money(currency=\"euro\") }}", "filter-argument", "\"euro");
    fault("{{ customer.first_name | default(boolean=true) }}", "filter-argument", "default");
    fault("{{ orders.count | plural }}", "plural-forms", "plural");
    fault("{{ orders.last_at | date(format=\"%d.%m\", zone=customer.time_zone) }}", "", "");
    fault("{{ customer.first_name | first_name(fallback=shop.name) | upper }}", "", "");
}

#[test]
fn a_language_wants_all_its_forms() {
    let head = "Subject: Hi\n\n{{ unsubscribe_url }} ";
    let two = format!("{head}{{{{ orders.count | plural(one=\"заказ\", other=\"заказов\") }}}}");
    let three = format!("{head}{{{{ orders.count | plural(one=\"заказ\", few=\"заказа\", many=\"заказов\") }}}}");
    let told = with(&[("shop/templates/hello.ru.txt", &two)]).diagnostics;
    let told: Vec<String> =
        told.iter().map(|fault| format!("{} {}", fault.message, fault.help.clone().unwrap_or_default())).collect();
    assert_eq!(
        told,
        ["`plural` is missing the form `few` and `many` of `ru` write `plural(few=\"…\", many=\"…\", one=\"…\")`"]
    );
    check(&[("shop/templates/hello.ru.txt", &three)], &[]);
    // A shared part is read in every language.
    let part = ("shared/orders.txt", "{{ orders.count | plural(one=\"order\", other=\"orders\") }}");
    check(&[("shop/templates/hello.ru.txt", &format!("{head}{{% include \"shared/orders.txt\" %}}")), part], &[]);
}

#[test]
fn zone_and_language_are_the_customers() {
    let text = "Subject: Hi\n\n{{ orders.last_at | date(format=\"%H:%M\") }} {{ orders.last_at | date }} {{ orders.count }} {{ orders.count | plural(one=\"заказ\", few=\"заказа\", many=\"заказов\") }} {{ unsubscribe_url }}";
    let loaded = with(&[("shop/templates/hello.ru.txt", text)]);
    let letters = loaded.book.expect("a book").letters;
    // The letter reads nothing else of the customer; the zone is there all the same.
    assert!(letters.reads("shop", "hello", "ru", "customer"));
    let context = json!({"orders": {"last_at": "2026-11-21T22:00:00Z", "count": 3},
        "customer": {"time_zone": "Asia/Vladivostok"}, "unsubscribe_url": "u"});
    let Value::Object(context) = context else { panic!("an object") };
    let out = letters.render("shop", "hello", "ru", context).expect("a letter");
    assert_eq!(out.text, "08:00 22 ноября 2026 3 заказа u");
}

#[test]
fn a_component_sees_what_it_is_given() {
    let hello = |call: &str| format!("Subject: Hi\n\n{call} {{{{ unsubscribe_url }}}}");
    let used = hello("{{<price of={cart.total} />}}");
    let letter = ("shop/templates/hello.txt", used.as_str());
    let sealed = "{% component price(of) %}{{ of | money(currency=\"EUR\") }}{% endcomponent price %}";
    check(&[letter, ("shared/price.txt", sealed)], &["component-sees shared/price.txt:1:34"]);
    let told = "{% component price(of) %}{{ of | money(currency=\"EUR\", locale=\"de\") }}{% endcomponent price %}";
    check(&[letter, ("shared/price.txt", told)], &[]);
    let open = sealed.replace("(of)", "(of, @locale = \"\")");
    let loaded = with(&[letter, ("shared/price.txt", &open)]);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let Value::Object(context) = json!({"cart": {"total": 1234.5}, "unsubscribe_url": "u", "locale": "en"}) else {
        panic!("an object")
    };
    let out = loaded.book.expect("a book").letters.render("shop", "hello", "en", context).expect("a letter");
    assert_eq!(out.text, "€1,234.50 u");
    // The zone comes with the customer, though the letter reads nothing of them; a name may have a family.
    let hour = "{% component shop.hour(of, @locale = \"\", @customer = null) %}{{ of | date(format=\"%H:%M\") }}\
                {% endcomponent shop.hour %}{% component shop.day(of) %}{{ of }}{% endcomponent shop.day %}";
    let letter_of_hours = hello("{{<shop.hour of={orders.last_at} />}}");
    let loaded = with(&[("shop/templates/hello.txt", &letter_of_hours), ("shared/hour.txt", hour)]);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let letters = loaded.book.expect("a book").letters;
    assert!(letters.reads("shop", "hello", "en", "customer"));
    let Value::Object(context) = json!({"orders": {"last_at": "2026-11-21T22:00:00Z"}, "unsubscribe_url": "u",
        "customer": {"time_zone": "Asia/Vladivostok"}})
    else {
        panic!("an object")
    };
    assert_eq!(letters.render("shop", "hello", "en", context).expect("a letter").text, "08:00 u");
    // What a component looks at is no way out of a letter that does not use it.
    let foot = (
        "shared/foot.txt",
        "{% component foot(@unsubscribe_url = \"\") %}{{ unsubscribe_url }}{% endcomponent foot %}",
    );
    check(
        &[("shop/templates/hello.txt", "Subject: Hi\n\nHi\n"), foot],
        &["no-unsubscribe shop/templates/hello.txt:1:1"],
    );
    // Names of components are everybody's.
    let german = "Subject: Hallo\n\n{% component price(of) %}{{ of }}{% endcomponent price %}{{ unsubscribe_url }}";
    check(
        &[letter, ("shared/price.txt", &open), ("shop/templates/hello.de.txt", german)],
        &["component-twice shop/templates/hello.de.txt:3:14"],
    );
}
