-- +goose Up
-- The previous version keeps working beside this one: everything new has a default. What it writes to a product is no longer what came.
-- Fields that pulls from a peer keep as they are here, as a JSON list.
ALTER TABLE peers ADD COLUMN keep_fields text NOT NULL DEFAULT '[]';
-- Those of a session, from its first claim on; null until then.
ALTER TABLE sync_sessions ADD COLUMN keep_fields text NOT NULL DEFAULT 'null';
-- The fence, as set by a version that knows them.
ALTER TABLE sync_sessions ADD COLUMN keep_fence bigint NOT NULL DEFAULT 0;

-- What the source has in kept fields that are different here, and the digest of the product as it came: both null where a product is as it came.
ALTER TABLE products ADD COLUMN theirs text COLLATE "C";
ALTER TABLE products ADD COLUMN their_digest bigint;
CREATE INDEX products_theirs ON products (catalog, id) WHERE their_digest IS NOT NULL;
CREATE UNIQUE INDEX products_both ON products (catalog, id) INCLUDE (digest, their_digest);
ALTER TABLE products DROP CONSTRAINT products_pkey, ADD CONSTRAINT products_pkey PRIMARY KEY USING INDEX products_both;

-- The fields that theirs may mention in the products of a catalog, as a JSON list.
CREATE TABLE kept_fields (catalog text COLLATE "C" PRIMARY KEY, fields text NOT NULL);

-- Whoever changes a product without saying anew what came leaves nothing behind that says it; see products_changed, which comes first.
-- +goose StatementBegin
CREATE FUNCTION products_forget_theirs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.theirs := NULL;
    NEW.their_digest := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER products_changed_theirs BEFORE UPDATE ON products FOR EACH ROW
    WHEN (NEW.their_digest IS NOT NULL AND (NEW.digest IS NULL OR NEW.theirs IS NULL OR NEW.catalog <> OLD.catalog
        OR (NEW.their_digest IS NOT DISTINCT FROM OLD.their_digest) <> (NEW.hash = OLD.hash AND NEW.theirs IS NOT DISTINCT FROM OLD.theirs))
        OR NEW.their_digest IS NULL AND NEW.theirs IS NOT NULL)
    EXECUTE FUNCTION products_forget_theirs();

-- A replica of the previous version would overwrite fields that are kept. Where it claims a pull from a peer that has some, nothing happens, as
-- if another had been first; see sync_sessions_keep_push.
-- +goose StatementBegin
CREATE FUNCTION sync_keep_fields() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM peers WHERE node_id = NEW.peer_id AND keep_fields NOT IN ('[]', 'null')) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_keep_fields BEFORE UPDATE OF fence ON sync_sessions FOR EACH ROW
    WHEN (NEW.direction = 'pull' AND NEW.fence <> OLD.fence AND NEW.keep_fence <> NEW.fence)
    EXECUTE FUNCTION sync_keep_fields();
