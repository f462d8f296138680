-- Too many notifications for one receiver at once go out as one: a storm has a row of its own (kind `storm`), and those
-- in it (state `gathered`, until it is told) carry its id.
ALTER TABLE outbox ADD COLUMN storm TEXT;
-- When a storm was composed: from then on nothing joins it, and it says the same at every attempt.
ALTER TABLE outbox ADD COLUMN sealed INTEGER;
CREATE INDEX outbox_storm ON outbox (storm, number) WHERE storm IS NOT NULL;
CREATE INDEX outbox_created ON outbox (receiver, created);
CREATE INDEX outbox_settled ON outbox (receiver, settled) WHERE state = 'delivered';
