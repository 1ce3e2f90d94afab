package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// span returns a line of a page of digests, without a sum if that is "".
func span(through string, count int, sum string) string {
	if sum == "" {
		return fmt.Sprintf(`{"through":%q,"count":%d}`, through, count)
	}
	return fmt.Sprintf(`{"through":%q,"count":%d,"sum":%q}`, through, count, sum)
}

const sumA = "00000000000000ff"

// spansEnd returns the last line of a page of digests.
func spansEnd(spans, count int, next string) string {
	end := fmt.Sprintf(`{"end":{"spans":%d,"count":%d,"hashVersion":"1","next":null,"total":9}}`, spans, count)
	if next != "" {
		end = strings.Replace(end, "null", fmt.Sprintf("%q", next), 1)
	}
	return end
}

func hash(id string) string { return fmt.Sprintf(`{"id":%q,"hash":"1:x"}`, id) }

func TestSpans(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/api/node/catalogs/main/digests" || q.Get("after") != "a" || q.Get("through") != "z" || q.Get("every") != "2" || q.Get("limit") != "3" || q.Has("rehash") {
			t.Errorf("asked %s", r.URL)
		}
		page(span("c", 2, "ffffffffffffffff"), span("d", 1, ""), spansEnd(2, 3, "d"))(w, r)
	})
	got, err := open(t, server.URL, nil).Spans(t.Context(), "a", "z", 2, 3)
	want := []catalog.Span{{Through: "c", Digest: catalog.Digest{Count: 2, Sum: 1<<64 - 1, Known: true}}, {Through: "d", Digest: catalog.Digest{Count: 1}}}
	if err != nil || !slices.Equal(got.Spans, want) || got.Next != "d" || !got.More || got.Total == nil || *got.Total != 9 {
		t.Errorf("Spans = %+v, %v", got, err)
	}
	nothing, err := open(t, serve(t, page(spansEnd(0, 0, ""))).URL, nil).Spans(t.Context(), "a", "", 2, 3)
	if err != nil || len(nothing.Spans) != 0 || nothing.Next != "a" || nothing.More {
		t.Errorf("Spans of nothing = %+v, %v", nothing, err)
	}
}

