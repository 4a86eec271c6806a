-- One text for SQLite and PostgreSQL.  Ids and hashes (lower-case hex) are TEXT,
-- times BIGINT milliseconds since 1970 (0: never), flags BIGINT 0 or 1, lists
-- TEXT joined by a blank.  A statement ends with ';' at the end of a line.

CREATE TABLE users (
    id             TEXT   NOT NULL PRIMARY KEY,
    email          TEXT   NOT NULL UNIQUE,
    name           TEXT   NOT NULL,
    role           TEXT   NOT NULL,
    password_hash  TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);

-- What may happen once only: ('first_user', its id).
CREATE TABLE firsts (
    name     TEXT NOT NULL PRIMARY KEY,
    subject  TEXT NOT NULL
);

-- A login session is a family of refresh tokens, each good for one use.
CREATE TABLE logins (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    ip            TEXT   NOT NULL,
    user_agent    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    revoked_at    BIGINT NOT NULL
);
CREATE INDEX logins_user ON logins (user_id, created_at, id);
CREATE INDEX logins_expires ON logins (expires_at);

CREATE TABLE refresh_tokens (
    hash        TEXT   NOT NULL PRIMARY KEY,
    login_id    TEXT   NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_login ON refresh_tokens (login_id);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires_at);

CREATE TABLE streams (
    id                        TEXT   NOT NULL PRIMARY KEY,
    owner_id                  TEXT   NOT NULL REFERENCES users (id),
    title                     TEXT   NOT NULL,
    description               TEXT   NOT NULL,
    visibility                TEXT   NOT NULL,
    enabled                   BIGINT NOT NULL,
    max_viewers               BIGINT NOT NULL,
    reconnect_window_seconds  BIGINT NOT NULL,
    takeover                  TEXT   NOT NULL,
    allowed_origins           TEXT   NOT NULL,
    metadata                  TEXT   NOT NULL,
    key_prefix                TEXT   NOT NULL,
    key_rotated_at            BIGINT NOT NULL,
    last_active_at            BIGINT NOT NULL,
    created_at                BIGINT NOT NULL,
    updated_at                BIGINT NOT NULL,
    version                   BIGINT NOT NULL
);
CREATE INDEX streams_owner ON streams (owner_id, created_at, id);
CREATE INDEX streams_created ON streams (created_at, id);

-- A stream key is a publish token with stream_key = 1 that does not expire.
CREATE TABLE tokens (
    id               TEXT   NOT NULL PRIMARY KEY,
    stream_id        TEXT   NOT NULL REFERENCES streams (id),
    hash             TEXT   NOT NULL UNIQUE,
    kind             TEXT   NOT NULL,
    stream_key       BIGINT NOT NULL,
    label            TEXT   NOT NULL,
    viewer_ref       TEXT   NOT NULL,
    max_uses         BIGINT NOT NULL,
    uses             BIGINT NOT NULL,
    allowed_ips      TEXT   NOT NULL,
    allowed_origins  TEXT   NOT NULL,
    created_by       TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    revoked_at       BIGINT NOT NULL
);
CREATE INDEX tokens_stream ON tokens (stream_id, stream_key, created_at, id);
CREATE INDEX tokens_expires ON tokens (expires_at);
CREATE INDEX tokens_revoked ON tokens (revoked_at);

-- History, written behind: without references, because a session may be written
-- after its stream is gone.
CREATE TABLE sessions (
    id           TEXT   NOT NULL PRIMARY KEY,
    stream_id    TEXT   NOT NULL,
    token_id     TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    protocol     TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    end_reason   TEXT   NOT NULL,
    client_ip    TEXT   NOT NULL,
    user_agent   TEXT   NOT NULL,
    viewer_ref   TEXT   NOT NULL,
    node         TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    active_at    BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    bytes_in     BIGINT NOT NULL,
    bytes_out    BIGINT NOT NULL
);
CREATE INDEX sessions_stream ON sessions (stream_id, started_at, id);
CREATE INDEX sessions_started ON sessions (started_at, id);
CREATE INDEX sessions_ended ON sessions (ended_at, seen_at);

CREATE TABLE idempotency (
    owner       TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    request     TEXT   NOT NULL,
    status      BIGINT NOT NULL,
    answer      TEXT   NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_expires ON idempotency (expires_at);

-- What every host has to hear of soon, kept for an hour.
CREATE TABLE changes (
    id          TEXT   NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    stream_id   TEXT   NOT NULL,
    token_id    TEXT   NOT NULL,
    token_hash  TEXT   NOT NULL
);
CREATE INDEX changes_at ON changes (at);
