-- +goose Up
-- The previous version keeps working beside this one: it leaves the column at 0, which says that the order is not known.
-- When the pusher of an incoming session started it, in microseconds of the pusher's clock.
ALTER TABLE sync_sessions ADD COLUMN pusher_started bigint NOT NULL DEFAULT 0;
