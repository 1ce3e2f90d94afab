-- +goose Up
-- The previous version keeps working beside this one. It writes down only the cancels, without where they came from.
CREATE TABLE audit_log (
    id         integer PRIMARY KEY AUTOINCREMENT,
    at         timestamp NOT NULL,
    -- Who did it, how they are known, and from where they asked.
    actor      text NOT NULL,
    kind       text NOT NULL,
    address    text NOT NULL,
    request_id text NOT NULL,
    -- What was done, and to what.
    action     text NOT NULL,
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
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows: entries cannot be changed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    WHEN OLD.at >= strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', '-30 days')
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows: entries cannot be removed before they are 30 days old');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE removes a row without asking the trigger above.
-- +goose StatementBegin
CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows: entries cannot be replaced');
END;
-- +goose StatementEnd

-- Where a cancel came from: a JSON object of kind, address and requestId, or empty. A cancel is one statement and must stay so; the trigger writes
-- it down.
ALTER TABLE sync_sessions ADD COLUMN cancelled_from text NOT NULL DEFAULT '';
-- +goose StatementBegin
CREATE TRIGGER sync_sessions_audit_cancel AFTER UPDATE OF status ON sync_sessions
    WHEN NEW.status = 'CANCELLED' AND OLD.status <> 'CANCELLED'
BEGIN
    INSERT INTO audit_log (at, actor, kind, address, request_id, action, target, before, after)
    SELECT strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'), NEW.cancelled_by, coalesce(came ->> 'kind', 'system'), coalesce(came ->> 'address', ''),
        coalesce(came ->> 'requestId', ''), 'sync.cancelled', NEW.id, json_object('status', OLD.status),
        json_object('status', NEW.status, 'catalog', NEW.catalog, 'reason', NEW.cancel_reason)
    FROM (SELECT coalesce(nullif(NEW.cancelled_from, ''), '{}') AS came);
END;
-- +goose StatementEnd
