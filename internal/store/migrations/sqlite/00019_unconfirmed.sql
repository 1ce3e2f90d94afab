-- +goose Up
-- A replica that knows no pushes cancels one without noting that its target must be told. This does it, whoever cancels.
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_unconfirmed_push AFTER UPDATE OF status ON sync_sessions
    WHEN NEW.status = 'CANCELLED' AND NEW.direction = 'push' AND NOT NEW.incoming AND NEW.target_confirmed IS NULL
BEGIN
    UPDATE sync_sessions SET target_confirmed = false WHERE id = NEW.id;
END;
-- +goose StatementEnd
