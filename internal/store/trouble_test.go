package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"

	"fullsync/internal/fault"
)

// TestWhatPostgreSQLsErrorsMean goes through the classes of
// https://www.postgresql.org/docs/current/errcodes-appendix.html: what passes by itself or can be mended on the server is
// Unavailable, in a sentence; what can only be a mistake of fullsync's own is shown to nobody.
func TestWhatPostgreSQLsErrorsMean(t *testing.T) {
	t.Parallel()
	d := &postgres{}
	for code, want := range map[string]string{
		"08000": fault.CodeDatabaseUnavailable, "08001": fault.CodeDatabaseUnavailable, "08003": fault.CodeDatabaseUnavailable, "08004": fault.CodeDatabaseUnavailable,
		"08006": fault.CodeDatabaseUnavailable, "08007": fault.CodeDatabaseUnavailable, "08P01": fault.CodeDatabaseUnavailable,
		"25006": "DATABASE_READ_ONLY", "25P03": fault.CodeDatabaseUnavailable, "25P04": "DATABASE_BUSY",
		"26000": "DATABASE_SESSION_LOST", "34000": "DATABASE_SESSION_LOST", "42P05": "DATABASE_SESSION_LOST",
		"28000": "DATABASE_LOGIN", "28P01": "DATABASE_LOGIN",
		"3D000": "DATABASE_MISSING", "57P04": "DATABASE_MISSING", "3F000": "DATABASE_DENIED", "42501": "DATABASE_DENIED",
		"40000": "DATABASE_BUSY", "40001": "DATABASE_BUSY", "40P01": "DATABASE_BUSY", "40002": "DATABASE_BUSY", "40003": fault.CodeDatabaseUnavailable,
		"42703": "SCHEMA_CHANGED", "42883": "SCHEMA_CHANGED", "42P01": "SCHEMA_CHANGED",
		"53000": "DATABASE_EXHAUSTED", "53100": "DISK_FULL", "53200": "DATABASE_MEMORY", "53300": "DATABASE_CONNECTIONS",
		"53400": "DATABASE_EXHAUSTED",
		"55000": "DATABASE_BUSY", "55006": "DATABASE_BUSY", "55P03": "DATABASE_BUSY",
		"57000": fault.CodeDatabaseUnavailable, "57014": fault.CodeDatabaseUnavailable, "57P01": fault.CodeDatabaseUnavailable, "57P02": fault.CodeDatabaseUnavailable, "57P03": fault.CodeDatabaseUnavailable,
		"57P05": fault.CodeDatabaseUnavailable,
		"58000": "DATABASE_STORAGE", "58030": "DATABASE_STORAGE", "58P01": "DATABASE_STORAGE", "58P02": "DATABASE_STORAGE",
		"72000": "DATABASE_BUSY", "F0000": "DATABASE_STORAGE", "F0001": "DATABASE_STORAGE",
		"XX000": "DATABASE_DAMAGED", "XX001": "DATABASE_DAMAGED", "XX002": "DATABASE_DAMAGED",
		// Mistakes of our own.
		"03000": "", "09000": "", "0A000": "", "0B000": "", "0F000": "", "0L000": "", "0P000": "", "0Z000": "", "20000": "", "21000": "",
		"22000": "", "22021": "", "22P05": "", "23502": "", "23503": "", "23514": "", "24000": "", "25000": "", "25001": "", "25P02": "",
		"27000": "", "2B000": "", "2D000": "", "2F000": "", "38000": "", "39000": "", "3B000": "", "42601": "", "42804": "", "44000": "",
		"54000": "", "54001": "", "54011": "", "55P04": "", "HV000": "", "P0001": "", "": "",
	} {
		err := d.translate(fmt.Errorf("write: %w", &pgconn.PgError{Code: code, Message: "hunter2"}))
		checkTrouble(t, "SQLSTATE "+code, err, want)
	}
	if err := d.translate(&pgconn.PgError{Code: "23505"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a key that is there already: %v", err)
	}
	stale := &pgconn.PgError{Code: "0A000", Routine: "RevalidateCachedQuery"}
	checkTrouble(t, "a stale plan", d.translate(stale), "DATABASE_BUSY")
	for _, lost := range []error{io.ErrUnexpectedEOF, io.EOF, &pgconn.ConnectError{}, sql.ErrTxDone} {
		checkTrouble(t, fmt.Sprintf("%T", lost), d.translate(lost), fault.CodeDatabaseUnavailable)
	}
	for _, passed := range []error{nil, context.Canceled, errors.New("else")} {
		if err := d.translate(passed); !errors.Is(err, passed) || fault.KindOf(err) != fault.Internal {
			t.Errorf("%v became %v", passed, err)
		}
	}
}

// TestWhatSQLitesErrorsMean goes through the codes of https://www.sqlite.org/rescode.html.
func TestWhatSQLitesErrorsMean(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		sqlite3.SQLITE_BUSY: CodeLocked, sqlite3.SQLITE_BUSY_RECOVERY: CodeLocked, sqlite3.SQLITE_BUSY_SNAPSHOT: CodeLocked,
		sqlite3.SQLITE_LOCKED: CodeLocked, sqlite3.SQLITE_LOCKED_SHAREDCACHE: CodeLocked, sqlite3.SQLITE_PROTOCOL: CodeLocked,
		sqlite3.SQLITE_FULL: codeDiskFull, sqlite3.SQLITE_IOERR_SHMSIZE: codeDiskFull,
		sqlite3.SQLITE_IOERR: "DATABASE_STORAGE", sqlite3.SQLITE_IOERR_READ: "DATABASE_STORAGE", sqlite3.SQLITE_IOERR_SHORT_READ: "DATABASE_STORAGE",
		sqlite3.SQLITE_IOERR_WRITE: "DATABASE_STORAGE", sqlite3.SQLITE_IOERR_FSYNC: "DATABASE_STORAGE", sqlite3.SQLITE_IOERR_DATA: "DATABASE_STORAGE",
		sqlite3.SQLITE_IOERR_DELETE_NOENT: "DATABASE_STORAGE", sqlite3.SQLITE_IOERR_CORRUPTFS: "DATABASE_STORAGE", sqlite3.SQLITE_NOLFS: "DATABASE_STORAGE",
		sqlite3.SQLITE_IOERR_NOMEM: "DATABASE_MEMORY", sqlite3.SQLITE_NOMEM: "DATABASE_MEMORY",
		sqlite3.SQLITE_CANTOPEN: "DATABASE_UNUSABLE", sqlite3.SQLITE_CANTOPEN_ISDIR: "DATABASE_UNUSABLE", sqlite3.SQLITE_PERM: "DATABASE_UNUSABLE",
		sqlite3.SQLITE_AUTH:     "DATABASE_UNUSABLE",
		sqlite3.SQLITE_READONLY: "DATABASE_READ_ONLY", sqlite3.SQLITE_READONLY_DIRECTORY: "DATABASE_READ_ONLY",
		sqlite3.SQLITE_READONLY_DBMOVED: "DATABASE_MOVED",
		sqlite3.SQLITE_CORRUPT:          "DATABASE_DAMAGED", sqlite3.SQLITE_CORRUPT_INDEX: "DATABASE_DAMAGED", sqlite3.SQLITE_NOTADB: "DATABASE_DAMAGED",
		sqlite3.SQLITE_FORMAT: "DATABASE_DAMAGED", sqlite3.SQLITE_INTERRUPT: fault.CodeDatabaseUnavailable, sqlite3.SQLITE_SCHEMA: "DATABASE_BUSY",
		// Mistakes of our own.
		sqlite3.SQLITE_ERROR: "", sqlite3.SQLITE_INTERNAL: "", sqlite3.SQLITE_TOOBIG: "", sqlite3.SQLITE_MISMATCH: "", sqlite3.SQLITE_MISUSE: "",
		sqlite3.SQLITE_RANGE: "", sqlite3.SQLITE_CONSTRAINT_CHECK: "", sqlite3.SQLITE_CONSTRAINT_NOTNULL: "",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			found, ok := sqliteTroubleOf(code)
			if ok != (want != "") || found.code != want {
				t.Errorf("means %q, want %q", found.code, want)
			}
			if ok {
				checkTrouble(t, fmt.Sprint(code), found.because(errors.New("hunter2")), want)
			}
		})
	}
	d := &sqlite{}
	for _, late := range []error{context.DeadlineExceeded, sql.ErrTxDone} {
		checkTrouble(t, "a deadline", d.translate(fmt.Errorf("wait: %w", late)), fault.CodeDatabaseUnavailable)
	}
}

