// Package duplicate finds ids that occur on several lines of a file, however large the file is.
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

// sighting is an id and the number of its line.
type sighting struct {
	id   string
	line int
}

// Finder collects the id of each line in constant memory. When that is full, it sorts what it has and writes it to a
// temporary file as a run; at the end it merges all runs.
type Finder struct {
	limit int

	run  []sighting
	size int
	// spilled holds the earlier runs one after another; ends has the offset where each one stops.
	spilled *os.File
	ends    []int64
	err     error
}

// NewFinder returns a finder that keeps about limit bytes in memory.
func NewFinder(limit int) *Finder { return &Finder{limit: limit} }

// Add records an accepted line. Call it in line order. [Finder.Sentence] reports errors.
func (f *Finder) Add(id string, line int) {
	if f.err != nil {
		return
	}
	if f.size > f.limit {
		f.err = f.spill()
	}
	f.run = append(f.run, sighting{strings.Clone(id), line}) // clone the id, which would otherwise keep its whole product in memory
	f.size += len(id) + 40
}

// spill moves the run from memory to the file.
func (f *Finder) spill() (err error) {
	if f.spilled == nil {
		if f.spilled, err = os.CreateTemp("", "fullsync-import-*"); err != nil {
			return err
		}
		_ = os.Remove(f.spilled.Name()) // it stays usable until closed, and never outlives this process; Windows does not allow it
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

// sort sorts the run by id and keeps the lines of each id in order.
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

// Sentence says which ids occurred on several lines, as in "1 duplicate id: d-1 (lines 1 and 3); the last line counts". It
// is empty if none did. Call it exactly once, at the end: it closes the temporary file.
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
	var found Tally
	if f.err == nil {
		f.err = merged.each(func(seen sighting) { found.Add(seen.id, seen.line) })
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
