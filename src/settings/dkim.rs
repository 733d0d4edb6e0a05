//! `[mail.dkim.<name>]`: keys that letters are signed with.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

/// A key that letters are signed with (DKIM). A domain may have several: each signs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DkimSettings {
    /// The domain that signs. Default: the domain of `mail.from`. A key also signs for domains under its own that have no key.
    #[schemars(example = "shop.example")]
    pub domain: Option<String>,
    /// Which of the domain's keys it is: the record stands at `<selector>._domainkey.<domain>`. Default: the section's name.
    #[schemars(example = &"mp1")]
    pub selector: Option<String>,
    /// The private key in PEM: Ed25519, or RSA of 2048 bits and more. `milepost dkim new` makes one. Give it in
    /// `private_key_file`, or as `MILEPOST__MAIL__DKIM__<NAME>__PRIVATE_KEY`.
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub private_key: Option<SecretString>,
}
