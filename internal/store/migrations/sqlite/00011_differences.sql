-- +goose Up
-- The previous version keeps working beside this one: everything new has a default or a table of its own.
-- Products whose stored hash a verification found wrong and put right.
ALTER TABLE sync_sessions ADD COLUMN repaired_records bigint NOT NULL DEFAULT 0;
-- Why every product was read instead of comparing first; empty where the sides were compared.
ALTER TABLE sync_sessions ADD COLUMN read_whole text NOT NULL DEFAULT '';
-- What a verification says of both sides, as JSON; empty without one.
ALTER TABLE sync_sessions ADD COLUMN certificate text NOT NULL DEFAULT '';

-- Products that a session found to be missing at their source, and what became of each.
CREATE TABLE sync_deletes (
    session_id text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    product_id text NOT NULL,
    -- The content that the product had then: only that is deleted.
    hash       text NOT NULL,
    state      text NOT NULL CHECK (state IN ('proposed', 'deleted', 'kept', 'withheld')),
    PRIMARY KEY (session_id, product_id)
);
