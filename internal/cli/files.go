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

// openFile opens a file for reading. Its errors are sentences.
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

// writeFile has write fill a file. The file is put together beside path and takes its place once it is whole, with the
// permissions of the one that was there. Whatever goes wrong leaves path as it was, and nothing beside it. What is no
// ordinary file, such as a pipe, is written to as it is.
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
	// Where path is a link, the file behind it is replaced, not the link.
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return inWords(err, "write", path)
	}
	return replace(target, info, write)
}

// replace puts a new file at path, where before is what is known of the one that stands there now, if any.
func replace(path string, before fs.FileInfo, write func(io.Writer) error) (err error) {
	dir, name := filepath.Split(path)
	beside := dir + "." + name[:min(len(name), 200)] + "." + rand.Text()[:8] + ".partial"
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // as any program would create it; the umask decides
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

// inWords turns what the system says of a file into a sentence; other errors stay as they are.
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

// cause is an error without the name of the file and of the call that the system puts before it.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
