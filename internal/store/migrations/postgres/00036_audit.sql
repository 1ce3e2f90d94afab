-- +goose Up
-- The previous version keeps working beside this one. It writes down only the cancels, without where they came from.
CREATE TABLE audit_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    -- Who did it, how they are known, and from where they asked.
    actor      text NOT NULL,
    kind       text NOT NULL,
    address    text NOT NULL,
    request_id text NOT NULL,
    -- What was done, and to what.
    action     text COLLATE "C" NOT NULL,
    target     text NOT NULL,
    -- JSON objects without secrets, or empty.
    before     text NOT NULL,
    after      text NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_actor ON audit_log (actor, id);
CREATE INDEX audit_log_action ON audit_log (action, id);
CREATE INDEX audit_log_target ON audit_log (target, id);

-- The log only grows. What is younger than thirty days cannot be removed by anybody.
-- +goose StatementBegin
CREATE FUNCTION audit_log_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < clock_timestamp() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log only grows: entries cannot be changed, and not removed before they are 30 days old';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_log_keep BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_keep();
CREATE TRIGGER audit_log_keep_all BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_keep();

-- Where a cancel came from: a JSON object of kind, address and requestId, or empty. A cancel is one statement and must stay so; the trigger writes
-- it down.
ALTER TABLE sync_sessions ADD COLUMN cancelled_from text NOT NULL DEFAULT '';
-- +goose StatementBegin
CREATE FUNCTION sync_audit_cancel() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came jsonb := coalesce(nullif(NEW.cancelled_from, ''), '{}')::jsonb;
BEGIN
    INSERT INTO audit_log (at, actor, kind, address, request_id, action, target, before, after)
    VALUES (clock_timestamp(), NEW.cancelled_by, coalesce(came ->> 'kind', 'system'), coalesce(came ->> 'address', ''), coalesce(came ->> 'requestId', ''),
        'sync.cancelled', NEW.id, json_build_object('status', OLD.status)::text,
        json_build_object('status', NEW.status, 'catalog', NEW.catalog, 'reason', NEW.cancel_reason)::text);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sync_sessions_audit_cancel AFTER UPDATE OF status ON sync_sessions FOR EACH ROW
    WHEN (NEW.status = 'CANCELLED' AND OLD.status <> 'CANCELLED') EXECUTE FUNCTION sync_audit_cancel();
