package api

import (
	"strings"
	"testing"
)

func TestOnlyAPlainPathIsAPrefix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "",
		"/":                            "",
		"/sync":                        "/sync",
		"/sync/":                       "/sync",
		"/shop.example/sync_2/~a-b":    "/shop.example/sync_2/~a-b",
		"sync":                         "",
		"//evil.example":               "",
		"/a//b":                        "",
		"/a//":                         "",
		"/\\evil.example":              "",
		"https://evil.example":         "",
		"/..":                          "",
		"/a/../b":                      "",
		"/a/./b":                       "",
		"/a?b":                         "",
		"/a#b":                         "",
		"/a b":                         "",
		"/a%2f":                        "",
		"/a,/b":                        "",
		"/a\r\nX: y":                   "",
		"/é":                           "",
		"/" + strings.Repeat("a", 255): "/" + strings.Repeat("a", 255),
		"/" + strings.Repeat("a", 256): "",
	} {
		if got := cleanPrefix(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
