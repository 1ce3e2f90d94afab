// Package duplicate finds ids that stand on several lines of a file, however large the file is.
package duplicate

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"io"
	"os"
	"slices"
	"strings"
)

// sighting is an id and the number of the line it stands on.
type sighting struct {
	id   string
	line int
}

// Finder is told which id stands on which line, in constant memory: when that is full, what is there is sorted and put
// into a temporary file. At the end all such runs are merged.
type Finder struct {
	limit int

	run  []sighting
	size int
	// spilled holds the earlier runs one after the other; ends says where each one stops.
	spilled *os.File
	ends    []int64
	err     error
}

// NewFinder returns a finder that keeps about limit bytes in memory.
func NewFinder(limit int) *Finder { return &Finder{limit: limit} }

// Add notes an accepted line. Lines come in ascending order. Trouble shows in [Finder.Sentence].
func (f *Finder) Add(id string, line int) {
	if f.err != nil {
		return
	}
	if f.size > f.limit {
		f.err = f.spill()
	}
	f.run = append(f.run, sighting{strings.Clone(id), line}) // id alone, without the product whose memory it shares
	f.size += len(id) + 40
}

// spill moves the run from memory to the file.
func (f *Finder) spill() (err error) {
	if f.spilled == nil {
		if f.spilled, err = os.CreateTemp("", "fullsync-import-*"); err != nil {
			return err
		}
		_ = os.Remove(f.spilled.Name()) // it lives on until it is closed, but not longer than this process; not on Windows
	}
	f.sort()
	w := bufio.NewWriterSize(f.spilled, 1<<16)
	var text []byte
	for _, seen := range f.run {
		text = binary.AppendUvarint(text[:0], uint64(seen.line)) //nolint:gosec // lines are counted from 1
		text = binary.AppendUvarint(text, uint64(len(seen.id)))
		if _, err := w.Write(append(text, seen.id...)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	end, err := f.spilled.Seek(0, io.SeekCurrent)
	f.ends = append(f.ends, end)
	clear(f.run)
	f.run, f.size = f.run[:0], 0
	return err
}

// sort sorts the run by id, and lines of the same id as they came.
func (f *Finder) sort() {
	slices.SortStableFunc(f.run, func(a, b sighting) int { return cmp.Compare(a.id, b.id) })
}

// close removes the temporary file.
func (f *Finder) close() {
	if f.spilled != nil {
		_ = f.spilled.Close()
		_ = os.Remove(f.spilled.Name())
	}
}

// Sentence says which ids stood on several lines, or nothing where none did: "1 duplicate id: d-1 (lines 1 and 3); the last
// line counts". It ends the search and must be called, or the temporary file stays open.
func (f *Finder) Sentence() string {
	defer f.close()
	f.sort()
	merged := make(runs, 0, len(f.ends)+1)
	begin := int64(0)
	for _, end := range f.ends {
		from := bufio.NewReaderSize(io.NewSectionReader(f.spilled, begin, end-begin), 1<<15)
		merged = append(merged, &run{next: func() (sighting, error) { return readSighting(from) }})
		begin = end
	}
	merged = append(merged, &run{next: func() (first sighting, err error) {
		if len(f.run) == 0 {
			return first, io.EOF
		}
		first, f.run = f.run[0], f.run[1:]
		return first, nil
	}})
	var found tally
	if f.err == nil {
		f.err = merged.each(found.add)
	}
	if f.err != nil {
		return "Duplicate ids were not looked for, because the directory for temporary files cannot be used or is full."
	}
	return found.String()
}

func readSighting(from *bufio.Reader) (seen sighting, err error) {
	line, err := binary.ReadUvarint(from)
	if err != nil {
		return seen, err
	}
	length, err := binary.ReadUvarint(from)
	if err != nil {
		return seen, err
	}
	id := make([]byte, length)
	_, err = io.ReadFull(from, id)
	return sighting{string(id), int(line)}, err //nolint:gosec // it was an int when it was written
}
