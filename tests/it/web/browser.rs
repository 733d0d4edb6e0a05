//! The pages in a real browser, at the widths of a desk and of a phone.
//!
//! With `MILEPOST_SHOTS=<folder>` the pages' pictures are left there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use milepost::settings::{Track, TrackingSettings};

use super::sample::{self, MAP};
use super::site::Site;

/// How a page is looked at.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) name: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) dark: bool,
}

const DESK: Look = Look { name: "desk", width: 1440, height: 1000, dark: false };
const DESK_DARK: Look = Look { name: "desk-dark", dark: true, ..DESK };
const PHONE: Look = Look { name: "phone", width: 390, height: 844, dark: false };
/// The narrowest phone, and a small desk.
const NARROW: Look = Look { name: "narrow", width: 320, height: 700, dark: false };
const SMALL_DESK: Look = Look { name: "small-desk", width: 1024, ..DESK };
const PHONE_DARK: Look = Look { name: "phone-dark", dark: true, ..PHONE };

/// A chromedriver on a port of its own; it ends with the test.
pub(super) struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    pub(super) fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts (Debian: chromium-driver)");
        let said = BufReader::new(process.stdout.take().expect("its output"));
        let port = said
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok())
            .expect("chromedriver tells its port");
        Self { process, address: format!("http://127.0.0.1:{port}") }
    }

    pub(super) async fn browser(&self, look: &Look) -> Client {
        let mut options = json!({"args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            format!("--window-size={},{}", look.width.max(500), look.height),
            format!("--blink-settings=preferredColorScheme={}", u8::from(!look.dark)),
        ]});
        if look.width < 500 {
            // A window can't be that narrow; a phone can.
            options["mobileEmulation"] =
                json!({"deviceMetrics": {"width": look.width, "height": look.height, "pixelRatio": 1.0}});
        }
        let Value::Object(capabilities) = json!({"goog:chromeOptions": options}) else { unreachable!("an object") };
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.address)
            .await
            .expect("a browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves the site on a free port.
async fn serve(site: &Site) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let router = site.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Leaves a picture of the whole page, if pictures are wanted.
pub(super) async fn picture(browser: &Client, page: &str, look: &Look) {
    let Some(folder) = std::env::var_os("MILEPOST_SHOTS") else { return };
    let height = number(browser, "return document.documentElement.scrollHeight").await;
    if look.width >= 500 {
        browser
            .set_window_size(look.width, u32::try_from(height).expect("a height") + 1)
            .await
            .expect("a taller window");
    }
    let shot = json!({"captureBeyondViewport": true, "format": "png", "clip":
        {"x": 0, "y": 0, "width": look.width, "height": height, "scale": 1}});
    let issued = browser.issue_cmd(Devtools("Page.captureScreenshot", shot)).await.expect("a picture");
    let png = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        issued["data"].as_str().expect("a picture's data"),
    );
    let path = std::path::Path::new(&folder).join(format!("{page}-{}.png", look.name));
    std::fs::write(path, png.expect("base64")).expect("a folder for pictures");
}

/// A command of the browser's own protocol, by chromedriver.
#[derive(Debug)]
struct Devtools(&'static str, Value);

impl fantoccini::wd::WebDriverCompatibleCommand for Devtools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(json!({"cmd": self.0, "params": self.1}).to_string()))
    }
}

pub(super) async fn number(browser: &Client, script: &str) -> i64 {
    browser.execute(script, vec![]).await.expect("a script that runs").as_i64().expect("a number")
}

/// How far the page is wider than the window, and what sticks out.
async fn overflow(browser: &Client) -> Value {
    let script = "const w = document.documentElement.clientWidth;
        const wide = document.documentElement.scrollWidth > w;
        const out = [...document.querySelectorAll('main *')].filter(e => e.getClientRects().length
            && e.getBoundingClientRect().right > w + 1 && !e.closest('.board, .stagenav ol')).slice(0, 5);
        return {wide, width: w, out: out.map(e => e.outerHTML.slice(0, 80))};";
    browser.execute(script, vec![]).await.expect("a script that runs")
}

