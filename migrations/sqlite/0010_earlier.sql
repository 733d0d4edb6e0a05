-- The rulebooks that are not in force any more and as which runs, letters or goals of the customer finish.
ALTER TABLE customers ADD COLUMN earlier TEXT;

CREATE INDEX customers_earlier ON customers (earlier) WHERE earlier IS NOT NULL;
