-- What letters linked to, for those whose clicks are noted: a link leads nowhere else. Sealed by store/vault.
CREATE TABLE message_links (
    message TEXT PRIMARY KEY REFERENCES messages (id),
    links   BYTEA NOT NULL
);

-- Opens and clicks, once it is known whose they were.
CREATE TABLE message_reads (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message TEXT    NOT NULL,
    event   TEXT    NOT NULL,  -- its event's id
    at      BIGINT NOT NULL,
    what    TEXT    NOT NULL,
    link    BIGINT,            -- which of the letter's links
    machine TEXT,              -- why it was a program; NULL: a person
    agent   TEXT               -- what the asker called itself
);

CREATE INDEX message_reads_message ON message_reads (message, id);
