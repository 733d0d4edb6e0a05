//! `rules/<map>/promo/<pool>.yaml`.

use schemars::JsonSchema;

use super::{SpanText, Text};
use crate::rulebook::read::{At, fields};

/// What the codes of a promo pool are like. The pool's name is the file's.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields, title = "Milepost promo pool", rename = "Pool")]
pub(in crate::rulebook) struct PoolForm {
    /// Codes are made by this when they are wanted: each `#` becomes a letter or digit. Without it the codes are those of
    /// the CSV file of the same name, and those that were imported.
    pub(in crate::rulebook) pattern: Option<Text>,
    /// How long a code is good after it was given; for ever if not written.
    pub(in crate::rulebook) valid: Option<At<SpanText>>,
    /// Warn when fewer codes than this are left.
    pub(in crate::rulebook) low_stock: Option<At<u64>>,
}

fields!(PoolForm { pattern, valid, low_stock });
