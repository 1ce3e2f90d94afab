package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"fullsync/api"
	"fullsync/internal/catalog"
	"fullsync/internal/transfer"
)

// side is a catalog of the services for comparing.
type side struct {
	*services
	// unknown is the id of a product whose digest is missing.
	unknown string
	rehash  bool
}

// anew is a side that computes every hash anew.
type anew struct {
	side
	transfer.Certificates
}

func (s *services) side(_ string, rehash bool) api.Side {
	if rehash {
		return &anew{side: side{services: s, rehash: true}}
	}
	return &side{services: s, unknown: "unknown"}
}

func (s *side) in(after, through string) (d catalog.Digest, last string) {
	d.Known = true
	for _, p := range s.products {
		if p.ID > after && (through == "" || p.ID <= through) {
			d.Add(p.Hash)
			d.Known = d.Known && p.ID != s.unknown
			last = p.ID
		}
	}
	return d, last
}

func (s *side) Spans(_ context.Context, after, through string, every, limit int) (page transfer.SpanPage, err error) {
	if s.readFailure != nil {
		return page, s.readFailure
	}
	page.Next = after
	n := 0
	for _, p := range s.products {
		if p.ID <= after || through != "" && p.ID > through {
			continue
		}
		if n%every == 0 {
			if n/every == limit {
				page.More = true
				break
			}
			page.Spans = append(page.Spans, catalog.Span{})
		}
		n++
		last := &page.Spans[len(page.Spans)-1]
		last.Through = p.ID
		last.Digest, _ = s.in(page.Next, p.ID)
		if n%every == 0 {
			page.Next = p.ID
		}
	}
	if n := len(page.Spans); n > 0 {
		page.Next = page.Spans[n-1].Through
	}
	return page, nil
}

func (s *side) Digests(_ context.Context, after string, through []string) (out []catalog.Digest, err error) {
	for _, t := range through {
		d, _ := s.in(after, t)
		out, after = append(out, d), t
	}
	return out, s.readFailure
}

