-- What letters of one template have in common. Their bytes name it, and can't be read without it: it is never removed.
CREATE TABLE dictionaries (
    id      TEXT    PRIMARY KEY, -- the beginning of the content's hash
    kept_at INTEGER NOT NULL,
    content BLOB    NOT NULL
) STRICT;

CREATE TRIGGER dictionaries_stay BEFORE UPDATE ON dictionaries
BEGIN SELECT RAISE(ABORT, 'dictionaries are never changed'); END;
CREATE TRIGGER dictionaries_keep BEFORE DELETE ON dictionaries
BEGIN SELECT RAISE(ABORT, 'dictionaries are never removed'); END;
