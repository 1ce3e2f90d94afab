package feed_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/fault"
	"fullsync/internal/source/feed"
)

// outcome is what an input turned out to be, line by line: a product in its canonical form, "line 3 refused: …", or the error that ended it.
func outcome(t *testing.T, in []byte, opt feed.Options) (lines []string, found feed.Found) {
	t.Helper()
	r, err := feed.Open(bytes.NewReader(in), opt)
	if err != nil {
		if fault.KindOf(err) == fault.Internal {
			t.Fatalf("not for people: %v", err)
		}
		return []string{err.Error()}, found
	}
	for {
		item, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return lines, r.Found()
		case err != nil:
			return append(lines, err.Error()), r.Found()
		case item.Reject != nil:
			lines = append(lines, fmt.Sprintf("line %d refused: %s", item.Line, item.Reject.Reason))
		default:
			lines = append(lines, string(item.Product.AppendJSON(nil)))
		}
	}
}

// wants checks an outcome. A line that ends with … only has to begin like that.
func wants(t *testing.T, in []byte, opt feed.Options, want ...string) {
	t.Helper()
	got, found := outcome(t, in, opt)
	same := len(got) == len(want)
	for i := 0; same && i < len(want); i++ {
		beginning, open := strings.CutSuffix(want[i], "…")
		same = got[i] == want[i] || open && strings.HasPrefix(got[i], beginning)
	}
	if !same {
		t.Errorf("%s\ngives\n%s\nwant\n%s", found, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// sharedCase is a small input in the shape that shop people really have.
func sharedCase(t *testing.T, name string) []byte {
	t.Helper()
	in, err := os.ReadFile(filepath.Join("testdata", "cases", name))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestRecordsForStaging(t *testing.T) {
	t.Parallel()
	r, err := feed.Open(strings.NewReader("id,name\nb,Ball\n,Nobody\na,Axe\n"), feed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Sample(2) // comes again
	var seen []int
	from := r.Records(func(item feed.Item) error {
		seen = append(seen, item.Line)
		return nil
	})
	var got []string
	for {
		rec, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(rec.Line, rec.Product.Name, rec.Reject != nil))
	}
	if want := []string{"2Ballfalse", "3true", "4Axefalse"}; !slices.Equal(got, want) || !slices.Equal(seen, []int{2, 3, 4}) {
		t.Errorf("records %q, seen %v, want %q", got, seen, want)
	}
}
