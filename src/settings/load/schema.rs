//! The shape of the settings, read from their JSON Schema: which keys there are, what each takes, which are secret.
//!
//! The schema is made from the doc comments and types of the settings themselves, so this module names no setting.
//! Not here: what values mean together (`validate`).

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::order::fields_of;
use crate::settings::{
    ApiSettings, AttachmentSettings, ConnectionSettings, ConsentSettings, DatabaseSettings, DkimSettings,
    DomainSettings, ErrandSettings, ImapSettings, IngestSettings, ListenerSettings, LogSettings, MailSettings,
    ProviderSettings, RefusalRow, RelaySettings, ReplySettings, ReturnSettings, RouteSettings, RulesSettings,
    SenderSettings, ServerSettings, Settings, ShopSettings, TrackingSettings, UtmSettings, WebhookSettings,
};

/// The whole schema.
#[derive(Debug)]
pub struct Schema {
    value: Value,
    /// The order of the keys, by the name of the section's type.
    order: BTreeMap<&'static str, &'static [&'static str]>,
}

/// What a setting takes.
#[derive(Debug, PartialEq)]
pub enum Kind<'a> {
    /// A section with known keys.
    Table,
    /// A section whose keys are names that the shop chooses.
    Map,
    /// A list of this.
    List(Box<Kind<'a>>),
    /// Text.
    Text,
    /// A whole number between two bounds.
    Whole(i64, i64),
    /// True or false.
    Flag,
    /// One of these words.
    Choice(Vec<&'a str>),
}

impl Kind<'_> {
    /// What to call it in a message.
    pub fn words(&self) -> String {
        match self {
            Self::Table | Self::Map => "a section".into(),
            Self::List(item) if **item == Kind::Table => "sections in double brackets".into(),
            Self::List(_) => "a list".into(),
            Self::Text => "text in quotes".into(),
            Self::Whole(..) => "a whole number".into(),
            Self::Flag => "true or false".into(),
            Self::Choice(words) => {
                format!("one of {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// One place in the schema.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    schema: &'a Schema,
    /// As written at the field: carries its description, default and examples.
    outer: &'a Value,
    /// With references followed: carries its type.
    inner: &'a Value,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// Whether this is `<key>_file`: the path of a file that holds the secret `<key>`.
    pub file: bool,
}

impl Schema {
    /// The schema of [`Settings`].
    pub fn of_settings() -> Self {
        let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Settings>();
        let order = BTreeMap::from([
            ("", fields_of::<Settings>()),
            ("ApiSettings", fields_of::<ApiSettings>()),
            ("AttachmentSettings", fields_of::<AttachmentSettings>()),
            ("ConnectionSettings", fields_of::<ConnectionSettings>()),
            ("ConsentSettings", fields_of::<ConsentSettings>()),
            ("DatabaseSettings", fields_of::<DatabaseSettings>()),
            ("DkimSettings", fields_of::<DkimSettings>()),
            ("DomainSettings", fields_of::<DomainSettings>()),
            ("ErrandSettings", fields_of::<ErrandSettings>()),
            ("IngestSettings", fields_of::<IngestSettings>()),
            ("LogSettings", fields_of::<LogSettings>()),
            ("ListenerSettings", fields_of::<ListenerSettings>()),
            ("MailSettings", fields_of::<MailSettings>()),
            ("ImapSettings", fields_of::<ImapSettings>()),
            ("ProviderSettings", fields_of::<ProviderSettings>()),
            ("RefusalRow", fields_of::<RefusalRow>()),
            ("RelaySettings", fields_of::<RelaySettings>()),
            ("ReplySettings", fields_of::<ReplySettings>()),
            ("ReturnSettings", fields_of::<ReturnSettings>()),
            ("RouteSettings", fields_of::<RouteSettings>()),
            ("RulesSettings", fields_of::<RulesSettings>()),
            ("SenderSettings", fields_of::<SenderSettings>()),
            ("ServerSettings", fields_of::<ServerSettings>()),
            ("ShopSettings", fields_of::<ShopSettings>()),
            ("TrackingSettings", fields_of::<TrackingSettings>()),
            ("UtmSettings", fields_of::<UtmSettings>()),
            ("WebhookSettings", fields_of::<WebhookSettings>()),
        ]);
        Self { value: schema.to_value(), order }
    }

    /// The schema itself, for editors.
    pub fn as_value(&self) -> &Value {
        &self.value
    }

    /// The top.
    pub fn root(&self) -> Node<'_> {
        Node { schema: self, outer: &self.value, inner: &self.value, secret: false, file: false }
    }

    /// The node of a dotted path, as far as the path can be followed.
    pub fn at(&self, path: &str) -> Option<Node<'_>> {
        path.split('.').filter(|part| !part.is_empty()).try_fold(self.root(), Node::child)
    }
}

impl<'a> Node<'a> {
    fn step(self, outer: &'a Value) -> Self {
        let secret = self.secret || outer["writeOnly"] == true;
        Self { schema: self.schema, outer, inner: follow(&self.schema.value, outer), secret, file: false }
    }

    /// The node under a key; `<key>_file` is known wherever `<key>` is a secret.
    pub fn child(self, key: &str) -> Option<Self> {
        let as_file = |node: Self| Self { file: true, secret: false, ..node };
        if let Some(outer) = self.inner["properties"].get(key) {
            return Some(self.step(outer));
        }
        let stem = key.strip_suffix("_file");
        if let Some(outer) = stem.and_then(|stem| self.inner["properties"].get(stem)) {
            let node = self.step(outer);
            return (node.secret && node.kind() == Kind::Text).then(|| as_file(node));
        }
        let values = self.inner.get("additionalProperties").filter(|v| v.is_object())?;
        let node = self.step(values);
        Some(if node.secret && stem.is_some() { as_file(node) } else { node })
    }

    /// The keys of a section in the order of the source, `<key>_file` included for secrets.
    pub fn keys(self) -> Vec<String> {
        let Some(properties) = self.inner["properties"].as_object() else { return Vec::new() };
        let name = self.outer["$ref"].as_str().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
        let order = self.schema.order.get(name).copied().unwrap_or_default();
        let mut sorted: Vec<_> = properties.iter().collect();
        sorted.sort_by_key(|(key, _)| order.iter().position(|field| field == key));
        sorted
            .into_iter()
            .flat_map(|(key, outer)| {
                let node = self.step(outer);
                let file = (node.secret && node.kind() == Kind::Text).then(|| format!("{key}_file"));
                std::iter::once(key.clone()).chain(file)
            })
            .collect()
    }

    /// What stands in a list of sections; `None` for everything else.
    pub fn item(self) -> Option<Self> {
        let item = self.inner.get("items").filter(|item| item.is_object()).map(|item| self.step(item))?;
        (item.kind() == Kind::Table).then_some(item)
    }

    /// What it takes.
    pub fn kind(self) -> Kind<'a> {
        kind(&self.schema.value, self.inner)
    }

    /// Whether anything at or under this node is secret.
    pub fn holds_secret(self) -> bool {
        self.secret
            || self.inner["properties"].as_object().is_some_and(|p| p.values().any(|v| self.step(v).holds_secret()))
            || self.inner.get("additionalProperties").is_some_and(|v| v.is_object() && self.step(v).holds_secret())
    }

    /// The doc comment.
    pub fn doc(self) -> &'a str {
        self.outer["description"].as_str().or_else(|| self.inner["description"].as_str()).unwrap_or_default()
    }

    /// The value it has when it is not set, where that is one plain value.
    pub fn default(self) -> Option<&'a Value> {
        self.outer.get("default").filter(|v| !v.is_null() && !v.is_object())
    }

