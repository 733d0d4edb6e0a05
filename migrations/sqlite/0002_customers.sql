-- One document a customer, the keys that name customers, and what happened to them.
CREATE TABLE customers (
    id          TEXT    PRIMARY KEY,
    doc         TEXT    NOT NULL,
    due_at      INTEGER,          -- the document's next own moment
    rulebook    TEXT    NOT NULL, -- the rulebook the document was last advanced under
    merged_into TEXT,             -- the survivor, never itself merged
    merged_at   INTEGER
) STRICT;

CREATE INDEX customers_due ON customers (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX customers_rulebook ON customers (rulebook, merged_into) WHERE merged_into IS NULL;
CREATE INDEX customers_merged ON customers (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE customer_keys (
    kind     TEXT NOT NULL,
    value    TEXT NOT NULL,
    customer TEXT NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX customer_keys_customer ON customer_keys (customer);

CREATE TABLE events (
    id          INTEGER PRIMARY KEY,
    source      TEXT    NOT NULL,
    event       TEXT    NOT NULL, -- the idempotency key inside the source
    customer    TEXT    NOT NULL,
    occurred_at INTEGER NOT NULL,
    inbox       INTEGER,
    doc         TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_once ON events (source, event);
CREATE INDEX events_customer ON events (customer, occurred_at);

-- When each source was last heard, so that nobody has to search the events for it.
CREATE TABLE sources (
    source  TEXT    PRIMARY KEY,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
