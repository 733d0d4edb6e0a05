//! The two histories: rows that name what changed, each with its own sequence of ids.

use serde_json::{Map, Value, json};

/// One history.
#[derive(Debug, Default)]
pub(super) struct History {
    rows: Vec<(i64, Value)>,
}

impl History {
    /// Adds a row about `entity` under the name `kind`. Ids rise, not always by one.
    pub(super) fn add(
        &mut self,
        kind: &str,
        at: &str,
        field: &str,
        values: (Value, Value),
        entity: Value,
        more: Value,
    ) {
        let last = self.rows.last().map_or(2_600, |(id, _)| *id);
        let id = last + if last % 7 == 0 { 3 } else { 1 };
        let mut row = Map::new();
        for (name, value) in [
            ("id", json!(id)),
            ("createdAt", json!(at)),
            ("source", json!("user")),
            ("user", json!({"id": 19})),
            ("field", json!(field)),
            ("oldValue", values.0),
            ("newValue", values.1),
            (kind, entity),
        ] {
            row.insert(name.to_owned(), value);
        }
        if let Value::Object(more) = more {
            row.extend(more);
        }
        self.rows.push((id, Value::Object(row)));
    }

    /// A page of the rows after `since`, in the API's envelope.
    pub(super) fn page(&self, since: i64, limit: usize, generated_at: &str) -> Value {
        let from = self.rows.partition_point(|(id, _)| *id <= since);
        let rest = &self.rows[from..];
        let rows: Vec<&Value> = rest.iter().take(limit).map(|(_, row)| row).collect();
        json!({
            "success": true, "generatedAt": generated_at, "history": rows,
            "pagination": {
                "limit": limit, "totalCount": rest.len(), "currentPage": 1, "totalPageCount": rest.len().div_ceil(limit.max(1)),
            },
        })
    }
}