// TestPeersThatLieAboutSpans: an answer is used only if it is complete and in order.
func TestPeersThatLieAboutSpans(t *testing.T) {
	t.Parallel()
	const cut, wrong = true, false
	for name, tc := range map[string]struct {
		cut   bool
		lines []string
	}{
		"no end":                   {cut, []string{span("b", 1, sumA)}},
		"another number of lines":  {cut, []string{span("b", 1, sumA), spansEnd(2, 1, "")}},
		"another number in all":    {cut, []string{span("b", 1, sumA), spansEnd(1, 2, "")}},
		"no number in all":         {cut, []string{span("b", 1, sumA), `{"end":{"spans":1,"hashVersion":"1","next":null}}`}},
		"something after the end":  {cut, []string{span("b", 1, sumA), spansEnd(1, 1, ""), span("c", 1, sumA)}},
		"out of order":             {wrong, []string{span("c", 1, sumA), span("b", 1, sumA), spansEnd(2, 2, "")}},
		"twice the same":           {wrong, []string{span("b", 1, sumA), span("b", 1, sumA), spansEnd(2, 2, "")}},
		"before the beginning":     {wrong, []string{span("a", 1, sumA), spansEnd(1, 1, "")}},
		"behind the end":           {wrong, []string{span("zz", 1, sumA), spansEnd(1, 1, "")}},
		"without a bound":          {wrong, []string{span("", 1, sumA), spansEnd(1, 1, "")}},
		"empty":                    {wrong, []string{span("b", 0, sumA), spansEnd(1, 0, "")}},
		"longer than asked for":    {wrong, []string{span("b", 3, sumA), spansEnd(1, 3, "")}},
		"less than nothing":        {wrong, []string{span("b", -1, sumA), spansEnd(1, -1, "")}},
		"more than there can be":   {wrong, []string{span("b", 1<<60, sumA), spansEnd(1, 1<<60, "")}},
		"a short sum":              {wrong, []string{span("b", 1, "ff"), spansEnd(1, 1, "")}},
		"a sum with a sign":        {wrong, []string{span("b", 1, "+0000000000000ff"), spansEnd(1, 1, "")}},
		"a sum that is none":       {wrong, []string{span("b", 1, "000000000000000g"), spansEnd(1, 1, "")}},
		"more lines than asked":    {wrong, []string{span("b", 1, sumA), span("c", 1, sumA), span("d", 1, sumA), spansEnd(3, 3, "")}},
		"leads nowhere":            {wrong, []string{spansEnd(0, 0, "b")}},
		"goes on past what it has": {wrong, []string{span("b", 1, sumA), spansEnd(1, 1, "y")}},
		"goes back":                {wrong, []string{span("c", 1, sumA), spansEnd(1, 1, "b")}},
		"a product":                {wrong, []string{product("b"), spansEnd(1, 1, "")}},
		"a negative total":         {wrong, []string{`{"end":{"spans":0,"count":0,"hashVersion":"1","next":null,"total":-1}}`}},
		"a certificate of nothing": {wrong, []string{`{"end":{"spans":0,"count":0,"hashVersion":"1","next":null,"certificate":"AAAA"}}`}},
		"a long id":                {wrong, []string{span(strings.Repeat("b", 256), 1, sumA), spansEnd(1, 1, "")}},
	} {
		got, err := open(t, serve(t, page(tc.lines...)).URL, nil).Spans(t.Context(), "a", "z", 2, 2)
		t.Log(name)
		if got.Spans != nil {
			t.Errorf("%s: %+v came out", name, got)
		}
		if tc.cut {
			wantTransient(t, err)
		} else {
			wantPermanent(t, err, codeProtocol)
		}
	}
}

func TestDigestsOfIntervals(t *testing.T) {
	t.Parallel()
	sum := catalog.Digest{Count: 1, Sum: 255, Known: true}
	for name, tc := range map[string]struct {
		lines []string
		ok    bool
	}{
		"whole":                {[]string{span("b", 1, sumA), span("c", 1, sumA), span("", 1, sumA), spansEnd(3, 3, "")}, true},
		"one too few":          {[]string{span("b", 1, sumA), span("c", 1, sumA), spansEnd(2, 2, "")}, false},
		"too few, goes on":     {[]string{span("b", 1, sumA), spansEnd(1, 1, "c")}, false},
		"another bound":        {[]string{span("b", 1, sumA), span("bb", 1, sumA), span("", 1, sumA), spansEnd(3, 3, "")}, false},
		"whole, and goes on":   {[]string{span("b", 1, sumA), span("c", 1, sumA), span("", 1, sumA), spansEnd(3, 3, "d")}, false},
		"one too many":         {[]string{span("b", 1, sumA), span("c", 1, sumA), span("", 1, sumA), span("", 1, sumA), spansEnd(4, 4, "")}, false},
		"nothing":              {[]string{spansEnd(0, 0, "")}, false},
		"nothing, and goes on": {[]string{spansEnd(0, 0, "b")}, false},
	} {
		got, err := open(t, serve(t, page(tc.lines...)).URL, nil).Digests(t.Context(), "a", []string{"b", "c", ""})
		t.Log(name)
		if tc.ok {
			if err != nil || !slices.Equal(got, []catalog.Digest{sum, sum, sum}) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		wantPermanent(t, err, codeProtocol)
	}
	if got, err := open(t, nowhere, nil).Digests(t.Context(), "a", nil); len(got) != 0 || err != nil {
		t.Errorf("nothing was asked, and the answer is %v, %v", got, err)
	}
}

// bodies records the bodies of requests, and answers each with what make returns for it.
func bodies[T any](t *testing.T, mu *sync.Mutex, asked *[]T, lines func(T) []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var body T
		if err == nil {
			err = json.Unmarshal(raw, &body)
		}
		if err != nil || r.Header.Get("Content-Type") != "application/json" || len(raw) > 1<<20 {
			t.Errorf("a body of %d bytes: %v", len(raw), err)
		}
		mu.Lock()
		*asked = append(*asked, body)
		mu.Unlock()
		page(lines(body)...)(w, r)
	}
}

