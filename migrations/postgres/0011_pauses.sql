-- Rules that are paused, or were: a pause that is over stays, for customers who have not been told yet.
CREATE TABLE pauses (
    rule    TEXT   PRIMARY KEY,
    since   BIGINT NOT NULL,
    why     TEXT   NOT NULL,
    over_at BIGINT,
    overdue TEXT              -- what becomes of what fell due meanwhile
);
