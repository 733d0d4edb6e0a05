-- The map shows how many letters wait for a limit: those are counted where they stand, without a look at any other letter.
CREATE INDEX messages_held ON messages (map, rule, reason) WHERE state = 'held';
