-- Letters: the queue out, and the record of it.
CREATE TABLE messages (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of planning, for lists
    id          TEXT   NOT NULL UNIQUE,
    customer    TEXT   NOT NULL,
    enrollment  TEXT   NOT NULL,
    step        TEXT   NOT NULL,
    pass        BIGINT NOT NULL,
    rule        TEXT   NOT NULL,
    map         TEXT   NOT NULL,
    stage       TEXT,
    letter      TEXT   NOT NULL,
    purpose     TEXT   NOT NULL,
    locale      TEXT   NOT NULL,
    address     TEXT,
    rulebook    TEXT   NOT NULL,
    planned_at  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    inputs      TEXT   NOT NULL,
    verdicts    TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    reason      TEXT,
    changed_at  BIGINT NOT NULL,
    next_at     BIGINT,
    attempts    BIGINT NOT NULL,
    resend      BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    subject     TEXT,
    message_id  TEXT,
    sent_at     BIGINT,
    relay       TEXT,
    code        BIGINT,
    enhanced    TEXT,
    reply       TEXT,
    UNIQUE (enrollment, step, pass)                              -- one message a step, whatever crashes
);

CREATE INDEX messages_queue ON messages (next_at, id) WHERE state = 'queued';
CREATE INDEX messages_leased ON messages (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX messages_customer ON messages (customer, seq);
CREATE INDEX messages_rule ON messages (rule, seq);

-- The exact bytes, apart from the rows that are searched. Sealed by store/vault.
CREATE TABLE message_bytes (
    message TEXT  PRIMARY KEY REFERENCES messages (id),
    bytes   BYTEA NOT NULL
);

CREATE TABLE message_log (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message TEXT   NOT NULL REFERENCES messages (id),
    at      BIGINT NOT NULL,
    state   TEXT   NOT NULL,
    reason  TEXT,
    detail  TEXT   NOT NULL
);

CREATE INDEX message_log_message ON message_log (message, id);

CREATE FUNCTION message_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'message_log is append-only';
END
$$;
CREATE TRIGGER message_log_stays BEFORE UPDATE OR DELETE ON message_log
FOR EACH ROW EXECUTE FUNCTION message_log_append_only();
