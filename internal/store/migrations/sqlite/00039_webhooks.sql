-- +goose Up
-- The previous version keeps working beside this one: everything new is in tables of its own, and what its replicas do is told too: a trigger
-- notes it.
CREATE TABLE webhooks (
    id              text PRIMARY KEY,
    name            text NOT NULL,
    url             text NOT NULL,
    types           text NOT NULL,
    enabled         boolean NOT NULL,
    disabled_reason text NOT NULL DEFAULT '',
    -- Encrypted with a key derived from the node's secret.
    sealed_secret   blob,
    sealed_previous blob,
    previous_until  timestamp,
    last_error      text NOT NULL DEFAULT '',
    last_success_at timestamp,
    created_by      text NOT NULL,
    created_at      timestamp NOT NULL,
    updated_at      timestamp NOT NULL
);

-- What is still to be told, empty most of the time.
CREATE TABLE webhook_events (
    seq        integer PRIMARY KEY AUTOINCREMENT,
    session_id text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    status     text NOT NULL,
    at         timestamp NOT NULL
);
CREATE INDEX webhook_events_session ON webhook_events (session_id);

-- The batches after which a session has stalled, so that each stall is told once.
CREATE TABLE webhook_stalls (
    session_id text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    batch_seq  bigint NOT NULL,
    PRIMARY KEY (session_id, batch_seq)
);

CREATE TABLE webhook_deliveries (
    id           text PRIMARY KEY,
    webhook_id   text NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    type         text NOT NULL,
    session_id   text NOT NULL DEFAULT '',
    body         text NOT NULL,
    state        text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts     text NOT NULL,
    next_at      timestamp,
    created_at   timestamp NOT NULL,
    delivered_at timestamp
);
CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, created_at DESC);
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created_at);

-- +goose StatementBegin
CREATE TRIGGER sync_transitions_told AFTER INSERT ON sync_transitions WHEN NEW.status <> 'TRANSFERRING' AND EXISTS (SELECT 1 FROM webhooks WHERE enabled)
BEGIN
    INSERT INTO webhook_events (session_id, status, at) VALUES (NEW.session_id, NEW.status, NEW.at);
END;
-- +goose StatementEnd
