-- Small registers: who must not be written to, promo codes, figures, cursors, cron firings.
CREATE TABLE suppressions (
    address TEXT   PRIMARY KEY,
    reason  TEXT   NOT NULL,
    source  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    detail  TEXT   NOT NULL
);

CREATE TABLE promo_codes (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool       TEXT   NOT NULL,
    code       TEXT   NOT NULL,
    loaded_at  BIGINT NOT NULL,
    customer   TEXT,
    rule       TEXT,
    enrollment TEXT, -- given, and never given again
    given_at   BIGINT,
    UNIQUE (pool, code)
);

CREATE INDEX promo_codes_left ON promo_codes (pool, id) WHERE enrollment IS NULL;
CREATE UNIQUE INDEX promo_codes_given ON promo_codes (pool, enrollment) WHERE enrollment IS NOT NULL;

CREATE TABLE counters (
    map     TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    figure  TEXT   NOT NULL,
    detail  TEXT   NOT NULL,
    shard   BIGINT NOT NULL,
    amount  BIGINT NOT NULL,
    PRIMARY KEY (map, subject, figure, detail, shard)
);

CREATE TABLE cursors (
    connection TEXT NOT NULL,
    stream     TEXT NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (connection, stream)
);

CREATE TABLE notes (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE firings (
    rule     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    progress TEXT   NOT NULL, -- the last customer taken
    closed   BIGINT NOT NULL,
    PRIMARY KEY (rule, at)
);

CREATE INDEX firings_open ON firings (at) WHERE closed = 0;
