package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/packing"
)

const goodBatch = `{"product":{"id":"a","name":"Chair","price":"1.50","currency":"EUR"}}
{"product":{"id":"b","unreadable":"its attributes are not a JSON object"}}
{"product":{"id":"c","name":""}}
{"end":{"count":3}}
`

func TestReadBatch(t *testing.T) {
	t.Parallel()
	batch, err := readBatch(strings.NewReader(goodBatch))
	if err != nil || len(batch.Products) != 1 || batch.Products[0].ID != "a" || len(batch.Rejects) != 2 || batch.Rejects[0].ID != "b" || batch.Rejects[1].ID != "c" {
		t.Errorf("%+v, %v", batch, err)
	}
	batch, err = readBatch(strings.NewReader("{\"delete\":\"a\"}\n{\"delete\":\"b\"}\n{\"end\":{\"count\":2}}\n"))
	if err != nil || len(batch.Deletes) != 2 || batch.Deletes[1] != "b" {
		t.Errorf("%+v, %v", batch, err)
	}
	for name, body := range map[string]string{
		"empty":             "",
		"no end":            `{"delete":"a"}` + "\n",
		"cut":               goodBatch[:60],
		"wrong count":       strings.Replace(goodBatch, `"count":3`, `"count":4`, 1),
		"goes on":           goodBatch + `{"delete":"d"}` + "\n",
		"out of order":      "{\"delete\":\"b\"}\n{\"delete\":\"a\"}\n{\"end\":{\"count\":2}}\n",
		"twice":             "{\"delete\":\"a\"}\n{\"delete\":\"a\"}\n{\"end\":{\"count\":2}}\n",
		"two in one":        `{"delete":"a","end":{"count":0}}` + "\n",
		"no id":             `{"delete":""}` + "\n" + `{"end":{"count":1}}`,
		"something else":    `{"hash":"a"}` + "\n" + `{"end":{"count":1}}`,
		"no JSON":           `{"product":{]}` + "\n" + `{"end":{"count":1}}`,
		"end without count": `{"end":{}}`,
		"line too long":     `{"delete":"` + strings.Repeat("x", catalog.MaxLineBytes) + `"}` + "\n" + `{"end":{"count":1}}`,
		"too many":          strings.Repeat(`{"product":{"id":"b","unreadable":"x"}}`+"\n", catalog.MaxBatchProducts+1) + `{"end":{"count":5001}}`,
	} {
		if _, err := readBatch(strings.NewReader(body)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := strings.Repeat(`{"product":{"id":"b","unreadable":"`+strings.Repeat("x", 1<<20)+`"}}`+"\n", 8)
	if _, err := readBatch(strings.NewReader(large)); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("too large: %v", err)
	}
}

func TestUnpackLines(t *testing.T) {
	t.Parallel()
	packed := map[string][]byte{"": []byte(goodBatch), packing.Identity: []byte(goodBatch)}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write([]byte(goodBatch))
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	packed[packing.Gzip] = zipped.Bytes()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed[packing.Zstd] = w.EncodeAll([]byte(goodBatch), nil)
	for coding, body := range packed {
		for range 2 { // the second time with a decoder that was used
			lines, err := unpackLines(bytes.NewReader(body), coding)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(lines)
			if err != nil || string(got) != goodBatch || lines.wire.N != int64(len(body)) {
				t.Errorf("%q: %q, %v, %d bytes came over the wire, want %d", coding, got, err, lines.wire.N, len(body))
			}
			if err := errors.Join(lines.Close(), lines.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	// What unpacks to more than a batch may have is cut where it gets too large.
	bomb := w.EncodeAll(bytes.Repeat([]byte(" \n"), 64<<20), nil)
	lines, err := unpackLines(bytes.NewReader(bomb), packing.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, lines); n > 2*catalog.MaxPageBytes {
		t.Errorf("a bomb of %d bytes became %d, %v", len(bomb), n, err)
	}
	if _, err := unpackLines(strings.NewReader("no gzip"), packing.Gzip); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no gzip: %v", err)
	}
	if _, err := readBatch(http.MaxBytesReader(nil, io.NopCloser(strings.NewReader(goodBatch)), 10)); err == nil || fault.KindOf(err) == fault.Invalid {
		t.Errorf("a body that is too large: %v", err)
	}
}

// FuzzReadBatch: what is taken holds only ids and products that may be stored, in order and each once.
func FuzzReadBatch(f *testing.F) {
	f.Add([]byte(goodBatch))
	f.Add([]byte("{\"delete\":\"a\"}\n{\"end\":{\"count\":1}}\n"))
	f.Add([]byte(`{"product":{"id":"a","name":"x","attributes":{"a":1e999}}}` + "\n" + `{"end":{"count":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		batch, err := readBatch(bytes.NewReader(body))
		if err != nil {
			return
		}
		last := ""
		for _, p := range batch.Products {
			again, err := catalog.Parse(p.AppendJSON(nil))
			if err != nil || again.Hash != p.Hash || p.ID <= last {
				t.Fatalf("%+v came after %q, and reads again as %+v, %v", p, last, again, err)
			}
			last = p.ID
		}
		for _, id := range batch.Deletes {
			if !catalog.IsID(id) {
				t.Fatalf("%q is no id", id)
			}
		}
	})
}
