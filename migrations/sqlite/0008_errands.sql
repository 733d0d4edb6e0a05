-- What runs ask of others: webhooks out, and changes in a CRM. A durable queue with leases, and its record.
CREATE TABLE errands (
    seq         INTEGER PRIMARY KEY, -- order of making
    id          TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    target      TEXT    NOT NULL,    -- the webhook's name, or the connection's
    customer    TEXT    NOT NULL,
    enrollment  TEXT    NOT NULL,
    step        TEXT    NOT NULL,
    pass        INTEGER NOT NULL,
    rule        TEXT    NOT NULL,
    map         TEXT    NOT NULL,
    body        TEXT    NOT NULL,    -- the same at every try
    promo_code  TEXT,                -- the code that it tells
    state       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    next_at     INTEGER,
    attempts    INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    code        INTEGER,             -- the last HTTP status
    reason      TEXT,                -- what was last said, or what went wrong
    UNIQUE (enrollment, step, pass)  -- one errand a step, whatever crashes
) STRICT;

CREATE INDEX errands_queue ON errands (kind, target, next_at, seq) WHERE state = 'queued';
CREATE INDEX errands_order ON errands (kind, target, customer, seq) WHERE state = 'queued';
CREATE INDEX errands_leased ON errands (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX errands_dead ON errands (seq) WHERE state = 'dead';
CREATE INDEX errands_done ON errands (changed_at) WHERE state = 'done';
CREATE INDEX errands_customer ON errands (customer, seq);
