-- Everything that the first version keeps. A statement ends with a semicolon at the end of a line, and may run again: the
-- server commits each by itself, so a step that was cut short is begun anew.
--
-- `changed` columns carry change numbers, see `ticks.rs`. What is compared to the byte is VARBINARY or BLOB: both servers pad
-- texts with blanks when they compare them in the one binary collation that both have.

CREATE TABLE IF NOT EXISTS ticks (
    n BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS users (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    name_key VARBINARY(1024) NOT NULL,
    nickname MEDIUMTEXT,
    nickname_key MEDIUMBLOB,
    avatar MEDIUMTEXT NOT NULL,
    guest TINYINT NOT NULL,
    created_at BIGINT NOT NULL,
    password VARBINARY(255),
    -- What an embedding program calls the user, of any length; unique by its SHA-256, since keys end at 3,072 bytes.
    external MEDIUMBLOB,
    external_digest BINARY(32),
    UNIQUE KEY users_by_key (name_key),
    UNIQUE KEY users_by_external (external_digest),
    -- Searches leave out guests, who all have names that begin alike.
    KEY users_by_name (guest, name_key),
    KEY users_by_nickname (guest, nickname_key(255))
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS conversations (
    id BIGINT NOT NULL PRIMARY KEY,
    -- 1 world, 2 single, 3 group.
    kind TINYINT NOT NULL,
    last_seq BIGINT NOT NULL,
    -- When the newest message was sent; when there is none, when the conversation was made.
    last_at BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    members_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    dissolved_at BIGINT,
    -- The two of a single conversation.
    low BIGINT,
    high BIGINT,
    -- What a group has.
    name MEDIUMTEXT,
    avatar MEDIUMTEXT,
    description MEDIUMTEXT,
    owner BIGINT,
    member_count BIGINT,
    UNIQUE KEY conversations_of_two (low, high)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT IGNORE INTO conversations (id, kind, last_seq, last_at, changed, members_version, created_at)
VALUES (1, 1, 0, 0, 0, 1, 0);

CREATE TABLE IF NOT EXISTS conversation_members (
    conversation BIGINT NOT NULL,
    user BIGINT NOT NULL,
    -- 1 member, 2 admin, 3 owner.
    role TINYINT NOT NULL,
    joined_seq BIGINT NOT NULL,
    read_seq BIGINT NOT NULL,
    -- Newest change that only this member sees.
    changed BIGINT NOT NULL,
    -- The change by which they joined.
    joined BIGINT NOT NULL,
    muted_until BIGINT,
    -- Not listed while the head is no newer than this.
    hidden_seq BIGINT,
    muted TINYINT NOT NULL DEFAULT 0,
    pinned TINYINT NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, user),
    KEY members_by_user (user, conversation)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Who left a group, for those of their devices that were away then.
CREATE TABLE IF NOT EXISTS departures (
    user BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    PRIMARY KEY (user, conversation),
    KEY departures_by_conversation (conversation)
) ENGINE=InnoDB;

-- Two rows each. One that has ended stays, for devices that were away.
CREATE TABLE IF NOT EXISTS friendships (
    user BIGINT NOT NULL,
    friend BIGINT NOT NULL,
    gone TINYINT NOT NULL,
    changed BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (user, friend)
) ENGINE=InnoDB;

-- Clustered as it is read: a page of history is one range. Both unique keys begin with the conversation, by which the table
-- can be divided.
CREATE TABLE IF NOT EXISTS messages (
    conversation BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    id BIGINT NOT NULL,
    sender BIGINT NOT NULL,
    client VARBINARY(128) NOT NULL,
    kind TINYINT NOT NULL,
    sent_at BIGINT NOT NULL,
    -- CRC-32 of all that a reader gets.
    checksum INT UNSIGNED NOT NULL,
    content MEDIUMTEXT NOT NULL,
    reply_to BIGINT,
    -- User ids, 8 bytes little-endian each.
    mentions MEDIUMBLOB,
    attachment MEDIUMTEXT,
    edited_at BIGINT,
    recalled_at BIGINT,
    recalled_by BIGINT,
    PRIMARY KEY (conversation, seq),
    UNIQUE KEY messages_by_client (conversation, sender, client),
    KEY messages_by_id (id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS logins (
    id BIGINT NOT NULL PRIMARY KEY,
    user BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When the newest refresh token ends, and the login with it.
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    KEY logins_by_user (user, ended_at),
    KEY logins_by_expiry (expires_at)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS refresh_tokens (
    digest BINARY(32) NOT NULL PRIMARY KEY,
    login BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    KEY refresh_tokens_by_login (login, expires_at)
) ENGINE=InnoDB;
