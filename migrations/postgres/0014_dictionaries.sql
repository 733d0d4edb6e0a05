-- What letters of one template have in common. Their bytes name it, and can't be read without it: it is never removed.
CREATE TABLE dictionaries (
    id      TEXT   PRIMARY KEY, -- the beginning of the content's hash
    kept_at BIGINT NOT NULL,
    content BYTEA  NOT NULL
);

CREATE FUNCTION dictionaries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'dictionaries are never changed or removed';
END $$;

CREATE TRIGGER dictionaries_stay BEFORE UPDATE OR DELETE ON dictionaries
FOR EACH ROW EXECUTE FUNCTION dictionaries_stay();
