-- +goose Up
CREATE TABLE settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
-- The oldest binary (by its newest known migration) that may run on this database.
INSERT INTO settings (name, value) VALUES ('oldest_schema', '1');

CREATE TABLE products (
    catalog        text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    sku            text NOT NULL,
    name           text NOT NULL,
    price          text NOT NULL,
    currency       text NOT NULL,
    active         boolean NOT NULL,
    attributes     text NOT NULL,
    hash           text COLLATE "C" NOT NULL,
    origin_node_id text NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (catalog, id)
);

CREATE TABLE peers (
    node_id      text COLLATE "C" PRIMARY KEY,
    node_name    text NOT NULL,
    kind         text NOT NULL,
    url          text NOT NULL,
    sealed_token bytea,
    is_active    boolean NOT NULL,
    last_seen    timestamptz,
    last_error   text NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);

CREATE TABLE sync_sessions (
    id                  text PRIMARY KEY,
    catalog             text COLLATE "C" NOT NULL,
    direction           text NOT NULL,
    peer_id             text NOT NULL,
    source_node_id      text NOT NULL,
    target_node_id      text NOT NULL,
    method              text NOT NULL,
    options             text NOT NULL,
    status              text NOT NULL CHECK (status IN
        ('PREPARING', 'TRANSFERRING', 'VALIDATING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    phase               text NOT NULL,
    current_step        text NOT NULL,
    progress            integer NOT NULL CHECK (progress BETWEEN 0 AND 100),
    total_records       bigint,
    transferred_records bigint NOT NULL,
    created_records     bigint NOT NULL,
    updated_records     bigint NOT NULL,
    unchanged_records   bigint NOT NULL,
    deleted_records     bigint NOT NULL,
    rejected_records    bigint NOT NULL,
    transferred_bytes   bigint NOT NULL,
    started_at          timestamptz NOT NULL,
    started_by          text NOT NULL,
    claimed_at          timestamptz,
    last_heartbeat_at   timestamptz,
    last_commit_at      timestamptz,
    completed_at        timestamptz,
    error_message       text NOT NULL,
    cancelled_by        text NOT NULL,
    cancel_reason       text NOT NULL,
    waiting_for         text NOT NULL,
    waiting_until       timestamptz,
    attempts            integer NOT NULL,
    worker              text NOT NULL,
    fence               bigint NOT NULL,
    batch_seq           bigint NOT NULL,
    cursor              text NOT NULL,
    job_id              bigint NOT NULL
);
-- At most one active session per catalog: the exclusivity of DESIGN is this index.
CREATE UNIQUE INDEX sync_sessions_one_active ON sync_sessions (catalog)
    WHERE status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING');
CREATE INDEX sync_sessions_newest ON sync_sessions (started_at DESC, id DESC);

-- Products that a session refused, with the reason.
CREATE TABLE sync_rejects (
    session_id text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    number     bigint NOT NULL,
    product_id text NOT NULL,
    reason     text NOT NULL,
    PRIMARY KEY (session_id, number)
);
