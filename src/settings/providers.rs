//! `[mail.providers.<name>]`: services that tell by webhook what became of letters.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

/// A service that letters go through, and that tells by webhook what became of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// What it is: `ses`, `sendgrid`, `mailgun` or `postmark`.
    pub kind: ProviderKind,
    /// The last part of the webhook's address, `/hooks/mail/<name>/<secret>`: at least 16 letters, digits, `-`, `_`, `.` or
    /// `~`. Give it as `MILEPOST__MAIL__PROVIDERS__<NAME>__SECRET` or in `secret_file`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub secret: Option<SecretString>,
    /// Mailgun: the HTTP webhook signing key. SendGrid: the verification key of the signed event webhook. The others have none.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub signing_key: Option<SecretString>,
    /// SES: the SNS topics that are listened to; a message of another is refused.
    #[serde(default)]
    #[schemars(example = ["arn:aws:sns:eu-west-1:123456789012:bounces"])]
    pub topics: Vec<String>,
    /// The user name of the webhook's basic authentication, if it is set up: Postmark signs nothing, and can do this.
    #[serde(default)]
    #[schemars(example = &"milepost")]
    pub username: Option<String>,
    /// The password that goes with it.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub password: Option<SecretString>,
}

/// A service that tells by webhook what became of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Amazon SES, by SNS over HTTPS.
    Ses,
    /// Twilio SendGrid's signed event webhook.
    Sendgrid,
    /// Mailgun.
    Mailgun,
    /// Postmark.
    Postmark,
}