async fn visible(browser: &Client, css: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for element in browser.find_all(Locator::Css(css)).await.expect("elements") {
        if element.is_displayed().await.expect("a display state") {
            texts.push(element.text().await.expect("text"));
        }
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_desk_and_phone_by_day_and_night() {
    let site = Site::new().await;
    let base = serve(&site).await;
    let driver = Driver::start();
    let link = format!("/u/{}", site.links.sign_unsubscribe("customer-1", "marketing", "message-1"));
    let pages =
        [("map", format!("/maps/{MAP}")), ("maps", "/maps".into()), ("unsubscribe", link), ("error", "/x".into())];
    for look in [DESK, DESK_DARK, PHONE, PHONE_DARK] {
        let browser = driver.browser(&look).await;
        for (name, path) in &pages {
            if look.width >= 500 {
                browser.set_window_size(look.width, look.height).await.expect("the window's size");
            }
            browser.goto(&format!("{base}{path}")).await.expect("a page");
            let overflow = overflow(&browser).await;
            assert_eq!(
                (&overflow["wide"], &overflow["out"]),
                (&json!(false), &json!([])),
                "{name} {}: {overflow}",
                look.name
            );
            picture(&browser, name, &look).await;
        }
        browser.close().await.expect("a browser that closes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_of_many_stages_scrolls_inside_its_board() {
    const TABLET: Look = Look { name: "tablet", width: 1000, ..DESK };
    let site = Site::with(sample::bare(), &[]).await;
    let base = serve(&site).await;
    let driver = Driver::start();
    for look in [DESK, TABLET, PHONE] {
        let browser = driver.browser(&look).await;
        browser.goto(&format!("{base}/maps/{MAP}")).await.expect("the page");
        let overflow = overflow(&browser).await;
        assert_eq!((&overflow["wide"], &overflow["out"]), (&json!(false), &json!([])), "{}: {overflow}", look.name);
        picture(&browser, "bare", &look).await;
        browser.close().await.expect("a browser that closes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_shows_stages_and_figures_and_keeps_them_fresh() {
    let site = Site::new().await;
    let base = serve(&site).await;
    let driver = Driver::start();
    for (look, stages, here) in [
        (DESK, ".board th .arrow span:last-child", ".board .here strong"),
        (PHONE, ".cards .arrow span:last-child", ".cards .here strong"),
    ] {
        let browser = driver.browser(&look).await;
        browser.goto(&format!("{base}/maps/{MAP}")).await.expect("the page");
        let titles = visible(&browser, stages).await;
        assert_eq!(titles.len(), 5, "{}: {titles:?}", look.name);
        assert_eq!(titles[3], "Purchase");
        assert_eq!(visible(&browser, here).await[0], "3,214");
        let faces =
            number(&browser, "return [...document.querySelectorAll('.face')].filter(e => e.checkVisibility()).length")
                .await;
        assert_eq!(faces, 5);
        browser.close().await.expect("a browser that closes");
    }

    let browser = driver.browser(&DESK).await;
    browser.goto(&format!("{base}/maps/{MAP}")).await.expect("the page");
    let mut tx = site.store.begin().await.expect("a transaction");
    let more = milepost::store::Count {
        map: MAP.into(),
        subject: "stage:awareness".into(),
        figure: "here".into(),
        detail: String::new(),
        by: 1_000,
    };
    tx.add_counts(3, &[more]).await.expect("counts");
    tx.commit().await.expect("a commit");
    browser
        .wait()
        .for_element(Locator::XPath("//strong[span[@data-text='stage.awareness.here' and text()='4,214']]"))
        .await
        .expect("the page's script brings the new figure");
    browser.close().await.expect("a browser that closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unsubscribe_button_works() {
    let site = Site::new().await;
    let base = serve(&site).await;
    let driver = Driver::start();
    let browser = driver.browser(&PHONE).await;
    let token = site.links.sign_unsubscribe("customer-1", "marketing", "message-1");
    browser.goto(&format!("{base}/u/{token}")).await.expect("the page");
    assert!(site.bodies().await.is_empty(), "a look must not unsubscribe");
    browser.find(Locator::Css("button")).await.expect("a button").click().await.expect("a click");
    browser.wait().for_element(Locator::Css("[data-step=done]")).await.expect("the page that says so");
    picture(&browser, "unsubscribed", &PHONE).await;
    assert_eq!(site.bodies().await.len(), 1);
    browser.close().await.expect("a browser that closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_fit_every_width_and_are_chosen_by_keyboard() {
    let tracking = TrackingSettings { clicks: Track::On, ..TrackingSettings::default() };
    let site = Site::tracking(sample::two_maps(), &[], tracking).await;
    site.customer("customer-1", "en").await;
    let base = serve(&site).await;
    let driver = Driver::start();
    let token = site.links.sign_preferences("customer-1", "message-1");
    for look in [NARROW, SMALL_DESK, DESK_DARK, PHONE_DARK] {
        let browser = driver.browser(&look).await;
        browser.goto(&format!("{base}/p/{token}")).await.expect("the page");
        let overflow = overflow(&browser).await;
        assert_eq!((&overflow["wide"], &overflow["out"]), (&json!(false), &json!([])), "{}: {overflow}", look.name);
        // Everything that can be chosen has a label that says what it is.
        let unnamed = "return [...document.querySelectorAll('input:not([type=hidden]), select')]
            .filter(e => !e.labels.length || !e.labels[0].innerText.trim()).length";
        assert_eq!(number(&browser, unnamed).await, 0);
        picture(&browser, "preferences", &look).await;
        browser.close().await.expect("a browser that closes");
    }
    let browser = driver.browser(&NARROW).await;
    browser.goto(&format!("{base}/p/{token}")).await.expect("the page");
    for (css, key) in [("[name=often][value='1']", " "), ("[name=pause]", " "), ("button", "\u{e007}")] {
        browser.find(Locator::Css(css)).await.expect("a control").send_keys(key).await.expect("a key");
    }
    browser.wait().for_element(Locator::Css("[data-step=saved]")).await.expect("the page that says so");
    picture(&browser, "preferences-saved", &NARROW).await;
    assert_eq!(site.bodies().await.len(), 1);
    browser.close().await.expect("a browser that closes");
}
