-- How often in a row a receiver has refused a letter: who says so for long is believed, who is away for a while is not.
ALTER TABLE outbox ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
