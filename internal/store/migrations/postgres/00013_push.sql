-- +goose Up
-- The previous version keeps working beside this one: everything new has a default, and it can do nothing to a push.
-- A session that a peer pushes into this node, by whose token, and the fence that its worker has over there.
ALTER TABLE sync_sessions ADD COLUMN incoming boolean NOT NULL DEFAULT false;
ALTER TABLE sync_sessions ADD COLUMN pushed_by text NOT NULL DEFAULT '';
ALTER TABLE sync_sessions ADD COLUMN pusher_fence bigint NOT NULL DEFAULT 0;
-- How long its pusher may be silent.
ALTER TABLE sync_sessions ADD COLUMN lease_seconds integer NOT NULL DEFAULT 0;
-- How many products it may delete; null until the guard has decided.
ALTER TABLE sync_sessions ADD COLUMN deletes_allowed bigint;
-- Of a push out of this node that was cancelled: whether its target has confirmed that.
ALTER TABLE sync_sessions ADD COLUMN target_confirmed boolean;
-- The fence, as set by a version that knows pushes.
ALTER TABLE sync_sessions ADD COLUMN push_fence bigint NOT NULL DEFAULT 0;

-- A catalog has one session that writes it here, and any number of pushes out of it, one for each target.
DROP INDEX sync_sessions_one_active;
CREATE UNIQUE INDEX sync_sessions_one_writer ON sync_sessions (catalog)
    WHERE status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING') AND (direction <> 'push' OR incoming);
CREATE UNIQUE INDEX sync_sessions_one_push ON sync_sessions (catalog, peer_id)
    WHERE status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING') AND direction = 'push' AND NOT incoming;
CREATE INDEX sync_sessions_active_catalog ON sync_sessions (catalog)
    WHERE status IN ('PREPARING', 'TRANSFERRING', 'VALIDATING');
CREATE INDEX sync_sessions_unconfirmed ON sync_sessions (completed_at) WHERE NOT target_confirmed;

-- A replica of the previous version would run a push as a pull, in the wrong direction. Whatever claims one, hands it over or takes it from
-- a lost worker raises the fence; where that does not come from a version that knows pushes, nothing happens, as if another had been first.
-- +goose StatementBegin
CREATE FUNCTION sync_keep_push() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_keep_push BEFORE UPDATE OF fence ON sync_sessions FOR EACH ROW
    WHEN (NEW.direction = 'push' AND NEW.fence <> OLD.fence AND NEW.push_fence <> NEW.fence)
    EXECUTE FUNCTION sync_keep_push();
