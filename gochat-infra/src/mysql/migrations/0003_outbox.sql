-- Changes that others are still to be told of: a row in the transaction of the change, gone when they were told.
CREATE TABLE IF NOT EXISTS outbox (
    id BIGINT NOT NULL PRIMARY KEY,
    -- What changed; `note_row.rs` has the numbers.
    kind TINYINT NOT NULL,
    -- The conversation or message.
    about BIGINT NOT NULL,
    -- User ids, 8 bytes little-endian each.
    users MEDIUMBLOB,
    actor BIGINT,
    created_at BIGINT NOT NULL,
    -- Until then somebody is telling it.
    claimed_until BIGINT NOT NULL DEFAULT 0,
    KEY outbox_by_claim (claimed_until, created_at)
) ENGINE=InnoDB;