// TestLongQuestionsAreAskedInParts: a question that is too long for one request becomes several.
func TestLongQuestionsAreAskedInParts(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var long, many []string
	for i := range 6000 {
		many = append(many, fmt.Sprintf("%05d", i))
		long = append(long, fmt.Sprintf("%05d", i)+strings.Repeat(`"`, 250)) // takes twice its length in JSON
	}
	type bounds struct {
		After   string
		Through []string
	}
	var asked []bounds
	s := open(t, serve(t, bodies(t, &mu, &asked, func(b bounds) (lines []string) {
		n := min(1500, len(b.Through)) // it stops half-way, as with rehash
		for _, through := range b.Through[:n] {
			lines = append(lines, span(through, 1, sumA))
		}
		if n < len(b.Through) {
			return append(lines, spansEnd(n, n, b.Through[n-1]))
		}
		return append(lines, spansEnd(n, n, ""))
	})).URL, nil)
	for _, through := range [][]string{many, long} {
		got, err := s.Digests(t.Context(), "", through)
		if err != nil || len(got) != len(through) {
			t.Errorf("%d digests for %d bounds, %v", len(got), len(through), err)
		}
	}

	type ids struct{ IDs []string }
	var read []ids
	s = open(t, serve(t, bodies(t, &mu, &read, func(b ids) []string {
		return []string{product(b.IDs[0]), end(1, "")}
	})).URL, nil)
	got, err := s.ReadProducts(t.Context(), long)
	if err != nil || len(got.Products) != 1 || !got.More || got.Next != read[0].IDs[len(read[0].IDs)-1] {
		t.Errorf("ReadProducts = %d products, more %v, next %.10q, %v", len(got.Products), got.More, got.Next, err)
	}
}

func TestEntriesOfIntervals(t *testing.T) {
	t.Parallel()
	type question struct {
		Intervals []struct{ After, Through string }
	}
	of := []catalog.Interval{{After: "a", Through: "c"}, {After: "d", Through: "f"}, {After: "g"}}
	var mu sync.Mutex
	var asked []question
	s := open(t, serve(t, bodies(t, &mu, &asked, func(question) []string {
		switch len(asked) {
		case 1: // to the end of the first interval
			return []string{hash("b"), hash("c"), end(2, "c")}
		case 2: // into the middle of the second
			return []string{hash("e"), end(1, "e")}
		default:
			return []string{hash("f"), hash("h"), end(2, "")}
		}
	})).URL, nil)
	got, err := s.Entries(t.Context(), of)
	ids := make([]string, len(got))
	for i, e := range got {
		ids[i] = e.ID
	}
	if err != nil || !slices.Equal(ids, []string{"b", "c", "e", "f", "h"}) || len(asked) != 3 || len(asked[1].Intervals) != 2 ||
		asked[2].Intervals[0] != struct{ After, Through string }{"e", "f"} || of[1].After != "d" {
		t.Errorf("Entries = %v, %v, asked %+v", ids, err, asked)
	}
	for name, lines := range map[string][]string{
		"between two intervals":  {hash("d"), end(1, "")},
		"before the first":       {hash("a"), end(1, "")},
		"in the wrong order":     {hash("h"), hash("e"), end(2, "")},
		"goes on between two":    {hash("b"), end(1, "cc")},
		"goes on without a line": {end(0, "b")},
	} {
		_, err := open(t, serve(t, page(lines...)).URL, nil).Entries(t.Context(), of)
		t.Log(name)
		wantPermanent(t, err, codeProtocol)
	}
}

