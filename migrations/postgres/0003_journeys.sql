-- What the core decided: moves on maps, runs of rules, and why.
CREATE TABLE moves (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer   TEXT   NOT NULL,
    map        TEXT   NOT NULL,
    from_stage TEXT,
    since      BIGINT,
    to_stage   TEXT,
    at         BIGINT NOT NULL,
    cause      TEXT   NOT NULL
);

CREATE INDEX moves_customer ON moves (customer, at);

CREATE TABLE enrollments (
    id                TEXT   PRIMARY KEY,
    customer          TEXT   NOT NULL,
    rule              TEXT   NOT NULL,
    map               TEXT   NOT NULL,
    stage             TEXT,
    started_at        BIGINT NOT NULL,
    cause             TEXT   NOT NULL,
    ended_at          BIGINT,
    end_reason        TEXT,
    converted_at      BIGINT,
    converted_message TEXT,
    value_minor       BIGINT,
    value_currency    TEXT
);

CREATE INDEX enrollments_customer ON enrollments (customer, started_at);

CREATE TABLE decisions (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer TEXT   NOT NULL,
    rule     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    doc      TEXT   NOT NULL
);

CREATE INDEX decisions_customer ON decisions (customer, id);
