-- +goose Up
-- The previous version keeps working beside this one as long as nobody rotates the secret: it knows only the one that it was started with.
-- While a secret is being replaced, each of the two opens the other: a replica with either of them finds both.
CREATE TABLE secret_links (
    -- The marks of the secret that opens this row, and of the one that is sealed in it.
    opener     text NOT NULL,
    mark       text NOT NULL,
    sealed     blob NOT NULL,
    -- Until when the older of the two is good; null until the newer one is in use.
    retires_at timestamp,
    PRIMARY KEY (opener, mark)
);
