-- +goose Up
-- The previous version keeps working beside this one: the table takes and holds the same rows as before.
-- To check a row against IN with three values, SQLite builds a list of them, and that takes longer than to write the row. Only the text of the check
-- changes, in the way that SQLite documents for changes that leave the rows as they are (ALTER TABLE, section 7): writing the table anew would take
-- minutes where it has millions of rows.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'kind IN (''created'', ''updated'', ''deleted'')', 'kind = ''created'' OR kind = ''updated'' OR kind = ''deleted''')
    WHERE type = 'table' AND name = 'sync_changes';
-- Other connections, and other processes, read the tables anew after a change of them that SQLite makes itself. This one does so because it is told to.
CREATE TABLE schema_changed (unused integer);
DROP TABLE schema_changed;
PRAGMA writable_schema = RESET;
