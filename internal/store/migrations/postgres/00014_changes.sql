-- +goose Up
-- The previous version keeps working beside this one. Its batches leave changes_through behind, and so the session says that its changes are not
-- known.
-- All changes up to this batch are kept; -1 where none are, or no longer.
ALTER TABLE sync_sessions ADD COLUMN changes_through bigint NOT NULL DEFAULT 0;
-- The dry run that the session applies, whether both sides were found to be as in it, and how they were: at the beginning of a dry run.
ALTER TABLE sync_sessions ADD COLUMN plan_id text NOT NULL DEFAULT '';
ALTER TABLE sync_sessions ADD COLUMN plan_checked boolean NOT NULL DEFAULT false;
ALTER TABLE sync_sessions ADD COLUMN source_state text NOT NULL DEFAULT '';
ALTER TABLE sync_sessions ADD COLUMN target_state text NOT NULL DEFAULT '';
CREATE INDEX sync_sessions_plan ON sync_sessions (plan_id) WHERE plan_id <> '';
CREATE INDEX sync_sessions_changes ON sync_sessions (completed_at) WHERE changes_through <> 0;

-- What sessions did to products that were here. No foreign key: that would look the session up for every row.
CREATE TABLE sync_changes (
    session_id     text NOT NULL,
    batch          bigint NOT NULL,
    product_id     text COLLATE "C" NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('created', 'updated', 'deleted')),
    -- The product as it was before, NULL where there was none.
    sku            text,
    name           text,
    price          text,
    currency       text,
    active         boolean,
    attributes     text,
    origin_node_id text,
    created_at     timestamptz,
    updated_at     timestamptz,
    -- Empty where the stored hash was not to be believed.
    hash_before    text COLLATE "C",
    -- What is different since, NULL where it is the same or the product is gone.
    new_sku            text,
    new_name           text,
    new_price          text,
    new_currency       text,
    new_active         boolean,
    new_attributes     text,
    new_origin_node_id text,
    hash_after         text COLLATE "C",
    PRIMARY KEY (session_id, batch, product_id)
);
CREATE INDEX sync_changes_history ON sync_changes (product_id);

-- The products that a batch created, all in one row: a first load must not write every product twice.
CREATE TABLE sync_creations (
    session_id text NOT NULL,
    batch      bigint NOT NULL,
    catalog    text COLLATE "C" NOT NULL,
    first_id   text COLLATE "C" NOT NULL,
    last_id    text COLLATE "C" NOT NULL,
    -- A JSON array, ascending, and 8 bytes of digest for each.
    ids        text NOT NULL,
    digests    bytea NOT NULL,
    PRIMARY KEY (session_id, batch)
);
CREATE INDEX sync_creations_history ON sync_creations (catalog, first_id, last_id);

-- +goose StatementBegin
CREATE FUNCTION sync_forget_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM sync_changes WHERE session_id = OLD.id;
    DELETE FROM sync_creations WHERE session_id = OLD.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_forget_changes AFTER DELETE ON sync_sessions FOR EACH ROW EXECUTE FUNCTION sync_forget_changes();

-- A replica of the previous version would run a dry run as a sync, and apply a plan without a look at the sides. Its batch comes to nothing, as if
-- another worker had the session. (A dry run always has changes_through at its last batch.)
-- +goose StatementBegin
CREATE FUNCTION sync_keep_dry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_keep_dry BEFORE UPDATE OF batch_seq ON sync_sessions FOR EACH ROW
    WHEN (NEW.batch_seq <> OLD.batch_seq AND (NEW.changes_through <> NEW.batch_seq AND NEW.options LIKE '%"dryRun":true%'
        OR NEW.plan_id <> '' AND NOT NEW.plan_checked))
    EXECUTE FUNCTION sync_keep_dry();
