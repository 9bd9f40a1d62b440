-- Contents of old messages in objects outside of the database.

-- One object each: the contents of a range of a conversation.
CREATE TABLE IF NOT EXISTS archives (
    conversation BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    -- Its name in the object store; empty where there was nothing to keep.
    object VARBINARY(255) NOT NULL,
    messages BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    -- CRC-32 of the object.
    checksum INT UNSIGNED NOT NULL,
    archived_at BIGINT NOT NULL,
    PRIMARY KEY (conversation, first_seq)
) ENGINE=InnoDB;

-- One row: whoever archives holds it. Behind which conversation to look next.
CREATE TABLE IF NOT EXISTS archiver (
    one TINYINT NOT NULL PRIMARY KEY,
    conversation BIGINT NOT NULL
) ENGINE=InnoDB;

INSERT IGNORE INTO archiver (one, conversation) VALUES (1, 0);

-- Objects that were begun and are in no archive yet; what stays here is removed.
CREATE TABLE IF NOT EXISTS archive_attempts (
    object VARBINARY(255) NOT NULL PRIMARY KEY,
    begun_at BIGINT NOT NULL,
    KEY attempts_by_age (begun_at)
) ENGINE=InnoDB;

-- Where the archive of a message's content begins; NULL while it is here. MySQL has no ADD COLUMN IF NOT EXISTS.
SET @archived = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE messages ADD COLUMN archived BIGINT', 'DO 0')
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'messages' AND column_name = 'archived');

PREPARE add_archived FROM @archived;

EXECUTE add_archived;
