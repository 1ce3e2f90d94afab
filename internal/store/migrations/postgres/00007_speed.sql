-- +goose NO TRANSACTION
-- +goose Up
-- The previous version keeps working beside this one, and what it writes is counted too: the triggers do it. Only its
-- listings of a very long history are slow until it is replaced.
--
-- Each statement commits by itself, so that sessions are held up for one of them at a time: a second or two where the history
-- holds a million. None of them minds being run again. CREATE INDEX CONCURRENTLY would hold up nobody, but it waits for every
-- statement that is under way, and a replica that waits for the lock of the migrations has one.

-- Listings: the newest of one status, also of one catalog, one peer, or both. What is asked for is one text, so that no other
-- index can seem to do as well.
CREATE INDEX IF NOT EXISTS sync_sessions_by_status ON sync_sessions (status, started_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS sync_sessions_by_catalog ON sync_sessions ((catalog || ' ' || status), started_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS sync_sessions_by_peer ON sync_sessions ((peer_id || ' ' || status), started_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS sync_sessions_by_catalog_peer ON sync_sessions ((catalog || ' ' || peer_id || ' ' || status), started_at DESC, id DESC);
-- The last one of each catalog.
CREATE INDEX IF NOT EXISTS sync_sessions_last ON sync_sessions (catalog, started_at DESC, id DESC)
    WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED');
DROP INDEX IF EXISTS sync_sessions_newest;

-- Figures: what the history holds and what its sessions did, so that nobody has to count them. Whatever changes a session adds
-- rows here and never changes one: a common row would be a lock that sessions wait for. The upkeep adds them up.
-- +goose StatementBegin
DO $$
BEGIN
    IF to_regclass('sync_tallies') IS NOT NULL THEN
        RETURN;
    END IF;
    LOCK TABLE sync_sessions IN SHARE ROW EXCLUSIVE MODE;
    CREATE TABLE sync_tallies (
        seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        -- The full hour in which the sessions ended; a day or everything before, once it was added up.
        hour      timestamptz NOT NULL,
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
    CREATE FUNCTION sync_tally_inserted() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
        SELECT date_trunc('hour', COALESCE(completed_at, started_at), 'UTC'), status, direction, peer_id, count(*), count(*),
            sum(transferred_records + deleted_records), sum(rejected_records), sum(transferred_bytes)
        FROM changed WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED') GROUP BY 1, 2, 3, 4;
        RETURN NULL;
    END
    $body$;
    CREATE FUNCTION sync_tally_deleted() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
        SELECT 'epoch', status, '', '', -count(*), 0, 0, 0, 0
        FROM changed WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED') GROUP BY status;
        RETURN NULL;
    END
    $body$;
    CREATE FUNCTION sync_tally_moved() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        IF OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED') THEN
            INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
            VALUES ('epoch', OLD.status, '', '', -1, 0, 0, 0, 0);
        END IF;
        IF NEW.status IN ('COMPLETED', 'FAILED', 'CANCELLED') THEN
            INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
            VALUES (date_trunc('hour', COALESCE(NEW.completed_at, clock_timestamp()), 'UTC'), NEW.status, NEW.direction, NEW.peer_id, 1, 1,
                NEW.transferred_records + NEW.deleted_records, NEW.rejected_records, NEW.transferred_bytes);
        END IF;
        RETURN NULL;
    END
    $body$;
    CREATE TRIGGER sync_sessions_tally_inserted AFTER INSERT ON sync_sessions REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION sync_tally_inserted();
    CREATE TRIGGER sync_sessions_tally_deleted AFTER DELETE ON sync_sessions REFERENCING OLD TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION sync_tally_deleted();
    CREATE TRIGGER sync_sessions_tally_moved AFTER UPDATE OF status ON sync_sessions
        FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION sync_tally_moved();
    INSERT INTO sync_tallies (hour, status, direction, peer_id, kept, ended, processed, rejected, bytes)
    SELECT date_trunc('hour', COALESCE(completed_at, started_at), 'UTC'), status, direction, peer_id, count(*), count(*),
        sum(transferred_records + deleted_records), sum(rejected_records), sum(transferred_bytes)
    FROM sync_sessions WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED') GROUP BY 1, 2, 3, 4;
END
$$;
-- +goose StatementEnd

-- When the peer is to be asked next whether it is there. Whoever asks moves it on first, so that one replica does.
ALTER TABLE peers ADD COLUMN IF NOT EXISTS check_at timestamptz NOT NULL DEFAULT 'epoch';
