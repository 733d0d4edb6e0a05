-- Rulebooks that are or were in force, with their files: runs may finish under one that no longer is.
CREATE TABLE rulebooks (
    hash    TEXT    PRIMARY KEY,
    kept_at INTEGER NOT NULL,
    files   BLOB    NOT NULL     -- sealed by store/vault
) STRICT;

-- What came into force when. The last row is what is in force; the numbers follow each other, so that whoever puts a
-- rulebook in force has seen the one before.
CREATE TABLE activations (
    number   INTEGER PRIMARY KEY,
    rulebook TEXT    NOT NULL REFERENCES rulebooks (hash),
    at       INTEGER NOT NULL
) STRICT;
