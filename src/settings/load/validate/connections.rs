//! What must hold of `[connections.<id>]`.

use secrecy::ExposeSecret;

use super::{Check, Plain};
use crate::journey::time::Span;
use crate::settings::ConnectionSettings;

/// Checks one connection.
pub(super) fn one(id: &str, connection: &ConnectionSettings, check: &mut Check<'_, '_>) {
    let base = format!("connections.{id}");
    let at = |key: &str| format!("{base}.{key}");
    check.id(&base, id);
    check.that(
        !["api", "milepost"].contains(&id),
        &base,
        format!("`{id}` is the name of a source of Milepost's own"),
        "choose another name",
    );
    if let Some(url) = &connection.url {
        check.url(&at("url"), url, Plain::LocalOnly);
    }
    if let Some(secret) = &connection.hook_secret {
        check.long_secret(&at("hook_secret"), secret.expose_secret(), "the hook's secret");
    }
    check.that(
        connection.url.is_some() == connection.api_key.is_some(),
        &base,
        format!("the connection `{id}` needs both `url` and `api_key`, or neither"),
        "give the key in `api_key_file` or by the environment; without both, only hooks with whole objects work",
    );
    check.that(
        connection.url.is_some() || connection.hook_secret.is_some(),
        &base,
        format!("nothing can come in by the connection `{id}`"),
        "give `url` and `api_key` to poll, or `hook_secret` to take hooks",
    );
    if let Some(key) = &connection.api_key {
        let visible = !key.expose_secret().is_empty() && key.expose_secret().bytes().all(|b| b.is_ascii_graphic());
        check.that(
            visible,
            &at("api_key"),
            format!("the key `{}` holds blanks or other odd characters", at("api_key")),
            "",
        );
    }
    if let Some(zone) = &connection.time_zone {
        check.zone(&at("time_zone"), zone);
    }
    check.that(
        connection.poll_every.is_zero() || connection.poll_every >= Span::seconds(10),
        &at("poll_every"),
        "polling more often than every 10s would use up the CRM's rate limit",
        "RetailCRM advises 5m to 15m; `0s` turns polling off",
    );
    let both = connection.complete_groups.iter().find(|group| connection.cancel_groups.contains(group));
    if let Some(group) = both {
        let message = format!("the status group `{group}` can't mean both complete and cancelled");
        check.fault(&at("cancel_groups"), message, Some("name it in one of the two lists".into()));
    }
}
