-- Everything that the first version keeps.
--
-- `changed` columns carry a number of the one change counter: it grows in the order of commits, and no two rows that one
-- user can see have the same, so that a page of changes can end after any of them.

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Change numbers up to this one may have been handed out; raised in blocks.
INSERT INTO counters (name, value) VALUES ('changed', 0);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    nickname TEXT,
    nickname_key TEXT,
    avatar TEXT NOT NULL,
    guest INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    password TEXT,
    external TEXT UNIQUE
) STRICT;

-- Searches leave out guests, who all have names that begin alike.
CREATE INDEX users_by_name ON users (name_key) WHERE guest = 0;
CREATE INDEX users_by_nickname ON users (nickname_key, name_key) WHERE guest = 0 AND nickname_key IS NOT NULL;

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    -- A small number of its own, by which its messages are keyed.
    slot INTEGER NOT NULL UNIQUE,
    -- 1 world, 2 single, 3 group.
    kind INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    -- The newest message.
    last_id INTEGER,
    -- When it was sent; when there is none, when the conversation was made.
    last_at INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    members_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    dissolved_at INTEGER,
    -- The two of a single conversation.
    low INTEGER,
    high INTEGER,
    -- What a group has.
    name TEXT,
    avatar TEXT,
    description TEXT,
    owner INTEGER,
    member_count INTEGER,
    -- Ids of the newest messages that are not in `places` yet, 8 bytes big-endian each, in order of sequence.
    tail BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE UNIQUE INDEX conversations_of_two ON conversations (low, high) WHERE kind = 2;

INSERT INTO conversations (id, slot, kind, last_seq, last_at, changed, members_version, created_at)
VALUES (1, 1, 1, 0, 0, 0, 1, 0);

CREATE TABLE members (
    conversation INTEGER NOT NULL,
    user INTEGER NOT NULL,
    -- 1 member, 2 admin, 3 owner.
    role INTEGER NOT NULL,
    joined_seq INTEGER NOT NULL,
    read_seq INTEGER NOT NULL,
    -- Newest change that only this member sees.
    changed INTEGER NOT NULL,
    -- The change by which they joined.
    joined INTEGER NOT NULL,
    muted_until INTEGER,
    -- Not listed while the head is no newer than this.
    hidden_seq INTEGER,
    muted INTEGER NOT NULL DEFAULT 0,
    pinned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user, joined);

-- Who left a group, for those of their devices that were away then.
CREATE TABLE departures (
    user INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;

-- Two rows each. One that has ended stays, for devices that were away.
CREATE TABLE friendships (
    user INTEGER NOT NULL,
    friend INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (user, friend)
) STRICT, WITHOUT ROWID;

-- Keyed by id, which grows with time: rows are written at the end, packed, whichever conversations they belong to.
-- (Clustered by conversation, each conversation of a batch would dirty a page of texts, and split it every few rows: more
-- than twice the pages, and half the speed.)
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    -- slot << 35 | seq
    place INTEGER NOT NULL,
    sender INTEGER NOT NULL,
    -- See `client_id.rs`: a time that the client's id carries, else 0, and the id or what is left of it.
    client_time INTEGER NOT NULL,
    client ANY NOT NULL,
    kind INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    -- CRC-32 of all that a reader gets.
    checksum INTEGER NOT NULL,
    content TEXT NOT NULL,
    reply_to INTEGER,
    -- User ids, 8 bytes little-endian each.
    mentions BLOB,
    attachment TEXT,
    edited_at INTEGER,
    recalled_at INTEGER,
    recalled_by INTEGER,
    slot INTEGER NOT NULL GENERATED ALWAYS AS (place >> 35) VIRTUAL
) STRICT;


-- Where the messages of a conversation are, in order of sequence; those in its `tail` come here together. So a batch that
-- writes to 200 conversations rewrites the few pages that their rows are in, and a page of this table for one in 32 messages.
CREATE TABLE places (
    -- slot << 35 | seq
    place INTEGER PRIMARY KEY,
    id INTEGER NOT NULL
) STRICT;

-- The time comes first: ids that carry it are written at the end of the index, a page for many of them, where the order by
-- conversation would dirty a page for each. Those without (0) are ordered by conversation and sender.
CREATE UNIQUE INDEX messages_by_client_id ON messages (client_time, slot, sender, client);

CREATE TABLE logins (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- When the newest refresh token ends, and the login with it.
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX logins_by_user ON logins (user) WHERE ended_at IS NULL;
CREATE INDEX logins_by_expiry ON logins (expires_at);

CREATE TABLE refresh_tokens (
    digest BLOB PRIMARY KEY,
    login INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_login ON refresh_tokens (login, expires_at);
