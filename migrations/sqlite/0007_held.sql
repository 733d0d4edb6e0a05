-- Letters that a limit holds back stand in the same queue as the others: they are asked about again when their moment comes.
DROP INDEX messages_queue;
CREATE INDEX messages_queue ON messages (next_at, id) WHERE state IN ('queued', 'held');
