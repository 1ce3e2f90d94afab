-- +goose Up
-- A replica that knows no pushes cancels one without noting that its target must be told. This does it, whoever cancels.
-- +goose StatementBegin
CREATE FUNCTION sync_unconfirmed_push() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.target_confirmed := false;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_unconfirmed_push BEFORE UPDATE OF status ON sync_sessions FOR EACH ROW
    WHEN (NEW.status = 'CANCELLED' AND NEW.direction = 'push' AND NOT NEW.incoming AND NEW.target_confirmed IS NULL)
    EXECUTE FUNCTION sync_unconfirmed_push();
