package catalog_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"fullsync/internal/catalog"
)

var errCut = errors.New("connection reset")

// readLines returns every line as "number:text", or "number:too long", and the error that ended the input.
func readLines(r io.Reader) (lines []string, err error) {
	in := catalog.NewLineReader(r)
	for {
		line, number, err := in.Next()
		var tooLong *catalog.LineTooLongError
		switch {
		case errors.As(err, &tooLong):
			lines = append(lines, fmt.Sprintf("%d:too long", tooLong.Number))
		case err != nil:
			if _, _, again := in.Next(); again != err {
				return lines, fmt.Errorf("Next after %w gave %w", err, again)
			}
			return lines, err
		default:
			lines = append(lines, fmt.Sprintf("%d:%s", number, line))
		}
	}
}

func TestLineReader(t *testing.T) {
	most := strings.Repeat("x", catalog.MaxLineBytes)
	tests := []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"only blank", "\n \n\t\r\n", nil},
		{"plain", "a\nb\n", []string{"1:a", "2:b"}},
		{"last without newline", "a\nb", []string{"1:a", "2:b"}},
		{"blank lines count", "\n\na\n \n\nb\n\n", []string{"3:a", "6:b"}},
		{"carriage returns", "a\r\nb\r\n\r\nc\r", []string{"1:a", "2:b", "4:c"}},
		{"byte order mark", "\uFEFFa\n\uFEFFb\n", []string{"1:a", "2:\uFEFFb"}},
		{"byte order mark alone", "\uFEFF", nil},
		{"the longest", "\uFEFF" + most + "\r\nb", []string{"1:" + most, "2:b"}},
		{"the longest at the end", "a\n" + most, []string{"1:a", "2:" + most}},
		{"too long by one", "a\n" + most + "x\nb\n", []string{"1:a", "2:too long", "3:b"}},
		{"far too long", most + most + most + "\n" + most + most, []string{"1:too long", "2:too long"}},
		{"too long, then another long one", most + "xy\n" + most + "\nb", []string{"1:too long", "2:" + most, "3:b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readLines(strings.NewReader(tt.in))
			if err != io.EOF || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %d lines, %v; want %d lines and EOF", len(got), err, len(tt.want))
				for i := range got {
					t.Logf("%.40q", got[i])
				}
			}
		})
	}
}

func TestLineReaderPassesReadErrorsOn(t *testing.T) {
	long := strings.Repeat("x", catalog.MaxLineBytes+10)
	for in, want := range map[string][]string{
		"":             nil,
		"a\n":          {"1:a"},
		"a\n{\"id\":1": {"1:a"}, // half a line does not count
		"a\n" + long:   {"1:a"},
	} {
		got, err := readLines(io.MultiReader(strings.NewReader(in), iotest.ErrReader(errCut)))
		if err != errCut || !reflect.DeepEqual(got, want) {
			t.Errorf("%.20q: got %q, %v; want %q, %v", in, got, err, want, errCut)
		}
	}
	if got, err := readLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(io.ErrUnexpectedEOF))); err !=
		io.ErrUnexpectedEOF || len(got) != 1 {
		t.Errorf("got %q, %v; want one line and ErrUnexpectedEOF", got, err)
	}
}

// endless is a reader of one line that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestLineReaderDoesNotBufferAnEndlessLine(t *testing.T) {
	const size = 64 * catalog.MaxLineBytes
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := readLines(io.LimitReader(endless{}, size))
	runtime.ReadMemStats(&after)
	if err != io.EOF || len(got) != 1 || got[0] != "1:too long" {
		t.Fatalf("got %d lines, %v; want one that is too long", len(got), err)
	}
	// This counts everything that was ever allocated, so a buffer that grew with the line cannot hide.
	if used := after.TotalAlloc - before.TotalAlloc; used > size/4 {
		t.Errorf("skipping a line of %d bytes allocated %d bytes", size, used)
	}
}

func FuzzLineReader(f *testing.F) {
	for _, seed := range []string{"", "a", "a\r\n\n b\n", "\uFEFFa\n\r", "\n\n\n", "\uFEFF\uFEFF\n\r\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var want []string
		for i, line := range strings.Split(strings.TrimPrefix(string(in), "\uFEFF"), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if strings.Trim(line, " \t\r") != "" {
				want = append(want, fmt.Sprintf("%d:%s", i+1, line))
			}
		}
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(in), "by byte": iotest.OneByteReader(bytes.NewReader(in))} {
			if got, err := readLines(r); err != io.EOF || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
			}
		}
	})
}
