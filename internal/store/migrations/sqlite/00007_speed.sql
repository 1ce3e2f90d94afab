-- +goose Up
-- The previous version keeps working beside this one, and what it writes is counted too: the triggers do it. Only its
-- listings of a very long history are slow until it is replaced.

-- Listings: the newest of one status, also of one catalog, one peer, or both. What is asked for is one text, so that no other
-- index can seem to do as well.
CREATE INDEX sync_sessions_by_status ON sync_sessions (status, started_at DESC, id DESC);
CREATE INDEX sync_sessions_by_catalog ON sync_sessions ((catalog || ' ' || status), started_at DESC, id DESC);
CREATE INDEX sync_sessions_by_peer ON sync_sessions ((peer_id || ' ' || status), started_at DESC, id DESC);
CREATE INDEX sync_sessions_by_catalog_peer ON sync_sessions ((catalog || ' ' || peer_id || ' ' || status), started_at DESC, id DESC);
-- The last one of each catalog.
CREATE INDEX sync_sessions_last ON sync_sessions (catalog, started_at DESC, id DESC)
    WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED');
DROP INDEX sync_sessions_newest;

-- Figures: what the history holds and what its sessions did, so that nobody has to count them. Whatever changes a session adds
-- rows here; the upkeep adds them up.
CREATE TABLE sync_tallies (
    seq       integer PRIMARY KEY,
    -- The full hour in which the sessions ended; a day or everything before, once it was added up.
    hour      timestamp NOT NULL,
    status    text NOT NULL,
    direction text NOT NULL,
    peer_id   text NOT NULL,
    -- Finished sessions that came into the history, less those that were deleted from it.
    kept      bigint NOT NULL,
    -- Sessions that ended, and what they did.
    ended     bigint NOT NULL,
    processed bigint NOT NULL,
    rejected  bigint NOT NULL,
    bytes     bigint NOT NULL
);
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_tally_inserted AFTER INSERT ON sync_sessions WHEN NEW.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
BEGIN
    INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
    VALUES (strftime('%Y-%m-%d %H:00:00.000+00:00', COALESCE(NEW.completed_at, NEW.started_at)), NEW.status, NEW.direction, NEW.peer_id, 1, 1,
        NEW.transferred_records + NEW.deleted_records, NEW.rejected_records, NEW.transferred_bytes);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_tally_deleted AFTER DELETE ON sync_sessions WHEN OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
BEGIN
    INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
    VALUES ('1970-01-01 00:00:00.000+00:00', OLD.status, '', '', -1, 0, 0, 0, 0);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_tally_moved AFTER UPDATE OF status ON sync_sessions WHEN OLD.status <> NEW.status
BEGIN
    INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
    SELECT '1970-01-01 00:00:00.000+00:00', OLD.status, '', '', -1, 0, 0, 0, 0
    WHERE OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED');
    INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
    SELECT strftime('%Y-%m-%d %H:00:00.000+00:00', COALESCE(NEW.completed_at, 'now')), NEW.status, NEW.direction, NEW.peer_id, 1, 1,
        NEW.transferred_records + NEW.deleted_records, NEW.rejected_records, NEW.transferred_bytes
    WHERE NEW.status IN ('COMPLETED', 'FAILED', 'CANCELLED');
END;
-- +goose StatementEnd
INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
SELECT strftime('%Y-%m-%d %H:00:00.000+00:00', COALESCE(completed_at, started_at)), status, direction, peer_id, count(*), count(*),
    sum(transferred_records + deleted_records), sum(rejected_records), sum(transferred_bytes)
FROM sync_sessions WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED') GROUP BY 1, 2, 3, 4;

-- When the peer is to be asked next whether it is there. Whoever asks moves it on first.
ALTER TABLE peers ADD COLUMN check_at timestamp NOT NULL DEFAULT '1970-01-01 00:00:00.000+00:00';
