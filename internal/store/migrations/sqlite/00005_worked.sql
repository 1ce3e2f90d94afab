-- +goose Up
-- The previous version keeps working beside this one. Its claims leave this column and claimed_at as they are, and the
-- speeds that it shows of a session with several workers are not right until it is replaced.
-- From this version on, claimed_at is the claim of the present worker and no longer the first one, and this is how many
-- milliseconds the workers before it have worked, each from its claim to its last commit.
ALTER TABLE sync_sessions ADD COLUMN worked_before_ms bigint NOT NULL DEFAULT 0;
