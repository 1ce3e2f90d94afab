-- +goose Up
-- The previous version keeps working beside this one: everything new has a default or a table of its own.
ALTER TABLE sync_sessions ADD COLUMN resumed_from text NOT NULL DEFAULT '';
ALTER TABLE sync_sessions ADD COLUMN resumed_records bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_sessions ADD COLUMN first_key text NOT NULL DEFAULT '';
ALTER TABLE sync_sessions ADD COLUMN last_key text NOT NULL DEFAULT '';
ALTER TABLE sync_sessions ADD COLUMN retries integer NOT NULL DEFAULT 0;

-- What the watchers look for.
CREATE INDEX sync_sessions_active ON sync_sessions (last_heartbeat_at)
    WHERE status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING');

-- Every takeover of a session from a worker that gave no sign of life.
CREATE TABLE sync_takeovers (
    session_id   text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    -- The fence that the lost worker held.
    fence        bigint NOT NULL,
    worker       text NOT NULL,
    heartbeat_at timestamp,
    at           timestamp NOT NULL,
    -- The number of batches committed by then: takeovers with the same number made no progress in between.
    batch_seq    bigint NOT NULL,
    PRIMARY KEY (session_id, fence)
);

-- The Idempotency-Key of a start, with the session that it made or was attached to.
CREATE TABLE sync_start_keys (
    subject      text NOT NULL,
    start_key    text NOT NULL,
    request_hash text NOT NULL,
    session_id   text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    attached     boolean NOT NULL,
    created_at   timestamp NOT NULL,
    PRIMARY KEY (subject, start_key)
);
