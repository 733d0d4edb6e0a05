-- What the core decided: moves on maps, runs of rules, and why.
CREATE TABLE moves (
    id         INTEGER PRIMARY KEY,
    customer   TEXT    NOT NULL,
    map        TEXT    NOT NULL,
    from_stage TEXT,
    since      INTEGER,
    to_stage   TEXT,
    at         INTEGER NOT NULL,
    cause      TEXT    NOT NULL
) STRICT;

CREATE INDEX moves_customer ON moves (customer, at);

CREATE TABLE enrollments (
    id                TEXT    PRIMARY KEY,
    customer          TEXT    NOT NULL,
    rule              TEXT    NOT NULL,
    map               TEXT    NOT NULL,
    stage             TEXT,
    started_at        INTEGER NOT NULL,
    cause             TEXT    NOT NULL,
    ended_at          INTEGER,
    end_reason        TEXT,
    converted_at      INTEGER,
    converted_message TEXT,
    value_minor       INTEGER,
    value_currency    TEXT
) STRICT;

CREATE INDEX enrollments_customer ON enrollments (customer, started_at);

CREATE TABLE decisions (
    id       INTEGER PRIMARY KEY,
    customer TEXT    NOT NULL,
    rule     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    doc      TEXT    NOT NULL
) STRICT;

CREATE INDEX decisions_customer ON decisions (customer, id);