func (s *side) EachEntry(_ context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error {
	for _, p := range s.products {
		for _, in := range of {
			if p.ID > in.After && (in.Through == "" || p.ID <= in.Through) && limit > 0 {
				limit--
				if err := each(catalog.Entry{ID: p.ID, Hash: p.Hash}); err != nil {
					return err
				}
			}
		}
	}
	return s.readFailure
}

func (s *side) EachShort(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error {
	return s.EachEntry(ctx, of, limit, func(e catalog.Entry) error {
		e.Hash = catalog.Short(e.Hash)
		return each(e)
	})
}

func (s *anew) Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error) {
	page, err := s.side.Spans(ctx, after, through, every, limit)
	certificate := s.After(after)
	for _, p := range s.products {
		if certificate != nil && p.ID > after && p.ID <= page.Next {
			certificate.Add(p.ID, p.Hash)
		}
	}
	s.Reached(page.Next, certificate)
	return page, err
}

const digestsPath = "/api/node/catalogs/main/digests"

// digestLine is a line of a page of digests.
func digestLine(through string, d catalog.Digest) string {
	return fmt.Sprintf("{\"through\":%q,\"count\":%d,\"sum\":\"%016x\"}\n", through, d.Count, d.Sum)
}

func digestsEnd(spans, count int, next string, total int) string {
	return fmt.Sprintf("{\"end\":{\"spans\":%d,\"count\":%d,\"hashVersion\":\"1\",\"next\":%s,\"total\":%d}}\n", spans, count, next, total)
}

func TestDigestPage(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.products = someProducts("a", "b", "c", "unknown")
	of := &side{services: n.services, unknown: "unknown"}
	line := func(after, through string) string { d, _ := of.in(after, through); return digestLine(through, d) }
	for query, want := range map[string]string{
		"?every=2":                   line("", "b") + `{"through":"unknown","count":2}` + "\n" + digestsEnd(2, 4, "null", 4),
		"?every=2&limit=1":           line("", "b") + digestsEnd(1, 2, `"b"`, 4),
		"?every=1&after=a&through=b": line("a", "b") + digestsEnd(1, 1, "null", 4),
		"?after=unknown":             digestsEnd(0, 0, "null", 4),
	} {
		a := n.call("GET", digestsPath+query, "", "Accept-Encoding", "identity")
		if a.status != 200 || a.body != want || a.header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s: %d\n got %s\nwant %s", query, a.status, a.body, want)
		}
	}
	for query, field := range map[string]string{
		"?every=0": "every", "?every=100001": "every", "?limit=0": "limit", "?limit=5001": "limit", "?rehash=7": "rehash",
		"?after=" + strings.Repeat("x", 256): "after", "?certificate=*": "certificate", "?certificate=AAAA&rehash=true&after=a": "certificate",
	} {
		if a := n.call("GET", digestsPath+query, ""); a.status != 400 || !strings.Contains(a.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestDigestsOfIntervals(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.products = someProducts("a", "b", "c")
	of := &side{services: n.services}
	line := func(after, through string) string { d, _ := of.in(after, through); return digestLine(through, d) }
	for body, want := range map[string]string{
		`{"through":["a","b",""]}`:         line("", "a") + line("a", "b") + line("b", "") + digestsEnd(3, 3, "null", 3),
		`{"after":"a","through":["aa"]}`:   line("a", "aa") + digestsEnd(1, 0, "null", 3),
		`{"after":"b","through":["z",""]}`: line("b", "z") + line("z", "") + digestsEnd(2, 1, "null", 3),
	} {
		for _, query := range []string{"", "?rehash=true"} {
			if a := n.call("POST", digestsPath+query, body, "Accept-Encoding", "identity"); a.status != 200 || a.body != want {
				t.Errorf("%s %s: %d\n got %s\nwant %s", body, query, a.status, a.body, want)
			}
		}
	}
	for _, body := range []string{`{}`, `{"through":[]}`, `{"through":[7]}`, `{"through":["a"],"more":1}`, `{"through":["` + strings.Repeat("x", 256) + `"]}`,
		`{"through":["x"` + strings.Repeat(`,"x"`, 5000) + `]}`} {
		if a := n.call("POST", digestsPath, body); a.status != 400 || a.member("details") == nil {
			t.Errorf("%.80s: %d %s", body, a.status, a.body)
		}
	}
}

// TestRehashIsBounded: a request for given intervals computes no more hashes than one may, and says how to go on.
func TestRehashIsBounded(t *testing.T) {
	t.Parallel()
	n := setup(t, func(o *api.Options) {
		o.Sides = func(string, bool) api.Side { return hugeSide{} }
	})
	var ids []string
	for i := range 20 {
		ids = append(ids, fmt.Sprintf(`"%02d"`, i))
	}
	a := n.call("POST", digestsPath+"?rehash=true", `{"through":[`+strings.Join(ids, ",")+`]}`, "Accept-Encoding", "identity")
	if a.status != 200 || !strings.HasPrefix(a.body, "{\"through\":\"00\",\"count\":1000000}\n") || strings.Count(a.body, "\n") != 12 ||
		!strings.Contains(a.body, `"spans":11,"count":1100000,"hashVersion":"1","next":"10"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// hugeSide has 10,000 products in every interval, and 1,000,000 in the first.
type hugeSide struct{ api.Side }

func (hugeSide) Digests(_ context.Context, after string, through []string) ([]catalog.Digest, error) {
	out := make([]catalog.Digest, len(through))
	for i := range out {
		out[i] = catalog.Digest{Count: 10_000, Known: true}
		if after == "" && i == 0 {
			out[i].Count = 1_000_000
		}
	}
	return out, nil
}

func TestCertificateGoesOnFromPageToPage(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.products = someProducts("a", "b", "c")
	want := catalog.NewCertificate()
	for _, p := range n.products {
		want.Add(p.ID, p.Hash)
	}
	state, after := "", ""
	for range n.products {
		a := n.call("GET", digestsPath+"?rehash=true&limit=1&every=1&after="+after+"&certificate="+state, "")
		_, rest, _ := strings.Cut(a.body, `"certificate":"`)
		state, _, _ = strings.Cut(rest, `"`)
		_, rest, _ = strings.Cut(a.body, `{"through":"`)
		after, _, _ = strings.Cut(rest, `"`)
	}
	if got, err := catalog.ResumeCertificate(state); err != nil || got.String() != want.String() || got.Count() != 3 {
		t.Errorf("the certificate is %v, %v, want %s", got, err, want)
	}
	if a := n.call("GET", digestsPath+"?rehash=true&after=a", ""); strings.Contains(a.body, "certificate") {
		t.Errorf("there is a certificate without what came before: %s", a.body)
	}
	if a := n.call("GET", digestsPath+"?after=a&certificate="+state, ""); a.status != 400 {
		t.Errorf("a certificate without hashes computed anew: %d %s", a.status, a.body)
	}
}

func TestPagesOfIntervalsAndIds(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.products = someProducts("a", "b", "c", "d")
	entry := func(i int) string {
		return fmt.Sprintf("{\"id\":%q,\"hash\":%q}\n", n.products[i].ID, n.products[i].Hash)
	}
	short := func(i int) string {
		return fmt.Sprintf("{\"id\":%q,\"hash\":%q}\n", n.products[i].ID, catalog.Short(n.products[i].Hash))
	}
	product := func(i int) string {
		return `{"product":` + string(n.products[i].AppendJSON(nil)) + "}\n"
	}
	end := func(count int, next string) string {
		return fmt.Sprintf("{\"end\":{\"count\":%d,\"next\":%s,\"total\":4}}\n", count, next)
	}
	const hashesPath = "/api/node/catalogs/main/hashes"
	for _, tc := range []struct{ method, path, body, want string }{
		{"GET", pagePath + "?after=a&through=c", "", product(1) + product(2) + end(2, "null")},
		{"GET", pagePath + "?through=c&limit=1", "", product(0) + end(1, `"a"`)},
		{"GET", hashesPath + "?through=b", "", entry(0) + entry(1) + end(2, "null")},
		{"GET", hashesPath + "?after=b&rehash=true", "", entry(2) + entry(3) + end(2, "null")},
		{"POST", hashesPath, `{"intervals":[{"after":"","through":"a"},{"after":"b","through":""}]}`, entry(0) + entry(2) + entry(3) + end(3, "null")},
		{"POST", hashesPath + "?limit=2", `{"intervals":[{"after":"","through":"a"},{"after":"b","through":""}]}`, entry(0) + entry(2) + end(2, `"c"`)},
		{"POST", hashesPath + "?short=true", `{"intervals":[{"after":"b","through":""}]}`, short(2) + short(3) + end(2, "null")},
		{"POST", pagePath, `{"ids":["d","nothing","a","d"]}`, product(0) + product(3) + end(2, "null")},
	} {
		if a := n.call(tc.method, tc.path, tc.body, "Accept-Encoding", "identity"); a.status != 200 || a.body != tc.want {
			t.Errorf("%s %s %s: %d\n got %s\nwant %s", tc.method, tc.path, tc.body, a.status, a.body, tc.want)
		}
	}
	for path, bodies := range map[string][]string{
		hashesPath: {`{}`, `{"intervals":[]}`, `{"intervals":[{"after":"a"}]}`, `{"intervals":[{"after":"a","through":""},{"after":"b","through":"c"}]}`,
			`{"intervals":[{"after":"b","through":"a"}]}`, `{"intervals":[{"after":"a","through":"c"},{"after":"b","through":"d"}]}`},
		pagePath: {`{}`, `{"ids":[]}`, `{"ids":[""]}`, `{"ids":["x"` + strings.Repeat(`,"x"`, 5000) + `]}`},
	} {
		for _, body := range bodies {
			if a := n.call("POST", path, body); a.status != 400 || a.member("details") == nil {
				t.Errorf("%s %.80s: %d %s", path, body, a.status, a.body)
			}
		}
	}
}
