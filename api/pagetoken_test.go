package api

import (
	"encoding/base64"
	"testing"

	"fullsync/internal/fault"
)

func TestPageTokenIsBoundToItsListing(t *testing.T) {
	t.Parallel()
	token := pageToken{kind: productsPage, bound: "main", position: "p-1"}.String()
	if position, err := parsePageToken(token, productsPage, "main"); err != nil || position != "p-1" {
		t.Errorf("%q, %v", position, err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	raw[0]++
	for name, attempt := range map[string]func() (string, error){
		"other filters":   func() (string, error) { return parsePageToken(token, productsPage, "garden") },
		"another listing": func() (string, error) { return parsePageToken(token, sessionsPage, "main") },
		"another version": func() (string, error) {
			return parsePageToken(base64.RawURLEncoding.EncodeToString(raw), productsPage, "main")
		},
		"cut":   func() (string, error) { return parsePageToken(token[:8], productsPage, "main") },
		"empty": func() (string, error) { return parsePageToken("", productsPage, "main") },
	} {
		if position, err := attempt(); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %q, %v", name, position, err)
		}
	}
}

// FuzzPageToken: whatever is accepted is what String would have made, and nothing panics.
func FuzzPageToken(f *testing.F) {
	f.Add(pageToken{kind: productsPage, bound: "main", position: "p-1"}.String(), "main")
	f.Add(pageToken{kind: sessionsPage, bound: "", position: "2026-01-31T10:00:00Z 5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186"}.String(), "")
	f.Add("", "")
	f.Add("AQE", "x")
	f.Add("====", "x")
	f.Add(pageToken{kind: productsPage, bound: "main", position: "p-1"}.String()+"\r", "main")
	f.Fuzz(func(t *testing.T, text, bound string) {
		for _, kind := range []pageKind{sessionsPage, productsPage} {
			position, err := parsePageToken(text, kind, bound)
			if err != nil {
				if fault.KindOf(err) != fault.Invalid {
					t.Errorf("%q: %v", text, err)
				}
				continue
			}
			if again := (pageToken{kind: kind, bound: bound, position: position}).String(); again != text {
				t.Errorf("%q is read as %q, which is written %q", text, position, again)
			}
		}
		if at, id, err := sessionsAfter(text, bound); err == nil && text != "" && (at.IsZero() && id == "") {
			t.Errorf("%q leads nowhere", text)
		}
	})
}
