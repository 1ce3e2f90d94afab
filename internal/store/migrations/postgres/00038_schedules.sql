-- +goose Up
-- The previous version keeps working beside this one: everything new is in tables of its own, and only replicas of this version run schedules.
CREATE TABLE schedules (
    id             text PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    cron           text NOT NULL,
    timezone       text NOT NULL,
    enabled        boolean NOT NULL,
    action         text NOT NULL CHECK (action IN ('pull', 'push')),
    target_peers   text NOT NULL,
    catalog        text NOT NULL,
    options        text NOT NULL,
    if_running     text NOT NULL CHECK (if_running IN ('skip', 'queue')),
    jitter_seconds integer NOT NULL DEFAULT 0,
    -- When it is due next, without jitter; NULL while it is switched off.
    next_at        timestamptz,
    created_by     text NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);

-- One start of a schedule with one peer. A run that has a session goes with it.
CREATE TABLE schedule_runs (
    id          text PRIMARY KEY,
    schedule_id text NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    occasion    text NOT NULL,
    peer_id     text NOT NULL,
    due_at      timestamptz NOT NULL,
    start_at    timestamptz NOT NULL,
    -- Who asked for it out of turn; empty for the clock.
    asked_by    text NOT NULL DEFAULT '',
    state       text NOT NULL CHECK (state IN ('waiting', 'started', 'skipped', 'failed')),
    session_id  text REFERENCES sync_sessions (id) ON DELETE CASCADE,
    problem     text NOT NULL DEFAULT '',
    decided_at  timestamptz
);
CREATE INDEX schedule_runs_due ON schedule_runs (schedule_id, due_at DESC);
CREATE INDEX schedule_runs_session ON schedule_runs (session_id);
CREATE INDEX schedule_runs_waiting ON schedule_runs (start_at) WHERE state = 'waiting';
