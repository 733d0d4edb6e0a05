//! Lists of tags as DKIM and DMARC records have them: `v=DKIM1; k=rsa; p=…` (RFC 6376 §3.2).

/// A list of tags.
pub struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Splits a record. What is no tag is left out: receivers ignore it, too.
    pub fn of(record: &'a str) -> Self {
        let pairs = record.split(';').filter_map(|part| part.split_once('='));
        Self(pairs.map(|(name, value)| (name.trim(), value.trim())).collect())
    }

    /// The value of a tag.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Whether a tag whose values stand between colons has one of them.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|list| list.split(':').any(|item| item.trim().eq_ignore_ascii_case(value)))
    }
}
