// Package sqlite3 stands in for github.com/mattn/go-sqlite3, which gorm.io/driver/sqlite imports only to
// register a C driver that fullsync never opens: fullsync uses modernc.org/sqlite, written in Go. Replacing it
// (go.mod) saves about a minute of C compilation on every fresh machine.
package sqlite3
