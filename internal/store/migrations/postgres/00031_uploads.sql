-- +goose Up
-- Files that were sent to the node to be imported, until their session has ended. They are here because every replica reaches the database: any of them may
-- run the import, and take it over. A file has the id of its session.
CREATE TABLE sync_uploads (
    id         text PRIMARY KEY,
    touched_at timestamptz NOT NULL
);
CREATE TABLE sync_upload_parts (
    upload_id text NOT NULL REFERENCES sync_uploads (id) ON DELETE CASCADE,
    n         integer NOT NULL,
    data      bytea NOT NULL,
    PRIMARY KEY (upload_id, n)
);
