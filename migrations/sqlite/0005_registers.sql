-- Small registers: who must not be written to, promo codes, figures, cursors, cron firings.
CREATE TABLE suppressions (
    address TEXT    PRIMARY KEY,
    reason  TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    detail  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE promo_codes (
    id         INTEGER PRIMARY KEY,
    pool       TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    loaded_at  INTEGER NOT NULL,
    customer   TEXT,
    rule       TEXT,
    enrollment TEXT, -- given, and never given again
    given_at   INTEGER,
    UNIQUE (pool, code)
) STRICT;

CREATE INDEX promo_codes_left ON promo_codes (pool, id) WHERE enrollment IS NULL;
CREATE UNIQUE INDEX promo_codes_given ON promo_codes (pool, enrollment) WHERE enrollment IS NOT NULL;

CREATE TABLE counters (
    map     TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    figure  TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    shard   INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    PRIMARY KEY (map, subject, figure, detail, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
    connection TEXT NOT NULL,
    stream     TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (connection, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE firings (
    rule     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    progress TEXT    NOT NULL, -- the last customer taken
    closed   INTEGER NOT NULL,
    PRIMARY KEY (rule, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX firings_open ON firings (at) WHERE closed = 0;
