package floors

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// update makes the test rewrite the drawing in docs/architecture.md instead of comparing it.
var update = flag.Bool("update", false, "rewrite the floors in docs/architecture.md")

func TestImportsGoDownOnly(t *testing.T) {
	t.Parallel()
	floors := plan()
	for _, s := range tree(t) {
		if _, _, known := place(floors, s.dir); !known && !isTestSupport(s.dir) {
			t.Errorf("%s is on no floor: give it one in internal/floors/plan_test.go", s.dir)
			continue
		}
		for _, to := range slices.Sorted(maps.Keys(s.imports)) {
			if why := objection(floors, s.dir, to); why != "" {
				t.Error(why)
			}
		}
	}
}

func TestEveryPackageHasADocComment(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		name := filepath.Base(s.dir)
		switch {
		case s.doc == "":
			t.Errorf("%s has no package doc comment", s.dir)
		case strings.HasPrefix(s.dir, "cmd/"):
			if !strings.HasPrefix(strings.ToLower(s.doc), name+" ") && !strings.HasPrefix(s.doc, "Command "+name) {
				t.Errorf("the doc comment of %s should begin with the command's name", s.dir)
			}
		case s.hasCode && !strings.HasPrefix(s.doc, "Package "):
			t.Errorf("the doc comment of %s should begin with \"Package\"", s.dir)
		}
	}
}

func TestEveryPackageInThePlanExists(t *testing.T) {
	t.Parallel()
	var dirs []string
	for _, s := range tree(t) {
		if s.hasCode {
			dirs = append(dirs, s.dir)
		}
	}
	for _, f := range plan() {
		for _, dir := range f.packages {
			if !slices.Contains(dirs, dir) {
				t.Errorf("the plan has %s on floor %d, but there is no such package", dir, f.level)
			}
		}
	}
}

func TestTheRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"cmd/fullsync", "internal/cli", true},
		{"cmd/fullsync", "internal/app", true},
		{"internal/cli", "internal/app", true},
		{"internal/app", "internal/cli", false},
		{"internal/cli", "cmd/fullsync", false},
		{"internal/app", "internal/store", true},
		{"api", "internal/syncer", true},
		{"api", "api/spec", true},
		{"api", "internal/store", false},
		{"internal/store", "internal/jobs", false},
		{"internal/syncer", "internal/store", false},
		{"internal/syncer", "internal/session", true},
		{"internal/transfer", "internal/catalog", true},
		{"internal/catalog", "internal/syncer", false},
		{"internal/config", "internal/fault", true},
		{"internal/fault", "internal/session", false},
		{"internal/store", "internal/postgrestest", false},
		{"internal/nodetest", "internal/app", true},
		{"internal/nodetest", "internal/postgrestest", true},
		{"internal/utils", "internal/fault", false},
		{"internal/app", "internal/utils", false},
	} {
		why := objection(plan(), c.from, c.to)
		if c.allowed && why != "" {
			t.Errorf("%s → %s should be allowed: %s", c.from, c.to, why)
		}
		if !c.allowed && why == "" {
			t.Errorf("%s → %s should not be allowed", c.from, c.to)
		}
	}
}

func TestTheDocumentShowsTheseFloors(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- floors -->", "<!-- /floors -->"
	file := filepath.Join("..", "..", "docs", "architecture.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("docs/architecture.md should show the floors between the lines %s and %s: %v", begin, end, err)
	}
	before, rest, opened := strings.Cut(string(text), begin+"\n")
	shown, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		t.Fatalf("docs/architecture.md should show the floors between the lines %s and %s", begin, end)
	}
	want := "```text\n" + drawing(plan()) + "```\n"
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+"\n"+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if strings.TrimSpace(shown) != strings.TrimSpace(want) {
		t.Errorf("the floors in docs/architecture.md are out of date; run: go test ./internal/floors -update\nwant:\n%s", want)
	}
}
