package staging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/staging"
	"fullsync/internal/transfer"
)

// list is records in the order in which they come.
type list []catalog.Record

// Next implements [staging.Records].
func (l *list) Next() (catalog.Record, error) {
	if len(*l) == 0 {
		return catalog.Record{}, io.EOF
	}
	r := (*l)[0]
	*l = (*l)[1:]
	return r, nil
}

func product(t testing.TB, id, name string) catalog.Product {
	t.Helper()
	p, err := catalog.Parse(fmt.Appendf(nil, `{"id":%q,"sku":"s-%s","name":%q,"price":"12.50","currency":"EUR","active":%v,"color":"blue"}`, id, id, name, name != "off"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func good(t testing.TB, line int, id, name string) catalog.Record {
	return catalog.Record{Product: product(t, id, name), Line: line}
}

func bad(line int, id string) catalog.Record {
	return catalog.Record{Reject: &catalog.Reject{ID: id, Reason: "it is bad"}, Line: line}
}

func area(t testing.TB) staging.Area { return staging.Area{Dir: t.TempDir()} }

func stage(t testing.TB, in staging.Area, records ...catalog.Record) *staging.File {
	t.Helper()
	f, err := in.Stage(t.Context(), "shop", (*list)(&records))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// pages reads a source to its end, and returns what it hands on, in words.
func pages(t *testing.T, src transfer.Source, limit int) (all []string, total int64) {
	t.Helper()
	for after, more := "", true; more; {
		page, err := src.Read(t.Context(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Products)+len(page.Rejects) > limit {
			t.Errorf("a page has %d products and %d rejects, more than %d", len(page.Products), len(page.Rejects), limit)
		}
		for _, r := range page.Rejects {
			all = append(all, "refused "+r.ID+": "+r.Reason)
		}
		for i, p := range page.Products {
			if i > 0 && page.Products[i-1].ID >= p.ID {
				t.Errorf("%s comes after %s", p.ID, page.Products[i-1].ID)
			}
			if want := product(t, p.ID, p.Name); p != want {
				t.Errorf("got %+v, want %+v", p, want)
			}
			all = append(all, p.ID+" "+p.Name)
		}
		if page.Total != nil {
			total = *page.Total
		}
		after, more = page.Next, page.More
	}
	return all, total
}

func TestStagedFile(t *testing.T) {
	t.Parallel()
	f := stage(t, area(t),
		good(t, 1, "b", "old"), bad(2, "c"), good(t, 3, "a", "off"), bad(4, ""), good(t, 5, "b", "new"), bad(6, "a"), bad(7, "c"), bad(8, strings.Repeat("x", 300)),
		good(t, 9, "é", "last"))
	got, total := pages(t, f, 2)
	want := []string{"a off", "refused c: it is bad (line 7)", "b new", "é last"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it hands on %q, want %q", got, want)
	}
	if d, err := f.Describe(t.Context()); err != nil || d != (transfer.Description{NodeID: "shop", Total: 8}) || total != 8 {
		t.Errorf("it calls itself %+v, %v, total %d", d, err, total)
	}
	if got, want := f.Duplicates(), "1 duplicate id: b (lines 1 and 5); the last line counts"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var loose []catalog.Reject
	for range 5 {
		part, err := f.Loose(t.Context(), int64(len(loose)), 1)
		if err != nil {
			t.Fatal(err)
		}
		loose = append(loose, part...)
	}
	for _, want := range []catalog.Reject{{Reason: "it is bad (line 4)"}, {Reason: "it is bad (line 8)"}, {ID: "a", Reason: "it is bad (line 6)"}, {ID: "c", Reason: "it is bad (line 2)"}} {
		if !slices.Contains(loose, want) {
			t.Errorf("%+v is missing among the refusals without a place: %+v", want, loose)
		}
	}
	if len(loose) != 4 {
		t.Errorf("%d refusals have no place, want 4", len(loose))
	}
}

// TestSideOfRandomRecords compares the answers of a staged file with what they must be.
func TestSideOfRandomRecords(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 8))
	in := area(t)
	for range 20 {
		var records list
		held := map[string]string{} // the hash of each id, "" where it is refused
		for line := range 1 + random.IntN(300) {
			id := fmt.Sprintf("p-%d", random.IntN(400))
			if random.IntN(10) == 0 {
				if _, known := held[id]; !known {
					held[id] = ""
				}
				records = append(records, bad(line, id))
				continue
			}
			r := good(t, line, id, fmt.Sprint(line))
			held[id] = r.Product.Hash
			records = append(records, r)
		}
		f := stage(t, in, records...)
		checkSide(t, f, held, 1+random.IntN(50))
	}
}

func checkSide(t *testing.T, f *staging.File, held map[string]string, every int) {
	t.Helper()
	ctx := t.Context()
	count, after := int64(0), ""
	for more := true; more; {
		page, err := f.Spans(ctx, after, "", every, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Spans {
			want := catalog.Digest{Known: true}
			for id, hash := range held {
				if id > after && id <= s.Through {
					want.Add(hash)
				}
			}
			again, err := f.Digests(ctx, after, []string{s.Through})
			if err != nil || again[0].Count != want.Count || again[0].Known != want.Known || want.Known && (s.Digest != want || again[0] != want) {
				t.Fatalf("from %q to %q: spans say %+v, digests %+v (%v), want %+v", after, s.Through, s.Digest, again, err, want)
			}
			entries, err := f.Entries(ctx, []catalog.Interval{{After: after, Through: s.Through}})
			if err != nil || int64(len(entries)) != want.Count {
				t.Fatalf("%d entries, %v, want %d", len(entries), err, want.Count)
			}
			var ids []string
			for _, e := range entries {
				ids = append(ids, e.ID)
				if held[e.ID] != "" && e.Hash != catalog.Short(held[e.ID]) {
					t.Errorf("%s has the hash %s, want %s", e.ID, e.Hash, catalog.Short(held[e.ID]))
				}
			}
			read, err := f.ReadProducts(ctx, append(ids, "p-none"))
			if err != nil || len(read.Products)+len(read.Rejects) != len(ids) {
				t.Errorf("%d products and %d refusals, %v, want %d", len(read.Products), len(read.Rejects), err, len(ids))
			}
			for _, p := range read.Products {
				if p.Hash != held[p.ID] || p.ContentHash() != p.Hash {
					t.Errorf("%+v is not what was staged", p)
				}
			}
			after = s.Through
			count += s.Count
		}
		more = page.More
	}
	if count != int64(len(held)) {
		t.Errorf("the spans hold %d ids, want %d", count, len(held))
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	var many list
	var manyWant []string
	for i := range 1001 {
		many = append(many, good(t, i+1, fmt.Sprintf("c%04d", i), "old"))
		manyWant = append(manyWant, many[i].Product.ID+" old")
	}
	for _, test := range []struct {
		name    string
		records list
		want    []string
		staged  bool
	}{
		{"ascending", list{good(t, 1, "a", "1"), bad(2, "x"), good(t, 3, "b", "3")}, []string{"refused x: it is bad (line 2)", "a 1", "b 3"}, false},
		{"then not", list{good(t, 1, "a", "1"), good(t, 2, "d", "2"), good(t, 3, "c", "3"), bad(4, ""), good(t, 5, "b", "5"), good(t, 6, "c", "6")},
			[]string{"a 1", "d 2", "refused : it is bad (line 4)", "b 5", "c 6"}, true},
		{"twice", list{good(t, 1, "a", "1"), good(t, 2, "a", "2")}, []string{"a 2"}, true},
		{"not behind what was looked at", append(many, good(t, 1002, "c0000", "last"), bad(1003, ""), good(t, 1004, "a", "1"), good(t, 1005, "c0001", "new")),
			append(manyWant, "a 1", "c0001 new", "refused : it is bad (line 1003)", "c0000 last"), true},
		{"nothing but refusals", list{bad(1, ""), bad(2, "")}, []string{"refused : it is bad (line 1)", "refused : it is bad (line 2)"}, false},
	} {
		for _, limit := range []int{1, 300} {
			in := area(t)
			records := slices.Clone(test.records)
			src := staging.NewStream(in, "shop", &records)
			got, total := pages(t, src, limit)
			slices.Sort(got) // a page says nothing about the order of its products and refusals
			want := slices.Sorted(slices.Values(test.want))
			if !slices.Equal(got, want) || total != int64(len(want)) {
				t.Errorf("%s, %d at once: %q, total %d, want %q", test.name, limit, got, total, want)
			}
			if staged := len(leftIn(t, in)) > 0; staged != test.staged {
				t.Errorf("%s: a temporary file: %v, want %v", test.name, staged, test.staged)
			}
			if err := src.Close(); err != nil {
				t.Error(err)
			}
			if left := leftIn(t, in); len(left) > 0 {
				t.Errorf("%s: left behind: %v", test.name, left)
			}
		}
	}
}

func leftIn(t *testing.T, in staging.Area) []os.DirEntry {
	t.Helper()
	left, err := os.ReadDir(in.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestWhatIsLeftBehindIsSwept(t *testing.T) {
	t.Parallel()
	in := area(t)
	alive := stage(t, in, good(t, 1, "a", "1"))
	// A process that died leaves its lock, which nobody holds any more, or not even that.
	dead, unlocked, young := filepath.Join(in.Dir, "fullsync-staging-1"), filepath.Join(in.Dir, "fullsync-staging-2"), filepath.Join(in.Dir, "fullsync-staging-3")
	for _, dir := range []string{dead, unlocked, young} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dead, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if old := time.Now().Add(-2 * time.Hour); os.Chtimes(unlocked, old, old) != nil {
		t.Fatal("the time of a directory cannot be set")
	}
	stage(t, in, good(t, 1, "a", "1")) // begins with a sweep
	for dir, want := range map[string]bool{dead: false, unlocked: false, young: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
	if got, _ := pages(t, alive, 10); len(got) != 1 {
		t.Errorf("the file of a living process has %v", got)
	}
}

func TestTheLimitOfAFile(t *testing.T) {
	t.Parallel()
	in := area(t)
	in.Limit = 100 << 10
	var records list
	for i := range 1000 {
		records = append(records, good(t, i, fmt.Sprint(i), strings.Repeat("x", 200)))
	}
	_, err := in.Stage(t.Context(), "shop", &records)
	if fault.CodeOf(err) != "STAGING_FULL" {
		t.Errorf("a file over its limit: %v", err)
	}
	if left := leftIn(t, in); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// endless yields ascending records until its context has ended.
type endless struct {
	list
	end func()
}

func (e *endless) Next() (catalog.Record, error) {
	if r, err := e.list.Next(); err == nil {
		return r, nil
	}
	e.end()
	return catalog.Record{}, errors.New("the input was closed")
}

func TestAFileThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	in := area(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("cancelled")
	from := &endless{list: list{good(t, 1, "b", "1"), good(t, 2, "a", "2")}, end: func() { cancel(cause) }}
	if _, err := in.Stage(ctx, "shop", from); !errors.Is(err, cause) {
		t.Errorf("it ended with %v, want %v", err, cause)
	}
	if left := leftIn(t, in); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNoPlaceForFiles(t *testing.T) {
	t.Parallel()
	in := staging.Area{Dir: filepath.Join(t.TempDir(), "file")}
	if err := os.WriteFile(in.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Stage(t.Context(), "shop", &list{}); fault.CodeOf(err) != "STAGING_UNUSABLE" {
		t.Errorf("a file in the place of the directory: %v", err)
	}
}

func BenchmarkStage(b *testing.B) {
	const n = 200_000
	p := product(b, "p", strings.Repeat("name ", 80))
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	for b.Loop() {
		records := make(list, n)
		for i, k := range order {
			records[i] = catalog.Record{Product: p, Line: i + 1}
			records[i].Product.ID = fmt.Sprintf("product-%06d", k)
		}
		start := time.Now()
		f := stage(b, area(b), records...)
		staged := time.Now()
		for after, more := "", true; more; {
			page, err := f.Read(b.Context(), after, 2500)
			if err != nil {
				b.Fatal(err)
			}
			after, more = page.Next, page.More
		}
		b.ReportMetric(n/staged.Sub(start).Seconds(), "staged/s")
		b.ReportMetric(n/time.Since(staged).Seconds(), "read/s")
	}
}
