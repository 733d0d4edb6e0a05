//! Shipped letters in a real browser, as narrow as the narrowest phone, by day and by night.

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;

use super::browser::{Driver, Look, number, picture};
use crate::mail::shipped;

const NARROW: Look = Look { name: "narrow", width: 320, height: 640, dark: false };
const NARROW_DARK: Look = Look { name: "narrow-dark", dark: true, ..NARROW };
const WIDE: Look = Look { name: "wide", width: 800, height: 1000, dark: false };

#[tokio::test(flavor = "multi_thread")]
async fn shipped_letters_fit_the_narrowest_phone_and_turn_dark() {
    // For the one of the people made up whose cart is the fullest.
    let letters: Vec<(String, String)> = shipped::all()
        .into_iter()
        .filter(|(name, ..)| name.ends_with("-0"))
        .filter_map(|(name, filled, _)| Some((name, filled.html?)))
        .collect();
    assert!(letters.len() > 20, "{}", letters.len());
    let pages: Vec<String> = letters.iter().map(|(_, html)| html.clone()).collect();
    let router = Router::new().route("/{n}", get(|Path(n): Path<usize>| async move { Html(pages[n].clone()) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let driver = Driver::start();
    for look in [NARROW, NARROW_DARK, WIDE] {
        let browser = driver.browser(&look).await;
        for (n, (name, _)) in letters.iter().enumerate() {
            browser.goto(&format!("{base}/{n}")).await.expect("a page");
            let width = number(&browser, "return document.documentElement.scrollWidth").await;
            assert!(width <= i64::from(look.width), "{name} is {width} wide at {}", look.width);
            let written =
                "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility({opacityProperty: true})
                && e.getClientRects().length && e.getBoundingClientRect().height > 1
                && [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim()))";
            let script =
                format!("return Math.floor(Math.min(...{written}.map(e => parseFloat(getComputedStyle(e).fontSize))))");
            let smallest = number(&browser, &script).await;
            assert!(smallest >= 13, "{name} has text of {smallest} px");
            // Light text on dark ground, or the other way round: never two of a kind.
            let script = format!(
                "const light = c => {{ const [r, g, b] = c.match(/[0-9.]+/g).map(Number);
                    return 0.299 * r + 0.587 * g + 0.114 * b; }};
                const ground = e => {{ for (; e; e = e.parentElement) {{ const c = getComputedStyle(e).backgroundColor;
                    if (!/, 0\\)$|^transparent/.test(c)) return light(c); }} return 255; }};
                return {written}.filter(e => Math.abs(light(getComputedStyle(e).color) - ground(e)) < 70).length"
            );
            assert_eq!(number(&browser, &script).await, 0, "{name} {} has text that is hardly seen", look.name);
            picture(&browser, name, &look).await;
        }
        browser.close().await.expect("a browser that closes");
    }
}
