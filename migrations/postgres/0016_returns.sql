-- What came back: mail and providers' reports, whole, with what was made of each.
CREATE TABLE returned (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source      TEXT   NOT NULL, -- where it came from
    form        TEXT   NOT NULL, -- how its bytes are to be read
    recipients  TEXT   NOT NULL, -- of its envelope, as far as they are known
    bytes       BYTEA  NOT NULL, -- sealed by store/vault
    digest      TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    what        TEXT,
    message     TEXT,
    note        TEXT,
    attempts    BIGINT NOT NULL,
    next_at     BIGINT,
    settled_at  BIGINT
);

CREATE UNIQUE INDEX returned_once ON returned (form, digest);
CREATE INDEX returned_due ON returned (next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX returned_done ON returned (settled_at) WHERE state = 'done';

-- Suppressions that end by themselves, and the record of all of them.
ALTER TABLE suppressions ADD COLUMN expires_at BIGINT;

CREATE TABLE suppression_log (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address    TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    change     TEXT   NOT NULL, -- added, lifted
    reason     TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    expires_at BIGINT
);

CREATE INDEX suppression_log_address ON suppression_log (address, id);
