-- +goose Up
-- The previous version keeps working beside this one: what it writes has no digest, and so counts as different from
-- everything until this version has read it again.

-- The first 64 bits of the content hash, by which spans of products are compared. NULL: the stored hash is not to be
-- believed, because something else than this version changed the row.
ALTER TABLE products ADD COLUMN digest bigint;
CREATE INDEX products_undigested ON products (catalog, id) WHERE digest IS NULL;

-- Nobody who changes a product without its digest (SQL by hand, a replica of the previous version) leaves a digest behind,
-- and nobody can give another digest to a hash that stays the same.
-- +goose StatementBegin
CREATE FUNCTION products_distrust() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.digest := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER products_changed BEFORE UPDATE ON products FOR EACH ROW
    WHEN (NEW.digest = OLD.digest AND (NEW.hash <> OLD.hash OR NEW.id <> OLD.id OR NEW.sku <> OLD.sku OR NEW.name <> OLD.name
            OR NEW.price <> OLD.price OR NEW.currency <> OLD.currency OR NEW.active <> OLD.active OR NEW.attributes <> OLD.attributes)
        OR NEW.digest <> OLD.digest AND NEW.hash = OLD.hash)
    EXECUTE FUNCTION products_distrust();
