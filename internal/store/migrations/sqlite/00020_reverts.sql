-- +goose Up
-- The previous version keeps working beside this one: everything new has a default, and it can do nothing to a revert.
-- The session that a revert puts back, and the last revert of a session.
ALTER TABLE sync_sessions ADD COLUMN revert_of text NOT NULL DEFAULT '';
ALTER TABLE sync_sessions ADD COLUMN reverted_by text NOT NULL DEFAULT '';
-- Of a cancelled push out of this node: whether its target is to put back what it changed.
ALTER TABLE sync_sessions ADD COLUMN revert_wanted boolean NOT NULL DEFAULT false;

-- A process of the previous version would run a revert as a pull, too.
DROP TRIGGER sync_sessions_keep_push;
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_keep_push BEFORE UPDATE OF fence ON sync_sessions
    WHEN NEW.direction <> 'pull' AND NEW.fence <> OLD.fence AND NEW.push_fence <> NEW.fence
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
