-- Why somebody dropped a letter, in his words.
ALTER TABLE outbox ADD COLUMN note TEXT;
