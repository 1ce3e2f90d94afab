-- +goose Up
-- The previous version keeps working beside this one: everything new has a default. What it writes to a product is no longer what came.
-- Fields that pulls from a peer keep as they are here, as a JSON list.
ALTER TABLE peers ADD COLUMN keep_fields text NOT NULL DEFAULT '[]';
-- Those of a session, from its first claim on; null until then.
ALTER TABLE sync_sessions ADD COLUMN keep_fields text NOT NULL DEFAULT 'null';
-- The fence, as set by a version that knows them.
ALTER TABLE sync_sessions ADD COLUMN keep_fence bigint NOT NULL DEFAULT 0;

-- What the source has in kept fields that are different here, and the digest of the product as it came: both null where a product is as it came.
ALTER TABLE products ADD COLUMN theirs text;
ALTER TABLE products ADD COLUMN their_digest bigint;
CREATE INDEX products_theirs ON products (catalog, id) WHERE their_digest IS NOT NULL;

-- The fields that theirs may mention in the products of a catalog, as a JSON list.
CREATE TABLE kept_fields (catalog text PRIMARY KEY, fields text NOT NULL);

-- Whoever changes a product without saying anew what came leaves nothing behind that says it. What products_changed does counts too.
-- +goose StatementBegin
CREATE TRIGGER products_changed_theirs AFTER UPDATE ON products
    WHEN NEW.their_digest IS NOT NULL AND (NEW.digest IS NULL OR NEW.theirs IS NULL OR NEW.catalog <> OLD.catalog
        OR (NEW.their_digest IS OLD.their_digest) <> (NEW.hash = OLD.hash AND NEW.theirs IS OLD.theirs))
        OR NEW.their_digest IS NULL AND NEW.theirs IS NOT NULL
BEGIN
    UPDATE products SET theirs = NULL, their_digest = NULL WHERE catalog = NEW.catalog AND id = NEW.id;
END;
-- +goose StatementEnd

-- A process of the previous version would overwrite fields that are kept. Where it claims a pull from a peer that has some, nothing happens, as
-- if another had been first; see sync_sessions_keep_push.
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_keep_fields BEFORE UPDATE OF fence ON sync_sessions
    WHEN NEW.direction = 'pull' AND NEW.fence <> OLD.fence AND NEW.keep_fence <> NEW.fence
        AND EXISTS (SELECT 1 FROM peers WHERE node_id = NEW.peer_id AND keep_fields NOT IN ('[]', 'null'))
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
