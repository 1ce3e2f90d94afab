package catalog_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
)

func TestCursorRoundTrip(t *testing.T) {
	for _, c := range []catalog.Cursor{
		{},
		{NodeID: "branch", Catalog: "main"},
		{NodeID: "branch", Catalog: "main", After: "prod-000123"},
		{NodeID: "Nørd/1", Catalog: "a.b", After: strings.Repeat("ä", 127) + "x"},
		{NodeID: strings.Repeat("n", 255), Catalog: strings.Repeat("c", 255), After: strings.Repeat("p", 255)},
	} {
		text := c.String()
		got, err := catalog.ParseCursor(text)
		if err != nil || got != c {
			t.Errorf("ParseCursor(%q) = %+v, %v; want %+v", text, got, err, c)
		}
		if c.After != "" && strings.Contains(text, c.After) {
			t.Errorf("the cursor %q shows the id", text)
		}
	}
}

func TestParseCursorRefusesRubbish(t *testing.T) {
	raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	good := catalog.Cursor{NodeID: "n", Catalog: "c", After: "a"}.String()
	for name, text := range map[string]string{
		"empty":               "",
		"not base64":          "%%%",
		"padded":              good + "=",
		"in two lines":        good[:4] + "\n" + good[4:],
		"no version":          raw(""),
		"another version":     raw("\x02\x01n\x01c\x01a"),
		"cut":                 raw("\x01\x01n\x01c\x02a"),
		"a part missing":      raw("\x01\x01n\x01c"),
		"more behind":         raw("\x01\x01n\x01c\x01a!"),
		"a length spelt long": raw("\x01\x81\x00n\x01c\x01a"),
		"an endless length":   raw("\x01" + strings.Repeat("\xff", 11)),
		"a huge length":       raw("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01n"),
		"a long part":         raw("\x01\x01n\x01c\xad\x02" + strings.Repeat("a", 301)),
		"invalid UTF-8":       raw("\x01\x01n\x01c\x01\xff"),
		"NUL":                 raw("\x01\x01n\x01c\x01\x00"),
		"far too long":        strings.Repeat("A", 1<<20),
		"stray bits":          "AQFuAWMBYQ"[:9] + "R",
	} {
		c, err := catalog.ParseCursor(text)
		if err == nil || fault.KindOf(err) != fault.Invalid || c != (catalog.Cursor{}) {
			t.Errorf("%s: ParseCursor = %+v, %v; want an Invalid fault", name, c, err)
		}
	}
}

func TestCursorCheck(t *testing.T) {
	c := catalog.Cursor{NodeID: "branch", Catalog: "main", After: "7"}
	if err := c.Check("branch", "main"); err != nil {
		t.Errorf("Check of its own source: %v", err)
	}
	for _, other := range [][2]string{{"other", "main"}, {"branch", "other"}, {"", ""}, {"main", "branch"}} {
		err := c.Check(other[0], other[1])
		if err == nil || fault.KindOf(err) != fault.Conflict {
			t.Errorf("Check(%q, %q) = %v; want a Conflict fault", other[0], other[1], err)
		}
	}
	const want = `The saved position belongs to catalog "main" of node "branch", but this sync reads catalog "main" of node "other"; ` +
		`start a new sync.`
	if got := fault.Sentence(c.Check("other", "main"), ""); got != want {
		t.Errorf("sentence:\n got %s\nwant %s", got, want)
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{catalog.Default, "a", "9", "A.b_c-d", strings.Repeat("x", 63)} {
		if err := catalog.CheckName(name); err != nil {
			t.Errorf("CheckName(%q): %v", name, err)
		}
	}
	for _, name := range []string{"", ".a", "-a", "_a", "a b", "a/b", "ä", "a\n", "a\x00", strings.Repeat("x", 64)} {
		if err := catalog.CheckName(name); err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("CheckName(%q) = %v; want an Invalid fault", name, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(catalog.Cursor{}.String())
	f.Add(catalog.Cursor{NodeID: "branch", Catalog: "main", After: "prod-000123"}.String())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := catalog.ParseCursor(text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("not an Invalid fault: %v", err)
			}
			return
		}
		if again := c.String(); again != text {
			t.Errorf("%q reads as %+v, which is %q", text, c, again)
		}
	})
}
