-- +goose Up
-- Replicas of the previous version keep working on this schema: every new column has a default. They leave the new columns
-- alone and still write the status VALIDATING, which counts as TRANSFERRING from this version on.

-- The code of the failure that ended a FAILED session.
ALTER TABLE sync_sessions ADD COLUMN error_code text NOT NULL DEFAULT '';
-- How good a COMPLETED session was: clean, rejects, deletes_withheld or planned.
ALTER TABLE sync_sessions ADD COLUMN outcome text NOT NULL DEFAULT '';
-- How many products a session would have deleted but did not.
ALTER TABLE sync_sessions ADD COLUMN deletes_withheld bigint NOT NULL DEFAULT 0;
-- When anything last came from the source.
ALTER TABLE sync_sessions ADD COLUMN last_source_at timestamp;

-- Where the session was at two moments of the last seconds: the speed shown is the speed since the older mark. The marks
-- belong to the worker that holds marks_fence.
ALTER TABLE sync_sessions ADD COLUMN marks_fence bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_sessions ADD COLUMN mark_at timestamp;
ALTER TABLE sync_sessions ADD COLUMN mark_batches bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_sessions ADD COLUMN mark_handled bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_sessions ADD COLUMN mark_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_sessions ADD COLUMN next_mark_at timestamp;
ALTER TABLE sync_sessions ADD COLUMN next_mark_batches bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_sessions ADD COLUMN next_mark_handled bigint NOT NULL DEFAULT 0;
ALTER TABLE sync_sessions ADD COLUMN next_mark_bytes bigint NOT NULL DEFAULT 0;
