-- What a media server calls a session, so that it can be ended by an nginx that
-- was started after it; and what an administrator said of the servers.

ALTER TABLE sessions ADD COLUMN srs_client TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN srs_service TEXT NOT NULL DEFAULT '';

CREATE TABLE nodes (
    name        TEXT   NOT NULL PRIMARY KEY,
    drained_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
