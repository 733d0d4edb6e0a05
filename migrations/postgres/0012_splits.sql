-- Splits: which arm each customer took first, and whether the goal was reached in the time that counts for it.
CREATE TABLE split_arms (
    rule       TEXT    NOT NULL,
    step       TEXT    NOT NULL,
    customer   TEXT    NOT NULL,    -- each is counted once
    enrollment TEXT    NOT NULL,
    arm        TEXT    NOT NULL,
    taken_at   BIGINT NOT NULL,
    until      BIGINT,             -- when the answer is known; NULL: the rule has no goal
    reached    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (rule, step, customer)
);

-- Counting arms reads this alone.
CREATE INDEX split_arms_count ON split_arms (rule, step, arm, until, reached);
CREATE INDEX split_arms_enrollment ON split_arms (enrollment);

-- The arm that everybody takes from then on, with the figures by which it was picked.
CREATE TABLE split_winners (
    rule    TEXT    NOT NULL,
    step    TEXT    NOT NULL,
    arm     TEXT    NOT NULL,
    at      BIGINT NOT NULL,
    figures TEXT    NOT NULL,       -- JSON: what was known of each arm, in the order of the file
    PRIMARY KEY (rule, step)
);
