-- Promo codes as a ledger: how far each has come. What was given before is taken for sent: nobody kept whether it was.
ALTER TABLE promo_codes ADD COLUMN state TEXT NOT NULL DEFAULT 'free';
ALTER TABLE promo_codes ADD COLUMN expires_at BIGINT;
ALTER TABLE promo_codes ADD COLUMN sent_at BIGINT;
ALTER TABLE promo_codes ADD COLUMN redeemed_at BIGINT;
ALTER TABLE promo_codes ADD COLUMN redeemed_by TEXT;    -- the customer of the order
ALTER TABLE promo_codes ADD COLUMN redeemed_order TEXT; -- source/id
ALTER TABLE promo_codes ADD COLUMN returned BIGINT NOT NULL DEFAULT 0; -- how often it came back unseen
UPDATE promo_codes SET state = 'sent', sent_at = given_at WHERE enrollment IS NOT NULL;

DROP INDEX promo_codes_left;
CREATE INDEX promo_codes_free ON promo_codes (pool, id) WHERE state = 'free';
CREATE INDEX promo_codes_code ON promo_codes (code);
CREATE INDEX promo_codes_run ON promo_codes (enrollment) WHERE enrollment IS NOT NULL;
CREATE INDEX promo_codes_expiring ON promo_codes (expires_at) WHERE state = 'sent' AND expires_at IS NOT NULL;

ALTER TABLE messages ADD COLUMN promo_code TEXT; -- the code that the letter shows
