-- What kind of refusal a letter met last, and since when it is being put off.
ALTER TABLE messages ADD COLUMN class TEXT;
ALTER TABLE messages ADD COLUMN put_off_since BIGINT;

-- Refusals that count against an address only when they repeat.
CREATE TABLE strikes (
    address TEXT   NOT NULL,
    class   TEXT   NOT NULL,
    message TEXT   NOT NULL, -- a letter counts once, whoever tells of it
    at      BIGINT NOT NULL,
    PRIMARY KEY (address, class, message)
);

CREATE INDEX strikes_age ON strikes (at);