// TestEndlessEntries: a peer that lists products for ever does not fill this node's memory.
func TestEndlessEntries(t *testing.T) {
	t.Parallel()
	n := 0
	s := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		lines := make([]string, 0, pageLimit+1)
		for range pageLimit {
			n++
			lines = append(lines, hash(fmt.Sprintf("%09d", n)))
		}
		page(append(lines, end(pageLimit, fmt.Sprintf("%09d", n)))...)(w, r)
	}).URL, nil)
	_, err := s.Entries(t.Context(), []catalog.Interval{{}})
	wantPermanent(t, err, codeProtocol)
}

func TestReadSpanAndProducts(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); r.Method == http.MethodGet && (q.Get("after") != "a" || q.Get("through") != "d" || q.Get("limit") != "5") {
			t.Errorf("asked %s", r.URL)
		}
		page(product("b"), `{"product":{"id":"c"}}`, end(2, "c"))(w, r)
	})
	s := open(t, server.URL, nil)
	for name, read := range map[string]func() (transfer.Page, error){
		"ReadSpan":     func() (transfer.Page, error) { return s.ReadSpan(t.Context(), "a", "d", 5) },
		"ReadProducts": func() (transfer.Page, error) { return s.ReadProducts(t.Context(), []string{"b", "c", "d"}) },
	} {
		if got, err := read(); err != nil || len(got.Products) != 1 || len(got.Rejects) != 1 || !got.More || got.Next != "c" || got.Bytes == 0 {
			t.Errorf("%s = %+v, %v", name, got, err)
		}
	}
	for name, lines := range map[string][]string{
		"behind the end":            {product("e"), end(1, "")},
		"a refused one behind it":   {`{"product":{"id":"e"}}`, end(1, "")},
		"goes on behind the end":    {product("b"), end(1, "e")},
		"more than were asked for":  {product("b"), product("c"), product("d"), product("dd"), end(4, "")},
		"not in ascending order":    {product("c"), product("b"), end(2, "")},
		"goes on with nothing read": {end(0, "b")},
	} {
		s := open(t, serve(t, page(lines...)).URL, nil)
		t.Log(name)
		_, err := s.ReadSpan(t.Context(), "a", "d", 3)
		wantPermanent(t, err, codeProtocol)
		_, err = s.ReadProducts(t.Context(), []string{"b", "c", "d"})
		wantPermanent(t, err, codeProtocol)
	}
	_, err := open(t, serve(t, page(product("bb"), end(1, ""))).URL, nil).ReadProducts(t.Context(), []string{"b", "c"})
	wantPermanent(t, err, codeProtocol)
	if got, err := open(t, nowhere, nil).ReadProducts(t.Context(), nil); err != nil || got.More {
		t.Errorf("ReadProducts of nothing = %+v, %v", got, err)
	}
}

// TestPeersThatCannotCompare: an earlier version, or one with another hash, is told apart from a peer in trouble.
func TestPeersThatCannotCompare(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"no such route":  status(404, nil),
		"no such method": status(405, nil),
		"another hash":   page(span("b", 1, sumA), strings.Replace(spansEnd(1, 1, ""), `"hashVersion":"1"`, `"hashVersion":"2"`, 1)),
		"no version":     page(span("b", 1, sumA), strings.Replace(spansEnd(1, 1, ""), `"hashVersion":"1",`, "", 1)),
	} {
		s := open(t, serve(t, answer).URL, nil)
		asks := map[string]func() error{
			"Spans":   func() error { _, err := s.Spans(t.Context(), "", "", 1, 1); return err },
			"Digests": func() error { _, err := s.Digests(t.Context(), "", []string{"b"}); return err },
		}
		if strings.HasPrefix(name, "no such") {
			asks["Entries"] = func() error { _, err := s.Entries(t.Context(), []catalog.Interval{{}}); return err }
			asks["ReadProducts"] = func() error { _, err := s.ReadProducts(t.Context(), []string{"b"}); return err }
		}
		for what, ask := range asks {
			var why *transfer.IncomparableError
			if err := ask(); !errors.As(err, &why) {
				t.Errorf("%s, %s: %v (%T)", name, what, err, err)
			} else {
				wantSentence(t, why.Err)
			}
		}
	}
	_, err := open(t, serve(t, status(503, nil)).URL, nil).Spans(t.Context(), "", "", 1, 1)
	wantTransient(t, err)
	_, err = open(t, serve(t, status(403, nil)).URL, nil).Digests(t.Context(), "", []string{""})
	wantPermanent(t, err, codeRefused)
}

