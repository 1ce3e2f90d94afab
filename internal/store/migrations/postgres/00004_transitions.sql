-- +goose Up
-- The previous version keeps working beside this one, and what it writes is noted too: the triggers do it.

-- Every status that a session took, in the order in which it took them.
CREATE TABLE sync_transitions (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    status     text NOT NULL,
    at         timestamptz NOT NULL
);
CREATE INDEX sync_transitions_session ON sync_transitions (session_id);

-- +goose StatementBegin
CREATE FUNCTION sync_note_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sync_transitions (session_id, status, at) VALUES (NEW.id, NEW.status, clock_timestamp());
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_begun AFTER INSERT ON sync_sessions
    FOR EACH ROW EXECUTE FUNCTION sync_note_transition();
CREATE TRIGGER sync_sessions_moved AFTER UPDATE OF status ON sync_sessions
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION sync_note_transition();
