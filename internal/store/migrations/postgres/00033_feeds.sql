-- +goose Up
-- The previous version keeps working beside this one: everything new has a default.
-- How to read a peer of kind feed, and what was there when it was last brought in completely, both as JSON.
ALTER TABLE peers ADD COLUMN feed text NOT NULL DEFAULT '{}';
ALTER TABLE peers ADD COLUMN feed_seen text NOT NULL DEFAULT '{}';
-- What stands for the products of the feed that a session reads; empty until it has read them.
ALTER TABLE sync_sessions ADD COLUMN feed_state text NOT NULL DEFAULT '';
-- The fence, as set by a version that knows feeds.
ALTER TABLE sync_sessions ADD COLUMN feed_fence bigint NOT NULL DEFAULT 0;

-- A replica of the previous version would ask a feed as if it were a node. Where it claims a pull from one, nothing happens, as if another had
-- been first; see sync_sessions_keep_push.
-- +goose StatementBegin
CREATE FUNCTION sync_keep_feeds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM peers WHERE node_id = NEW.peer_id AND kind = 'feed') THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_keep_feeds BEFORE UPDATE OF fence ON sync_sessions FOR EACH ROW
    WHEN (NEW.direction = 'pull' AND NEW.fence <> OLD.fence AND NEW.feed_fence <> NEW.fence)
    EXECUTE FUNCTION sync_keep_feeds();
