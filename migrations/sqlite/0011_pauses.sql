-- Rules that are paused, or were: a pause that is over stays, for customers who have not been told yet.
CREATE TABLE pauses (
    rule    TEXT    PRIMARY KEY,
    since   INTEGER NOT NULL,
    why     TEXT    NOT NULL,
    over_at INTEGER,
    overdue TEXT              -- what becomes of what fell due meanwhile
) STRICT, WITHOUT ROWID;
