package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"fullsync/internal/fault"
)

// CodeLocked is the code of the fault that another process does not let go of the SQLite file; [LockHolder] names it.
const CodeLocked = "DATABASE_LOCKED"

// codeDiskFull is the code of the fault that the disk of the database is full.
const codeDiskFull = "DISK_FULL"

// The kinds of trouble of the SQLite file.
var (
	troubleFull = trouble{codeDiskFull, "Disk full",
		fmt.Sprintf("The disk that holds the SQLite file is full. Free at least %d MiB there; nothing has to be restarted.", neededRoom>>20)}
	troubleMoved = trouble{"DATABASE_MOVED", "Database moved",
		"The SQLite file that this process opened is no longer in the data directory. Put it back or restore a backup, then start the node again."}
)

// sqliteTrouble is what each error of SQLite means, by its extended result code or the lowest byte of it, which is the primary
// one; see https://www.sqlite.org/rescode.html. What is not here is a mistake of fullsync's own.
func sqliteTrouble() map[int]trouble {
	locked := trouble{CodeLocked, "Database locked",
		"Another process holds the SQLite file in the data directory and does not let go. End that process, or try again."}
	unusable := trouble{"DATABASE_UNUSABLE", "Database unusable",
		"The SQLite file in the data directory cannot be opened. Check that the directory is there and belongs to this user, and check FULLSYNC_DATA_DIR."}
	readOnly := trouble{"DATABASE_READ_ONLY", "Database read-only",
		"The SQLite file in the data directory may not be written. Give this user the right to write to it and to its directory, or mount the disk for writing."}
	damaged := trouble{"DATABASE_DAMAGED", "Database damaged",
		"The SQLite file in the data directory is damaged, or is no database. Restore a backup."}
	storage := trouble{"DATABASE_STORAGE", "Database storage failed",
		"The disk that holds the SQLite file reports errors: it may be broken, over its quota, or gone. Check it, and the system's log."}
	memory := trouble{"DATABASE_MEMORY", "Out of memory", "There was no memory left for the database. Give this process more, or less to do."}
	return map[int]trouble{
		sqlite3.SQLITE_BUSY:             locked,
		sqlite3.SQLITE_LOCKED:           locked,
		sqlite3.SQLITE_PROTOCOL:         locked,
		sqlite3.SQLITE_FULL:             troubleFull,
		sqlite3.SQLITE_IOERR_SHMSIZE:    troubleFull, // only a full disk keeps the shared index from growing
		sqlite3.SQLITE_IOERR:            storage,
		sqlite3.SQLITE_IOERR_NOMEM:      memory,
		sqlite3.SQLITE_NOMEM:            memory,
		sqlite3.SQLITE_CANTOPEN:         unusable,
		sqlite3.SQLITE_PERM:             unusable,
		sqlite3.SQLITE_AUTH:             unusable,
		sqlite3.SQLITE_READONLY:         readOnly,
		sqlite3.SQLITE_READONLY_DBMOVED: troubleMoved,
		sqlite3.SQLITE_CORRUPT:          damaged,
		sqlite3.SQLITE_NOTADB:           damaged,
		sqlite3.SQLITE_FORMAT:           damaged,
		sqlite3.SQLITE_NOLFS:            storage,
		sqlite3.SQLITE_INTERRUPT:        troubleAway, // the caller's patience ended
		sqlite3.SQLITE_SCHEMA:           troubleBusy, // another process changed it just now
	}
}

// translate turns what the driver returns into faults, where it is one that callers tell apart.
func (*sqlite) translate(err error) error {
	var f *fault.Error
	var lite *sqlitedriver.Error
	switch {
	case err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, sql.ErrTxDone): // database/sql rolls back at a deadline
		return troubleAway.because(err)
	case !errors.As(err, &lite):
		return err
	}
	switch lite.Code() {
	case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return duplicate(err)
	}
	if t, ok := sqliteTroubleOf(lite.Code()); ok {
		return t.because(err)
	}
	return err
}

// sqliteTroubleOf returns what a result code means, ok false where it is a mistake of our own.
func sqliteTroubleOf(code int) (t trouble, ok bool) {
	table := sqliteTrouble()
	if t, ok = table[code]; !ok {
		t, ok = table[code&0xff]
	}
	return t, ok
}
