-- What a receiver gave for a message, to write what follows under it: the place of the first message of a thread.
ALTER TABLE outbox ADD COLUMN receipt TEXT;
