-- Ends told elsewhere since a message that a receiver has was last put right: while there are any, it is no longer so.
ALTER TABLE outbox ADD COLUMN stale INTEGER;
CREATE INDEX outbox_stale ON outbox (receiver, number) WHERE stale IS NOT NULL;
