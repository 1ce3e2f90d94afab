package fetch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
)

// place is where a page of a list is.
type place struct {
	url string
	// from is the address of the feed, as a pattern.
	from string
	// number counts the pages from 1, or from what the address says; offset is how many records come before the page.
	number, offset int64
	// read counts the pages so far.
	read int64
	// counts says that the page was counted to and may not exist.
	counts bool
}

// The patterns in an address that stand for the number of the page, and for how many records come before it.
const (
	pagePattern   = "{page}"
	offsetPattern = "{offset}"
)

func pageParameters() []string   { return []string{"page", "paged", "page_number", "pageNumber"} }
func offsetParameters() []string { return []string{"offset", "skip"} }

var escapedPattern = regexp.MustCompile(`(?i)%7b(page|offset)%7d`)

// firstPage returns where the first page of a feed is.
func firstPage(address string) (place, error) {
	p := place{from: escapedPattern.ReplaceAllString(address, "{$1}"), number: 1, read: 1}
	u, err := url.Parse(address)
	if err != nil {
		return p, fault.New(fault.Impossible, "FEED_PAGES", "Feed cannot be read", "The URL of the feed is malformed.")
	}
	q := u.Query()
	for _, name := range pageParameters() {
		if n, err := strconv.ParseInt(q.Get(name), 10, 32); err == nil && n >= 0 {
			p.number = n
		}
	}
	for _, name := range offsetParameters() {
		if n, err := strconv.ParseInt(q.Get(name), 10, 32); err == nil && n >= 0 {
			p.offset = n
		}
	}
	p.url = p.filled()
	return p, nil
}

// filled returns the address with the patterns filled in.
func (p place) filled() string {
	return strings.NewReplacer(pagePattern, strconv.FormatInt(p.number, 10), offsetPattern, strconv.FormatInt(p.offset, 10)).Replace(p.from)
}

// next returns where the page after this one is, nil if this is the last.
func (p place) next(h http.Header, page Page) (*place, error) {
	n := p
	n.number, n.offset, n.read, n.counts = p.number+1, p.offset+page.Records, p.read+1, false
	u, err := url.Parse(p.url)
	if err != nil {
		return nil, errors.New("the address of a page is malformed")
	}
	if !page.IsList {
		return nil, nil //nolint:nilnil // there is none
	}
	link := linkNext(h)
	if link == "" && strings.HasPrefix(strings.TrimLeft(page.Next, "htps:"), "/") || strings.HasPrefix(page.Next, "?") {
		link = page.Next // otherwise it is some other way to name a page
	}
	if link != "" {
		n.url, err = follow(u, link)
		return &n, err
	}
	all := page.Total >= 0 && n.offset >= page.Total
	q := u.Query()
	total, err := strconv.ParseInt(h.Get("X-WP-TotalPages"), 10, 32)
	byPage := slices.IndexFunc(pageParameters(), q.Has)
	byOffset := slices.IndexFunc(offsetParameters(), q.Has)
	switch {
	case err == nil && p.number >= total: // it says that there are no more
		return nil, nil //nolint:nilnil // there is none
	case page.Records == 0, all:
		return nil, nil //nolint:nilnil // there is none
	case strings.Contains(p.from, pagePattern), strings.Contains(p.from, offsetPattern):
		n.url, n.counts = n.filled(), true
		return &n, nil
	case byPage >= 0:
		n.url, n.counts = with(u, pageParameters()[byPage], n.number), true
	case byOffset >= 0:
		n.url, n.counts = with(u, offsetParameters()[byOffset], n.offset), true
	case err == nil:
		n.url = with(u, "page", n.number)
	case page.OffsetName != "" && page.Total >= 0:
		n.url = with(u, page.OffsetName, n.offset)
	default:
		return nil, nil //nolint:nilnil // there is none
	}
	return &n, nil
}

// with returns an address with another value of a parameter.
func with(u *url.URL, name string, value int64) string {
	q := u.Query()
	q.Set(name, strconv.FormatInt(value, 10))
	next := *u
	next.RawQuery = q.Encode()
	return next.String()
}

// follow returns the address that a page names as its next one. It must be on the same host. Behind a proxy, a server may believe that it is asked
// over http; the scheme stays that of the page.
func follow(page *url.URL, link string) (string, error) {
	next, err := page.Parse(link)
	if err != nil || next.User != nil {
		return "", errors.New("the address of its next page is malformed")
	}
	if next.Scheme == "http" && page.Scheme == "https" && next.Hostname() == page.Hostname() && (next.Port() == "" || next.Port() == page.Port()) {
		next.Scheme, next.Host = page.Scheme, page.Host
	}
	next.Fragment = ""
	if !peer.SameOrigin(page.String(), next.String()) {
		return "", errors.New("its next page is on another host, and fullsync does not go there")
	}
	return next.String(), nil
}

