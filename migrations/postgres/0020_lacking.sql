-- Since when a letter waits for a file that goes with it: that takes nothing off the time for which relays are tried.
ALTER TABLE messages ADD COLUMN lacking_since BIGINT;
