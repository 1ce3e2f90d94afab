package fetch

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fullsync/internal/peer"
)

// TestNextPage is found by what a page says of itself, or counted to.
func TestNextPage(t *testing.T) {
	t.Parallel()
	list := func(records, total int64) Page { return Page{IsList: true, Records: records, Total: total} }
	for _, test := range []struct {
		name, address, link string
		total               string // X-WP-TotalPages
		page                Page
		want                string
	}{
		{name: "no list", address: "/p?page=1", page: Page{Total: -1}},
		{name: "one page", address: "/p", page: list(5, -1)},
		{name: "a link", address: "/p", link: `</p?page=2>; rel="next"`, page: list(5, -1), want: "/p?page=2"},
		{name: "a link among others", address: "/p", link: `</p?a=b,c;d>; rel="prev", <?page=2>; rel=next; title="<x>"`, page: list(5, -1), want: "/p?page=2"},
		{name: "a link with several relations", address: "/p", link: `</p?page=9>;rel="last", </p?page=2> ; title=t; REL="x Next"`, page: list(5, -1), want: "/p?page=2"},
		{name: "no link to a next page", address: "/p", link: `</p?page=9>; rel="last"`, page: list(5, -1)},
		{name: "half a link", address: "/p", link: `</p?page=2; rel="next"`, page: list(5, -1)},
		{name: "a link over http", address: "/p", link: `<http://shop.example/p?page=2>; rel="next"`, page: list(5, -1), want: "/p?page=2"},
		{name: "a member", address: "/p", page: Page{IsList: true, Records: 5, Total: -1, Next: "/q?after=x#y"}, want: "/q?after=x"},
		{name: "a member with a query", address: "/p", page: Page{IsList: true, Records: 5, Total: -1, Next: "?after=x"}, want: "/p?after=x"},
		{name: "a member that is no address", address: "/p", page: Page{IsList: true, Records: 5, Total: -1, Next: "eyJpZCI6MX0="}},
		{name: "the number of pages", address: "/p", total: "2", page: list(5, -1), want: "/p?page=2"},
		{name: "the last of the pages", address: "/p?page=2", total: "2", page: list(5, -1)},
		{name: "counted from 1", address: "/p?page=1", page: list(5, -1), want: "/p?page=2"},
		{name: "counted from 0", address: "/p?page=0", page: list(5, -1), want: "/p?page=1"},
		{name: "an empty page", address: "/p?page=3", page: list(0, -1)},
		{name: "counted by records", address: "/p?skip=10", page: list(5, 20), want: "/p?skip=15"},
		{name: "the last of the records", address: "/p?skip=15", page: list(5, 20)},
		{name: "the parameter of the page", address: "/p", page: Page{IsList: true, Records: 5, Total: 20, OffsetName: "offset"}, want: "/p?offset=5"},
		{name: "a pattern", address: "/p/{page}", page: list(5, -1), want: "/p/2"},
		{name: "an escaped pattern", address: "/p?v=%7Boffset%7D", page: list(5, -1), want: "/p?v=5"},
	} {
		first, err := firstPage("https://shop.example" + test.address)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set("Link", test.link)
		h.Set("X-WP-TotalPages", test.total)
		next, err := first.next(h, test.page)
		got := ""
		if next != nil {
			got = strings.TrimPrefix(next.url, "https://shop.example")
		}
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
	for _, link := range []string{"https://other.example/p", "https://shop.example:444/p", "//other.example/p", "https://a:b@shop.example/p", "file:///etc/passwd", "http://shop.example:81/p", "%zz"} {
		first, _ := firstPage("https://shop.example/p")
		if next, err := first.next(http.Header{"Link": {"<" + link + ">; rel=next"}}, list(1, -1)); err == nil {
			t.Errorf("%s leads to %+v", link, next)
		}
	}
}

// FuzzNextPage: whatever a page says, the next one is on the same host.
func FuzzNextPage(f *testing.F) {
	f.Add("/p?page=1", `</p?page=2>; rel="next"`, "7", "?x", "offset", int64(3), int64(9))
	f.Add("/p/{page}?q=%7Boffset%7D", `<<>>;rel=next, <//x>; rel=next`, "-1", "http://[", "skip", int64(0), int64(-1))
	f.Fuzz(func(t *testing.T, address, link, total, member, offset string, records, all int64) {
		const home = "https://shop.example/"
		first, err := firstPage(home + strings.TrimPrefix(address, "/"))
		if err != nil {
			return
		}
		if _, err := url.Parse(first.url); err != nil {
			return
		}
		h := http.Header{"Link": {link, link + link}}
		h.Set("X-WP-TotalPages", total)
		next, err := first.next(h, Page{IsList: true, Records: records, Total: all, Next: member, OffsetName: offset})
		if err != nil || next == nil {
			return
		}
		if !peer.SameOrigin(home, next.url) || next.read != first.read+1 {
			t.Errorf("after %s comes %+v", first.url, next)
		}
	})
}
