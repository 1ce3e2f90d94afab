package peer

import (
	"strings"
	"testing"

	"fullsync/internal/fault"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://branch.example.com":             "https://branch.example.com",
		"https://branch.example.com/":            "https://branch.example.com",
		" HTTPS://Branch.Example.com:443/sync/ ": "https://branch.example.com/sync",
		"http://127.0.0.1:8080":                  "http://127.0.0.1:8080",
		"http://192.168.1.7:80":                  "http://192.168.1.7",
		"http://[::1]:8080/a/b//":                "http://[::1]:8080/a/b",
		"http://[::1]":                           "http://[::1]",
		"http://node_2:8080":                     "http://node_2:8080",
		"https://xn--bcher-kva.example":          "https://xn--bcher-kva.example",
		"http://h/a%20b":                         "http://h/a%20b",
	} {
		got, err := ParseURL(text)
		if err != nil || got != want {
			t.Errorf("ParseURL(%q) = %q, %v; want %q", text, got, err, want)
			continue
		}
		if again, err := ParseURL(got); err != nil || again != got {
			t.Errorf("ParseURL(%q) = %q, %v: not stable", got, again, err)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "branch", "//branch", "/path", "ftp://branch", "file:///etc/passwd", "javascript:alert(1)", "http:", "http://",
		"http:branch", "http://:8080", "http://user@branch", "http://user:pw@branch", "http://@branch", "http://branch?x=1", "http://branch?",
		"http://branch#x", "http://branch#", "http://branch:0", "http://branch:65536", "http://branch:", "http://branch:http",
		"http://bra nch", "http://bücher.example", "http://[::1", "http://[fe80::1%25eth0]", "http://branch/../x",
		"http://branch/a/./b", "http://branch/a//b", "http://-branch", "http://169.254.169.254", "http://[fd00:ec2::254]",
		"http://[::ffff:169.254.169.254]", "http://0.0.0.0", "http://[::]", "http://224.0.0.1", "http://255.255.255.255",
		"http://100.100.100.200", "http://" + strings.Repeat("a", 2048),
	} {
		got, err := ParseURL(text)
		if fault.KindOf(err) != fault.Invalid || got != "" {
			t.Errorf("ParseURL(%q) = %q, %v; want Invalid", text, got, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"https://a:443/b/", "http://[::1]:80", "http://h/a%2fb", "http://h/%zz", "http://u:p@h?q#f", "http://h/" + strings.Repeat("\xbd", 2000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseURL(text)
		if err != nil {
			return
		}
		if again, err := ParseURL(got); err != nil || again != got {
			t.Errorf("ParseURL(%q) = %q, but that gives %q, %v", text, got, again, err)
		}
		if !SameOrigin(got, got) || strings.ContainsAny(got, "?# \r\n") {
			t.Errorf("ParseURL(%q) = %q", text, got)
		}
	})
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"http://h", "http://h:80/x", true},
		{"https://h:443", "https://H/y", true},
		{"http://h", "https://h", false},
		{"http://h:443", "https://h", false},
		{"http://h", "http://h2", false},
		{"http://h:8080", "http://h:8081", false},
		{"http://h", "http://h.", false},
		{"http://[::1]", "http://[::1]:80", true},
		{"", "", false},
		{"http://h", "://", false},
	} {
		if got := SameOrigin(tc.a, tc.b); got != tc.want {
			t.Errorf("SameOrigin(%q, %q) = %v", tc.a, tc.b, got)
		}
	}
}

func TestCheckNodeID(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "branch-2", "A.b_c", strings.Repeat("a", 64)} {
		if err := CheckNodeID(good); err != nil {
			t.Errorf("CheckNodeID(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", ".a", "a b", "a/b", "ä", "a\n", strings.Repeat("a", 65)} {
		if err := CheckNodeID(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("CheckNodeID(%q) = %v, want Invalid", bad, err)
		}
	}
}
