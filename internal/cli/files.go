package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"fullsync/internal/fault"
)

// openFile opens a file for reading. Its errors are sentences for people.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "NO_FILE", "No such file", "There is no file %s.", path)
	case err == nil && info.IsDir():
		return nil, isDirectory(path)
	}
	f, err := os.Open(path)
	return f, inWords(err, "read", path)
}

// writeFile calls write to fill a new file, and replaces path with it only when that has worked, keeping path's
// permissions. If anything goes wrong, path stays as it was and nothing is left behind. If path is not a regular file, such
// as a pipe, it is written to directly.
func writeFile(path string, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return replace(path, nil, write)
	case err != nil:
		return inWords(err, "write", path)
	case info.IsDir():
		return isDirectory(path)
	case !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return inWords(err, "write", path)
		}
		return inWords(errors.Join(write(f), f.Close()), "write", path)
	}
	// If path is a link, replace its target, not the link.
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return inWords(err, "write", path)
	}
	return replace(target, info, write)
}

// replace puts a new file at path. before describes the file that is there now; nil if there is none.
func replace(path string, before fs.FileInfo, write func(io.Writer) error) (err error) {
	dir, name := filepath.Split(path)
	beside := dir + "." + name[:min(len(name), 200)] + "." + rand.Text()[:8] + ".partial"
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the usual mode, for the umask to restrict
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.NotFound, "NO_DIRECTORY", "No such directory", "There is no directory %s to write %s into.", filepath.Dir(path), name)
		}
		return inWords(err, "write", path)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(beside)
			err = inWords(err, "write", path)
		}
	}()
	if before != nil {
		err = f.Chmod(before.Mode().Perm())
	}
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

func isDirectory(path string) error {
	return fault.New(fault.Impossible, "IS_DIRECTORY", "Not a file", "%s is a directory. Name a file.", path)
}

// inWords turns an operating system error about a file into a sentence. It leaves other errors alone.
func inWords(err error, verb, path string) error {
	var system syscall.Errno
	switch {
	case err == nil || !errors.As(err, &system):
		return err
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Impossible, "NOT_PERMITTED", "Not permitted", "This user may not %s %s.", verb, path).Because(err)
	case errors.Is(err, syscall.ENOSPC):
		return fault.New(fault.Unavailable, "DISK_FULL", "Disk full", "%s was not written, because the disk is full.", path).Because(err)
	}
	done := verb // to read: was read
	if verb == "write" {
		done = "written"
	}
	return fmt.Errorf("%s could not be %s: %w", path, done, system)
}
