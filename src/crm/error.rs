//! What can go wrong with a body or with a source's API.

use std::time::Duration;

/// Why a body could not be read. It is kept as a dead letter and can be replayed after a fix.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not the JSON it was said or seems to be, or a field of an unusable type.
    #[error("{what} is not readable: at `{path}`")]
    Json {
        /// What was being read.
        what: &'static str,
        /// Where inside it.
        path: String,
        /// What the reader says.
        #[source]
        source: serde_json::Error,
    },
    /// Bytes that are not UTF-8 text.
    #[error("the body's text is not UTF-8")]
    Encoding,
    /// A form nested too deeply or with too many fields.
    #[error("the form is too deep or has too many fields")]
    TooComplex,
    /// A date that is none, or lies outside the years 1900 to 9999.
    #[error("`{field}` is not a date of the years 1900 to 9999: `{value}`")]
    Date {
        /// Name of the field.
        field: &'static str,
        /// What stood there (shortened).
        value: String,
    },
    /// An amount that does not fit.
    #[error("`{field}` is not an amount that can be kept: `{value}`")]
    Amount {
        /// Name of the field.
        field: &'static str,
        /// What stood there (shortened).
        value: String,
    },
    /// Nothing in it names a customer.
    #[error("{what} names no customer: neither id nor external id, e-mail or phone")]
    NoCustomer {
        /// What was being read.
        what: &'static str,
    },
    /// None of the known forms of a hook.
    #[error("no customer, order or cart in it; its fields are: {fields}")]
    Unknown {
        /// Names of the outermost fields (shortened).
        fields: String,
    },
    /// It only names an entity, and there is no API to read it from.
    #[error("it only names {what}, and the connection has no `url` and `api_key` to read it with")]
    NeedsApi {
        /// What it names.
        what: &'static str,
    },
}

/// Why the source's API gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No address or no key.
    #[error("the connection has no `url` or no `api_key`")]
    NotConfigured,
    /// The source wants fewer requests.
    #[error("the CRM limits requests (HTTP {status})")]
    Limited {
        /// 503 or 429.
        status: u16,
        /// How long to leave it alone.
        retry_after: Duration,
    },
    /// No connection, or it broke off.
    #[error("the CRM could not be reached")]
    Unreachable(#[source] reqwest::Error),
    /// An error of the source's.
    #[error("the CRM is out of order (HTTP {status})")]
    Unavailable {
        /// HTTP status.
        status: u16,
    },
    /// HTML or anything else where JSON was promised.
    #[error("the CRM answered with something else than JSON (HTTP {status}): is `url` the account's address?")]
    NotJson {
        /// HTTP status.
        status: u16,
    },
    /// The source refused the request.
    #[error("the CRM refused {path} (HTTP {status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What was asked for.
        path: String,
        /// The source's words, with its details.
        message: String,
    },
    /// JSON of another shape than known.
    #[error("the CRM's answer to {path} has an unknown shape, at `{at}`")]
    Shape {
        /// What was asked for.
        path: String,
        /// Where inside the answer.
        at: String,
        /// What the reader says.
        #[source]
        source: serde_json::Error,
    },
    /// An answer that is larger than anything sensible.
    #[error("the CRM's answer to {path} is larger than 32 MiB")]
    TooLarge {
        /// What was asked for.
        path: String,
    },
}

impl ApiError {
    /// How long the source asked to be left alone, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Limited { retry_after, .. } = self { Some(*retry_after) } else { None }
    }

    /// Whether the same request may well succeed later without anybody doing anything.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Limited { .. } | Self::Unreachable(_) | Self::Unavailable { .. } => true,
            // Maintenance pages come with 200 or 5xx; an unknown account with 4xx.
            Self::NotJson { status } => *status < 400 || *status >= 500,
            Self::NotConfigured | Self::Refused { .. } | Self::Shape { .. } | Self::TooLarge { .. } => false,
        }
    }
}
