-- What customers agreed to and refused, change by change: only ever added to.
CREATE TABLE consents (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of recording
    customer    TEXT   NOT NULL,
    purpose     TEXT   NOT NULL,
    answer      TEXT   NOT NULL,
    was         TEXT,             -- what held before; NULL: nothing was said
    at          BIGINT NOT NULL,  -- when it was said
    recorded_at BIGINT NOT NULL,
    source      TEXT   NOT NULL,  -- a connection, api, milepost, rule:<id>
    event       TEXT,             -- its id in the source; NULL: no event said it
    proof       TEXT   NOT NULL   -- what more is known: by, message, page, text, agent
);

CREATE INDEX consents_customer ON consents (customer, seq);