func TestRehashedAsksForIt(t *testing.T) {
	t.Parallel()
	certificate := catalog.NewCertificate()
	certificate.Add("b", "1:x")
	var states []string
	s := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("rehash") != "true" {
			t.Errorf("asked %s", r.URL)
		}
		states = append(states, r.URL.Query().Get("certificate"))
		switch {
		case strings.HasSuffix(r.URL.Path, "/hashes"):
			page(hash("b"), end(1, ""))(w, r)
		case r.Method == http.MethodPost:
			page(span("b", 1, sumA), spansEnd(1, 1, ""))(w, r)
		default:
			after, next := r.URL.Query().Get("after"), "b"
			if after == "b" {
				next = ""
			}
			page(span(after+"b", 1, sumA), strings.Replace(spansEnd(1, 1, next), "}}", `,"certificate":"`+certificate.State()+`"}}`, 1))(w, r)
		}
	}).URL, nil).Rehashed()
	for _, after := range []string{"", "b"} {
		if _, _, ok := s.(transfer.Certifier).Certificate(); ok {
			t.Error("there is a certificate before the end")
		}
		if _, err := s.Spans(t.Context(), after, "", 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	if sum, n, ok := s.(transfer.Certifier).Certificate(); !ok || sum != certificate.String() || n != 1 || !slices.Equal(states, []string{"", certificate.State()}) {
		t.Errorf("certificate %s of %d, %v, asked with %q", sum, n, ok, states)
	}
	if _, err := s.Digests(t.Context(), "", []string{"b"}); err != nil {
		t.Error(err)
	}
	if _, err := s.Entries(t.Context(), []catalog.Interval{{}}); err != nil {
		t.Error(err)
	}
}

// TestManyQuestionsAtOnce: several goroutines use one source. Run it with -race.
func TestManyQuestionsAtOnce(t *testing.T) {
	t.Parallel()
	encode := encodings()["zstd"]
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", typeNDJSON)
		w.Header().Set("Content-Encoding", "zstd")
		z := encode(w)
		_, _ = io.WriteString(z, hash("b")+"\n"+end(1, "")+"\n")
		_ = z.Close()
	})
	s := open(t, server.URL, func(o *Options) { o.Compress = true })
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				got, err := s.Entries(context.Background(), []catalog.Interval{{}})
				if err != nil || len(got) != 1 || got[0].ID != "b" {
					t.Errorf("Entries = %v, %v", got, err)
				}
			}
		})
	}
	all.Wait()
}

func FuzzDigestLines(f *testing.F) {
	for _, seed := range []string{
		span("a", 1, sumA), span("", 0, ""), spansEnd(1, 1, "a"), spansEnd(0, 0, ""), hash("a"), product("a"), `{"end":null}`, `{"through":"a"}`,
		`{"through":"a","count":1e3,"sum":"ABCDEFABCDEFABCD"}`, `{"through":"a","count":1,"end":{}}`, "{\"through\":\"\xff\",\"count\":1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		l, err := parseDigestLine(line)
		switch {
		case err != nil:
			if l != (digestLine{}) {
				t.Errorf("parseDigestLine(%q) = %+v beside %v", line, l, err)
			}
		case l.end != nil:
			if l.span != (catalog.Span{}) {
				t.Errorf("parseDigestLine(%q) = %+v: an end and a span", line, l)
			}
		case l.span.Count < 0 || l.span.Count > maxProducts || len(l.span.Through) > maxIDBytes || !l.span.Known && l.span.Sum != 0:
			t.Errorf("parseDigestLine(%q) = %+v", line, l)
		}
	})
}
