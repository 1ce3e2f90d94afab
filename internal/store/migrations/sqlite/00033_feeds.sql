-- +goose Up
-- The previous version keeps working beside this one: everything new has a default.
-- How to read a peer of kind feed, and what was there when it was last brought in completely, both as JSON.
ALTER TABLE peers ADD COLUMN feed text NOT NULL DEFAULT '{}';
ALTER TABLE peers ADD COLUMN feed_seen text NOT NULL DEFAULT '{}';
-- What stands for the products of the feed that a session reads; empty until it has read them.
ALTER TABLE sync_sessions ADD COLUMN feed_state text NOT NULL DEFAULT '';
-- The fence, as set by a version that knows feeds.
ALTER TABLE sync_sessions ADD COLUMN feed_fence bigint NOT NULL DEFAULT 0;

-- A process of the previous version would ask a feed as if it were a node. Where it claims a pull from one, nothing happens, as if another had
-- been first; see sync_sessions_keep_push.
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_keep_feeds BEFORE UPDATE OF fence ON sync_sessions
    WHEN NEW.direction = 'pull' AND NEW.fence <> OLD.fence AND NEW.feed_fence <> NEW.fence
        AND EXISTS (SELECT 1 FROM peers WHERE node_id = NEW.peer_id AND kind = 'feed')
BEGIN
    SELECT RAISE(IGNORE);
END;
-- +goose StatementEnd
