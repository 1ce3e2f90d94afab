-- +goose Up
-- The previous version keeps working beside this one, and what it writes is noted too: the triggers do it.

-- Every status that a session took, in the order in which it took them. AUTOINCREMENT: no number is given twice, not even
-- after the newest rows were deleted.
CREATE TABLE sync_transitions (
    seq        integer PRIMARY KEY AUTOINCREMENT,
    session_id text NOT NULL REFERENCES sync_sessions (id) ON DELETE CASCADE,
    status     text NOT NULL,
    at         timestamp NOT NULL
);
CREATE INDEX sync_transitions_session ON sync_transitions (session_id);

-- +goose StatementBegin
CREATE TRIGGER sync_sessions_begun AFTER INSERT ON sync_sessions
BEGIN
    INSERT INTO sync_transitions (session_id, status, at)
    VALUES (NEW.id, NEW.status, strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'));
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_moved AFTER UPDATE OF status ON sync_sessions WHEN OLD.status <> NEW.status
BEGIN
    INSERT INTO sync_transitions (session_id, status, at)
    VALUES (NEW.id, NEW.status, strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'));
END;
-- +goose StatementEnd
