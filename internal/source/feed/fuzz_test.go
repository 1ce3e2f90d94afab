package feed_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/source/feed"
)

// fuzz reads anything as a format: it must end, with products that are right and with errors for people.
func fuzz(f *testing.F, opt feed.Options, seeds ...string) {
	files, err := filepath.Glob("testdata/cases/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(in)
	}
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := feed.Open(bytes.NewReader(in), opt)
		refused := feed.NewRefusedWriter(io.Discard, feed.Found{Format: feed.NDJSON})
		if err == nil {
			refused = feed.NewRefusedWriter(io.Discard, r.Found())
		}
		for err == nil {
			var item feed.Item
			item, err = r.Next()
			switch {
			case err != nil:
			case item.Reject != nil:
				if item.Reject.Reason == "" {
					t.Error("refused without a reason")
				}
				if err := refused.Write(item); err != nil {
					t.Error(err)
				}
			default:
				again, parsed := catalog.Parse(item.Product.AppendJSON(nil))
				if parsed != nil || again != item.Product {
					t.Errorf("%+v\nis read again as\n%+v %v", item.Product, again, parsed)
				}
			}
		}
		if !errors.Is(err, io.EOF) && fault.KindOf(err) == fault.Internal {
			t.Errorf("not for people: %v", err)
		}
	})
}

func FuzzAnyFormat(f *testing.F) {
	fuzz(f, feed.Options{}, "\x1f\x8b\x08\x00", "\x28\xb5\x2f\xfd\x04", "\xff\xfe{\x00}\x00", "sep=;\nid;name\n")
}

func FuzzLines(f *testing.F) {
	fuzz(f, feed.Options{Format: feed.NDJSON}, `{"id":1,"name":"a","price":"1,5"}`, `{"id":"a","__parentId":"b"}`+"\n"+`{"id":"b","title":"B"}`)
}

func FuzzJSON(f *testing.F) {
	fuzz(f, feed.Options{Format: feed.JSON}, `{"data":{"items":[{"id":1,"name":"x"},]}}`, `[{"id":1e9,"title":"x","variants":[{"price":"1"}]}]`)
}

func FuzzTable(f *testing.F) {
	fuzz(f, feed.Options{Format: feed.CSV}, "id,name,price\n\"a\"\"\",\"b\nc\",1.5\n", "id;name;attributes\na;a;{\"x\":1}\n")
}

func FuzzXML(f *testing.F) {
	fuzz(f, feed.Options{Format: feed.XML}, "<rss><item><g:id>a</g:id><title>t</title><price>1 EUR</price><link>x</link><g:shipping><g:price>1</g:price></g:shipping></item></rss>")
}

// FuzzPage: what a page says about itself is never more than it holds.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"products":[{"id":1}],"count":9,"offset":0}`, `[{"id":1},{"id":2}]`, `{"data":{"products":{"totalItems":2,"items":[{"id":"1"}]}}}`,
		`{"errors":[{"message":"no"}],"data":null}`, `{"products":{"1":{"id":1},"2":{"id":2}},"next":"/p?page=2"}`, `{"error":{"message":"no"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		p := feed.LookAt(page, feed.Options{})
		if p.Records < 0 || p.Records > int64(len(page)) || p.Total < -1 || !p.IsList && p.Records > 0 || p.Error != "" && p.IsList {
			t.Errorf("%+v", p)
		}
	})
}