// checkTrouble checks that err is Unavailable with that code and a sentence, or Internal where the code is "".
func checkTrouble(t *testing.T, what string, err error, code string) {
	t.Helper()
	kind := fault.Unavailable
	if code == "" {
		kind = fault.Internal
	}
	text := fault.Sentence(err, "")
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("%s is %q of kind %v, want %q of kind %v", what, fault.CodeOf(err), fault.KindOf(err), code, kind)
	}
	if code != "" && (!strings.HasSuffix(text, ".") || strings.Contains(text, "hunter2")) {
		t.Errorf("%s says %q", what, text)
	}
}

// TestWhichServersAreTaken judges servers by what they say of themselves.
func TestWhichServersAreTaken(t *testing.T) {
	t.Parallel()
	for version, word := range map[string]string{
		"PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc":        "",
		"PostgreSQL 13.4, compiled by Visual C++ build 1914, 64-bit":                               "",
		"PostgreSQL 16.1 (EnterpriseDB Advanced Server 16.1.0) on x86_64":                          "",
		"CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27 01:53:43, go1.19.10)":     "CockroachDB",
		"PostgreSQL 11.2-YB-2.19.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 15.0.3":  "YugabyteDB",
		"PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.592": "Redshift",
		"PostgreSQL 9.4.26 (Greenplum Database 6.25.3 build commit:367edc6b4d) on x86_64":          "Greenplum",
	} {
		err := checkProduct(version)
		if (err != nil) != (word != "") || err != nil && !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", version, err)
		}
	}
	for number, taken := range map[string]bool{"130000": true, "150018": true, "180001": true, "120022": false, "90624": false, "": false} {
		err := checkServer(number, "UTF8")
		if taken != (err == nil) || !taken && !strings.Contains(fault.Sentence(err, ""), "13 or newer") {
			t.Errorf("version %s: %v", number, err)
		}
	}
	if err := checkServer("120022", "UTF8"); !strings.Contains(fault.Sentence(err, ""), "PostgreSQL 12,") {
		t.Error(err)
	}
	if err := checkServer("90624", "UTF8"); !strings.Contains(fault.Sentence(err, ""), "PostgreSQL 9.6,") {
		t.Error(err)
	}
}
