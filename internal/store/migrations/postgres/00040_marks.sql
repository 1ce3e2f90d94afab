-- +goose Up
-- The previous version keeps working beside this one: it neither knows nor misses any of this.
-- The history of this database: a mark a minute. Who holds a mark that is not in it has seen another history of the node.
CREATE TABLE node_marks (
    n    bigint PRIMARY KEY,
    mark text NOT NULL,
    at   timestamptz NOT NULL
);
-- The newest mark that this node has seen of a peer, and when the peer's history last turned out to be another one.
ALTER TABLE peers ADD COLUMN seen_mark text NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN forked_at timestamptz;
