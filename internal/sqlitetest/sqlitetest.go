// Package sqlitetest gives each test its own copy of a prepared SQLite database, because to migrate one takes longer than most tests.
package sqlitetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// File is the name of a database's file in a node's data directory.
const File = "fullsync.db"

// Template returns a function that copies a database to a new file. prepare makes that database in an empty directory, in a file called [File],
// and must close it. It is called once, with the first copy; if it fails, so does every copy.
func Template(prepare func(dir string) error) (copyTo func(path string) error) {
	content := sync.OnceValues(func() (_ []byte, err error) {
		dir, err := os.MkdirTemp("", "sqlitetest-")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		if err := prepare(dir); err != nil {
			return nil, err
		}
		return os.ReadFile(filepath.Join(dir, File)) //nolint:gosec // a file that prepare made
	})
	return func(path string) error {
		data, err := content()
		if err != nil {
			return fmt.Errorf("preparing the database to copy: %w", err)
		}
		return os.WriteFile(path, data, 0o600)
	}
}