    /// A value to show as an example.
    pub fn example(self) -> Option<&'a Value> {
        self.outer["examples"].get(0)
    }
}

/// Follows references, and `null` alternatives to what is meant.
fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str() {
        return root.pointer(name.trim_start_matches('#')).map_or(schema, |found| follow(root, found));
    }
    let real = schema["anyOf"].as_array().and_then(|any| any.iter().find(|v| v["type"] != "null"));
    real.map_or(schema, |found| follow(root, found))
}

fn kind<'a>(root: &'a Value, schema: &'a Value) -> Kind<'a> {
    let schema = follow(root, schema);
    let words: Vec<&str> = match (schema["enum"].as_array(), schema["oneOf"].as_array()) {
        (Some(words), _) => words.iter().filter_map(Value::as_str).collect(),
        (_, Some(words)) => words.iter().filter_map(|w| w["const"].as_str()).collect(),
        _ => Vec::new(),
    };
    if !words.is_empty() {
        return Kind::Choice(words);
    }
    let name = schema["type"].as_str().or_else(|| {
        schema["type"].as_array().and_then(|types| types.iter().filter_map(Value::as_str).find(|t| *t != "null"))
    });
    match name {
        Some("object") if schema["properties"].is_object() => Kind::Table,
        Some("object") => Kind::Map,
        Some("array") => Kind::List(Box::new(kind(root, &schema["items"]))),
        Some("integer") => {
            Kind::Whole(schema["minimum"].as_i64().unwrap_or(i64::MIN), schema["maximum"].as_i64().unwrap_or(i64::MAX))
        }
        Some("boolean") => Kind::Flag,
        _ => match schema["const"].as_str() {
            Some(word) => Kind::Choice(vec![word]),
            None => Kind::Text,
        },
    }
}
