package store

import (
	"context"
	crand "crypto/rand"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A full disk must not keep anybody from cancelling, nor a session from saying what it waits for. So a file beside the
// database holds room for what is written to sessions, and is given up when the disk is full. Batches, which would fill that
// room again, wait until there is a new one.
const (
	// room is how much is held: as much as the write-ahead log grows to before it is used again from its beginning.
	room = 4 << 20
	// neededRoom must be free for a new one to be made: it leaves as much again.
	neededRoom = 2 * room
)

func (d *sqlite) roomPath() string { return filepath.Join(filepath.Dir(d.path), "fullsync.reserve") }

// keepRoom sees to it that the room is there. It returns a fault when the disk has none to spare.
func (d *sqlite) keepRoom() error {
	info, err := os.Stat(d.roomPath())
	if err == nil && info.Size() == room {
		return nil
	}
	d.roomMu.Lock()
	defer d.roomMu.Unlock()
	if free, ok := FreeBytes(filepath.Dir(d.path)); ok && free < neededRoom {
		return troubleFull.because(err)
	}
	// Another process may do the same at this moment, in a file of its own.
	file, err := os.CreateTemp(filepath.Dir(d.path), "fullsync.reserve.*")
	if err != nil {
		return troubleFull.because(err)
	}
	// At random: file systems that compress would keep no room for zeros.
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails
	_, err = io.CopyN(file, rand.NewChaCha8(seed), room)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), d.roomPath())
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return troubleFull.because(err)
	}
	return nil
}

// giveRoom gives the room up and says whether there was one.
func (d *sqlite) giveRoom() bool {
	d.roomMu.Lock()
	defer d.roomMu.Unlock()
	return os.Remove(d.roomPath()) == nil
}

// ready implements [dialect].
func (d *sqlite) ready(context.Context) error {
	if err := d.isThere(); err != nil {
		return err
	}
	return d.keepRoom()
}

// isThere returns a fault when the file that was opened is no longer the one in the data directory: SQLite goes on writing to
// the lost one without a word.
func (d *sqlite) isThere() error {
	info, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, d.opened) {
		return troubleMoved.because(err)
	}
	return nil
}
