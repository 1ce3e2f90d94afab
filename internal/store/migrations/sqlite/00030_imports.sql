-- +goose Up
-- The previous version keeps working beside this one: what is new has a default, and it can do nothing to an import, which it would run as a pull.
-- The fence, as set by a version that knows imports.
ALTER TABLE sync_sessions ADD COLUMN import_fence bigint NOT NULL DEFAULT 0;
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_keep_import BEFORE UPDATE OF fence ON sync_sessions
    WHEN NEW.direction = 'import' AND NEW.fence <> OLD.fence AND NEW.import_fence <> NEW.fence
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
