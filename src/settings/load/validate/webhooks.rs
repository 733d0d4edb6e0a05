//! What must hold of `[webhooks.<name>]` and `[errands]`.

use reqwest::Url;
use secrecy::ExposeSecret;

use super::Check;
use crate::settings::{ErrandSettings, WebhookSettings};
use crate::webhook::Secrets;

/// Checks one webhook.
pub(super) fn one(name: &str, webhook: &WebhookSettings, check: &mut Check<'_, '_>) {
    let base = format!("webhooks.{name}");
    let at = |key: &str| format!("{base}.{key}");
    check.id(&base, name);
    // The address itself may hold a token, so it isn't shown.
    match Url::parse(&webhook.url) {
        Ok(url) => {
            let secure = url.scheme() == "https" || (url.scheme() == "http" && webhook.allow_private);
            check.that(
                secure && url.has_host(),
                &at("url"),
                format!("`{}` must begin with https://", at("url")),
                "`http://` is for private networks, with `allow_private = true`",
            );
            let clean = url.username().is_empty() && url.password().is_none();
            check.that(clean, &at("url"), format!("`{}` may hold no user name or password", at("url")), "");
        }
        Err(_) => check.fault(
            &at("url"),
            format!("`{}` is not an address of the web", at("url")),
            Some("write a whole address, for example `https://hooks.shop.example/milepost`".into()),
        ),
    }
    let help = "make one with `echo whsec_$(openssl rand -base64 32)`";
    match &webhook.secret {
        None => check.that(false, &base, format!("`{}` is missing: webhooks are signed by it", at("secret")), help),
        Some(secret) => check.that(
            Secrets::parse(secret.expose_secret()).is_some(),
            &at("secret"),
            format!("`{}` is not `whsec_` and 24 to 64 bytes in base64", at("secret")),
            help,
        ),
    }
}

/// Checks how errands are carried out.
pub(super) fn errands(errands: &ErrandSettings, check: &mut Check<'_, '_>) {
    for (index, wait) in errands.retry.iter().enumerate() {
        let path = format!("errands.retry[{index}]");
        check.that(!wait.is_zero(), &path, "a wait before the next try is no time at all", "write for example `5m`");
    }
    let patience = (1..=120).contains(&errands.timeout_seconds);
    check.that(patience, "errands.timeout_seconds", "`errands.timeout_seconds` lies outside 1 to 120", "");
}
