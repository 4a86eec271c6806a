-- Several nginx hosts at one database: who they are, who publishes what where,
-- how many watch, who is kept out, and whose a session is.

CREATE TABLE hosts (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    place       TEXT   NOT NULL,
    beats       BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    left_at     BIGINT NOT NULL
);

-- The publisher of a stream, or (session_id '') the one it waits for.  The term
-- grows with every claim: who decided on an older one decides anew.
CREATE TABLE live (
    stream_id       TEXT   NOT NULL PRIMARY KEY,
    term            BIGINT NOT NULL,
    host            TEXT   NOT NULL,
    session_id      TEXT   NOT NULL,
    token_id        TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    protocol        TEXT   NOT NULL,
    node            TEXT   NOT NULL,
    client_ip       TEXT   NOT NULL,
    held            BIGINT NOT NULL,
    started_at      BIGINT NOT NULL,
    media_at        BIGINT NOT NULL,
    window_until    BIGINT NOT NULL,
    window_seconds  BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX live_updated ON live (updated_at);
CREATE INDEX live_host ON live (host);

CREATE TABLE audience (
    stream_id   TEXT   NOT NULL,
    host        TEXT   NOT NULL,
    viewers     BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (stream_id, host)
);
CREATE INDEX audience_updated ON audience (updated_at);
CREATE INDEX audience_host ON audience (host);

CREATE TABLE bans (
    place    TEXT   NOT NULL,
    who      TEXT   NOT NULL,
    ends_at  BIGINT NOT NULL,
    PRIMARY KEY (place, who)
);
CREATE INDEX bans_ends ON bans (ends_at);

-- host '': an installation of one nginx.  held: 0 by a media server or by none,
-- 1 by a worker of its host, 2 by one that was taken for dead.
ALTER TABLE sessions ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN resource TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_host ON sessions (host)
    WHERE ended_at = 0 AND host <> '';
CREATE INDEX sessions_client ON sessions (srs_client)
    WHERE ended_at = 0 AND host <> '';

ALTER TABLE changes ADD COLUMN session_id TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN detail TEXT NOT NULL DEFAULT '';

-- Where players read events of a session, at whichever host.
CREATE TABLE feeds (
    id          TEXT   NOT NULL PRIMARY KEY,
    session_id  TEXT   NOT NULL,
    kinds       BIGINT NOT NULL,
    made_at     BIGINT NOT NULL
);
CREATE INDEX feeds_made ON feeds (made_at);
