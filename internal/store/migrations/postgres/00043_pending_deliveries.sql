-- +goose Up
-- The previous version keeps working beside this one: it only finds what it looks for sooner.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (created_at) WHERE state = 'pending';