// linkNext returns the address in a Link header with rel="next"; "" if there is none.
func linkNext(h http.Header) string {
	for _, header := range h.Values("Link") {
		for header != "" {
			_, rest, ok := strings.Cut(header, "<")
			if !ok {
				break
			}
			address, parameters, ok := strings.Cut(rest, ">")
			if !ok {
				break
			}
			parameters, header, _ = strings.Cut(parameters, "<")
			for _, one := range strings.Split(parameters, ";") {
				name, value, _ := strings.Cut(strings.Trim(one, " ,"), "=")
				if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.Contains(strings.Fields(strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`))), "next") {
					return address
				}
			}
			if header != "" {
				header = "<" + header
			}
		}
	}
	return ""
}

// pages reads the pages of a list after the first.
type pages struct {
	b    *Body
	to   *place
	seen map[string]bool
	// last is the sum over the last page that had records; full is how many the first one had, and short says that a later one had fewer.
	last  [sha256.Size]byte
	full  int64
	short bool
	// records is how many came so far, and total how many the list says to have; -1 if it does not.
	records, total int64
}

func newPages(b *Body, to *place, h http.Header, page Page, body []byte) *pages {
	return &pages{
		b: b, to: to, seen: map[string]bool{}, last: sha256.Sum256(body), full: page.Records, records: page.Records, total: total(h, page),
	}
}

// total returns how many records the whole list has, -1 if it does not say.
func total(h http.Header, page Page) int64 {
	if n, err := strconv.ParseInt(h.Get("X-WP-Total"), 10, 64); err == nil {
		return n
	}
	return page.Total
}

// next reads the next page. It returns io.EOF after the last.
func (p *pages) next() (io.Reader, error) {
	if p.to == nil {
		if p.total >= 0 && p.records != p.total {
			return nil, p.moved()
		}
		return nil, io.EOF
	}
	b, at := p.b, *p.to
	switch {
	case at.read > maxPages:
		return nil, b.trouble("FEED_PAGES", "its list has more than %d pages", maxPages)
	case p.seen[at.url]:
		return nil, b.trouble("FEED_PAGES", "its pages go in a circle: page %d is one that has come before", at.read)
	}
	p.seen[at.url] = true
	var body []byte
	var head http.Header
	err := b.o.Try(b.ctx, func() error {
		a, err := b.ask(at.url, peer.FeedSeen{})
		if err != nil {
			return err
		}
		defer a.close()
		var whole bool
		if body, whole, err = a.page(b); err == nil && !whole {
			err = b.trouble("FEED_TOO_LARGE", "page %d of its list is larger than %d MB", at.read, maxPage>>20)
		}
		head = a.header
		return err
	})
	var said *fault.Error
	if at.counts && p.short && errors.As(err, &said) && said.Code == "FEED_NOT_FOUND" {
		p.to = nil // the last page was not full, and what would come after it is not there
		return bytes.NewReader(nil), nil
	}
	if err != nil {
		return nil, err
	}
	return p.came(at, head, body)
}

// came takes in a page.
func (p *pages) came(at place, head http.Header, body []byte) (io.Reader, error) {
	b, page := p.b, p.b.o.LookAt(body)
	if page.Error != "" {
		return nil, b.trouble("FEED_PAGES", "page %d of its list is an error of its server: \"%s\"", at.read, page.Error)
	}
	if !page.IsList {
		return nil, b.trouble("FEED_PAGES", "page %d of its list is no list of products. Is it the page of a login, or of an error?", at.read)
	}
	sum := sha256.Sum256(body)
	if now := total(head, page); now >= 0 && p.total >= 0 && now != p.total {
		return nil, p.moved()
	}
	if page.Records > 0 && sum == p.last {
		return nil, b.trouble("FEED_PAGES", "page %d of its list is the same as the one before: its server does not count pages as its URL does", at.read)
	}
	next, err := at.next(head, page)
	if err != nil {
		return nil, b.trouble("FEED_PAGES", "%s", err.Error())
	}
	p.records += page.Records
	p.to, p.last, p.short = next, sum, p.short || page.Records < p.full
	return io.MultiReader(strings.NewReader("\n"), bytes.NewReader(body)), nil
}

// moved is the error for a list that changes while its pages are read: products may have slipped from one page to another.
func (p *pages) moved() error {
	return p.b.passing(0, nil, "has another number of products now than when its first page was read, so some may have been missed; it is read again from the beginning")
}
