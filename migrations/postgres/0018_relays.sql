-- How much of a ceiling has been given out to the nodes, by the hour and by the day. `domain` is empty for the relay as a whole.
CREATE TABLE relay_windows (
    relay    TEXT   NOT NULL,
    domain   TEXT   NOT NULL,
    span     TEXT   NOT NULL,
    start_at BIGINT NOT NULL,
    used     BIGINT NOT NULL,
    PRIMARY KEY (relay, domain, span, start_at)
);

-- When the next letter may go, where a rate a second is set.
CREATE TABLE relay_rates (
    relay   TEXT   NOT NULL,
    domain  TEXT   NOT NULL,
    free_at BIGINT NOT NULL,
    PRIMARY KEY (relay, domain)
);

-- What a node keeps from going out for a while: by a relay as a whole, or by it to a domain.
CREATE TABLE relay_stops (
    relay    TEXT   NOT NULL,
    domain   TEXT   NOT NULL,
    node     TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    why      TEXT   NOT NULL,
    PRIMARY KEY (relay, domain, node)
);
