-- +goose Up
-- The previous version keeps working beside this one: everything new is in tables of its own. It only does not look
-- whether the token of a login has ended, so replace its replicas before anything depends on that.
CREATE TABLE users (
    id                  text PRIMARY KEY,
    -- As it was given; name_key is the same in lower case, by which it is found.
    name                text NOT NULL,
    name_key            text COLLATE "C" NOT NULL UNIQUE,
    role                text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    -- A PHC string: algorithm, parameters, salt and hash.
    password_hash       text NOT NULL,
    disabled            boolean NOT NULL DEFAULT false,
    -- Tokens carry the generation they were made in and hold only in that one.
    generation          bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    last_login_at       timestamptz
);

-- Tokens whose users signed out, until they would have expired.
CREATE TABLE ended_tokens (
    token_id   text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ended_tokens_expires_at ON ended_tokens (expires_at);

-- Logins that were tried without success, per name and per address.
CREATE TABLE login_attempts (
    -- 'address:…', or 'name:…' with a hash: people type passwords into the wrong field.
    subject    text PRIMARY KEY,
    failures   integer NOT NULL,
    last_at    timestamptz NOT NULL,
    wait_until timestamptz NOT NULL
);
CREATE INDEX login_attempts_last_at ON login_attempts (last_at);
