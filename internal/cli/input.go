package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
)

// input is the file that is imported. It counts what was read.
type input struct {
	in io.Reader
	// name is its name without directories, size its size in bytes, 0 where that is not known.
	name string
	size int64
	n    atomic.Int64
	stop func(error)
}

// openInput opens a file; - is standard input.
func openInput(std IO, path string) (*input, error) {
	if path == "-" {
		return piped(io.NopCloser(std.In), "standard input"), nil
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return &input{in: f, name: filepath.Base(path), size: info.Size(), stop: func(error) { _ = f.Close() }}, nil
	}
	return piped(f, filepath.Base(path)), nil
}

// piped is an input that may block: a terminal, or a pipe that nobody writes to. Stopping it ends a read all the same.
func piped(from io.ReadCloser, name string) *input {
	out, in := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(in, struct{ io.Reader }{from}, make([]byte, 256<<10))
		in.CloseWithError(errors.Join(err, from.Close())) // nil is the end of the file
	}()
	return &input{in: out, name: name, stop: func(err error) { in.CloseWithError(err) }}
}

// Read implements [io.Reader].
func (i *input) Read(p []byte) (int, error) {
	n, err := i.in.Read(p)
	i.n.Add(int64(n))
	return n, err
}

// Close ends the reading.
func (i *input) Close() { i.stop(os.ErrClosed) }

// share is how much of the input was read, from 0 to 1; ok is false where nobody knows.
func (i *input) share() (share float64, ok bool) {
	if i.size == 0 {
		return 0, false
	}
	return min(1, float64(i.n.Load())/float64(i.size)), true
}
