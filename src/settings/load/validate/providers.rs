//! What must hold of `[mail.providers.<name>]`.

use secrecy::ExposeSecret as _;

use super::Check;
use crate::mail::returns::provider;
use crate::settings::{ProviderKind, ProviderSettings};

/// Checks one provider.
pub(super) fn one(name: &str, provider: &ProviderSettings, check: &mut Check<'_, '_>) {
    let base = format!("mail.providers.{name}");
    let at = |key: &str| format!("{base}.{key}");
    check.id(&base, name);
    match &provider.secret {
        Some(secret) => check.long_secret(&at("secret"), secret.expose_secret(), "the secret of the webhook's address"),
        None => check.fault(
            &base,
            format!("the provider `{name}` has no `secret`, so its webhook has no address"),
            Some("make one with `openssl rand -hex 24`; give it by the environment or in `secret_file`".into()),
        ),
    }
    let kind = provider.kind;
    let signs = matches!(kind, ProviderKind::Mailgun | ProviderKind::Sendgrid);
    check.that(
        !signs || provider.signing_key.is_some(),
        &base,
        format!("the provider `{name}` has no `signing_key`, without which nothing it says can be believed"),
        "copy it from the provider's page about webhooks into a file, and name that in `signing_key_file`",
    );
    check.that(
        signs || provider.signing_key.is_none(),
        &at("signing_key"),
        "only Mailgun and SendGrid have a signing key",
        "leave it out",
    );
    if let (ProviderKind::Sendgrid, Some(key)) = (kind, &provider.signing_key) {
        check.that(
            provider::is_sendgrid_key(key.expose_secret()),
            &at("signing_key"),
            format!("`{}` is not SendGrid's verification key", at("signing_key")),
            "copy the whole of it from Settings, Mail Settings, Event Webhook: base64 that begins with `MFkw`",
        );
    }
    let ses = kind == ProviderKind::Ses;
    check.that(
        !ses || !provider.topics.is_empty(),
        &base,
        format!("the provider `{name}` listens to no topic of SNS"),
        "add `topics = [\"arn:aws:sns:REGION:ACCOUNT:NAME\"]`",
    );
    check.that(ses || provider.topics.is_empty(), &at("topics"), "only SES has topics", "leave it out");
    check.that(
        provider.username.is_some() == provider.password.is_some(),
        &at("username"),
        "a user name and a password go together",
        "give both or none",
    );
}
