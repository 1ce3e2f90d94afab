-- +goose Up
-- The previous version keeps working beside this one: the tokens listed here verify there too. It only does not look whether
-- one was revoked, so replace its replicas before anything depends on that.
CREATE TABLE api_tokens (
    -- The token's own id (jti).
    id               text PRIMARY KEY,
    -- What it is for; it shows as who started and cancelled.
    name             text NOT NULL,
    role             text NOT NULL,
    -- The SHA-256 of the token. The token itself is shown once and kept nowhere.
    hash             bytea NOT NULL UNIQUE,
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    -- When and from where it was used last, as of a few seconds ago, and the node that the caller said it was.
    last_used_at     timestamptz,
    last_used_from   text NOT NULL DEFAULT '',
    last_used_by     text NOT NULL DEFAULT '',
    revoked_at       timestamptz,
    revoked_by       text NOT NULL DEFAULT ''
);
