// Package staging makes a side of the difference engine of a feed. It hands on records whose ids ascend as they come, and puts all others into a
// temporary SQLite file, which sorts them, finds duplicates and knows how many they are. It knows no formats and no catalogs.
package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"fullsync/internal/fault"
)

// Area is a directory for temporary files, with a limit on each.
type Area struct {
	// Dir is where the files are made; empty means the system's directory for temporary files.
	Dir string
	// Limit is the most that one file may take, in bytes; 0 means no limit.
	Limit int64
}

const (
	// rooms is what the directories of staged files are called. Each has a lock, which its process holds as long as it lives.
	rooms    = "fullsync-staging-*"
	lockName = "lock"
	fileName = "staged.db"
	// unlockedAfter is how old a directory without a lock must be to count as left behind: its process died before it made one.
	unlockedAfter = time.Hour
)

func (a Area) dir() string {
	if a.Dir == "" {
		return os.TempDir()
	}
	return a.Dir
}

// Sweep removes what processes that have died left behind. Every use of the area begins with it, too.
func (a Area) Sweep() {
	found, _ := filepath.Glob(filepath.Join(a.dir(), rooms)) // the pattern is a good one
	for _, dir := range found {
		sweep(dir)
	}
}

func sweep(dir string) {
	path := filepath.Join(dir, lockName)
	if _, err := os.Stat(path); err != nil {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > unlockedAfter {
			_ = os.RemoveAll(dir)
		}
		return
	}
	lock := flock.New(path)
	if held, err := lock.TryLock(); err == nil && held {
		_ = os.RemoveAll(dir) // that of another user stays
		_ = lock.Unlock()
	}
}

// room is the directory of one staged file.
type room struct {
	dir  string
	lock *flock.Flock
}

// room makes a directory that nobody else can read, and holds its lock.
func (a Area) room() (*room, error) {
	a.Sweep()
	if a.Dir != "" {
		if err := os.MkdirAll(a.Dir, 0o700); err != nil {
			return nil, unusable(err)
		}
	}
	for {
		dir, err := os.MkdirTemp(a.dir(), rooms)
		if err != nil {
			return nil, unusable(err)
		}
		r := &room{dir: dir, lock: flock.New(filepath.Join(dir, lockName))}
		held, err := r.lock.TryLock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.leave()
			return nil, unusable(err)
		}
		// A sweep may have come between the making of the lock and the locking.
		if _, err := os.Stat(r.lock.Path()); held && err == nil {
			return r, nil
		}
		_ = r.lock.Unlock()
	}
}

// leave removes the directory.
func (r *room) leave() {
	_ = os.RemoveAll(r.dir)
	_ = r.lock.Unlock()
}

func unusable(cause error) error {
	if errors.Is(cause, syscall.ENOSPC) {
		return full(cause)
	}
	return fault.New(fault.Impossible, "STAGING_UNUSABLE", "No place for temporary files",
		"The directory for temporary files cannot be written to. Set FULLSYNC_STAGING_DIR to one that can.").Because(cause)
}

func full(cause error) error {
	return fault.New(fault.Impossible, "STAGING_FULL", "No room for temporary files",
		"The input does not fit into the directory for temporary files, which is full, or its limit (FULLSYNC_STAGING_LIMIT) is reached. "+
			"Make room, raise the limit, or sort the input by id: what is sorted needs no temporary file.").Because(cause)
}
