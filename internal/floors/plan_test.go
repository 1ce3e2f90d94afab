// Package floors holds no code, only the tests that keep the building upright: which package stands on which
// floor, that imports go down only, that every package says what it is for, and that docs/architecture.md shows
// the same floors.
package floors

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// floor is one level of the building. Packages are named by their directory under the module's root.
type floor struct {
	level    int
	packages []string
	sideways sideways
}

// sideways says whether packages of one floor may import each other.
type sideways int

const (
	// never: they may not.
	never sideways = iota
	// freely: they may; the compiler keeps circles out.
	freely
	// onward: each may import those listed after it.
	onward
)

// plan returns the floors from the top down. A new package gets its place here and in docs/architecture.md, which
// `go test ./internal/floors -update` rewrites.
func plan() []floor {
	return []floor{
		{4, []string{"cmd/fullsync", "internal/cli", "internal/app"}, onward},
		{3, []string{"api", "internal/jobs", "internal/store", "internal/source/node", "internal/console"}, never},
		{2, []string{"internal/syncer"}, never},
		{1, []string{"internal/session", "internal/catalog", "internal/transfer", "internal/peer", "internal/events", "internal/auth", "internal/user", "internal/sample", "internal/duplicate"}, freely},
		{0, []string{"api/spec", "internal/fault", "internal/config", "internal/telemetry", "internal/plural"}, freely},
	}
}

// testSupport returns the names (last path elements) of packages that exist for tests: they stand on no floor and
// may import anything, and only tests and one another may import them.
func testSupport() []string {
	return []string{"postgrestest", "nodetest", "browsertest", "frontendtest", "leash", "storetest", "sourcetest", "floors", "reliability"}
}

// isTestSupport reports whether the package in dir exists for tests only.
func isTestSupport(dir string) bool { return slices.Contains(testSupport(), path.Base(dir)) }

// place returns where in the plan the package in dir stands.
func place(floors []floor, dir string) (level, position int, ok bool) {
	for _, f := range floors {
		if i := slices.Index(f.packages, dir); i >= 0 {
			return f.level, i, true
		}
	}
	return 0, 0, false
}

// objection says in a sentence why the package in from, outside its tests, may not import the one in to, or returns
// "" when it may.
func objection(floors []floor, from, to string) string {
	if isTestSupport(from) {
		return ""
	}
	if isTestSupport(to) {
		return fmt.Sprintf("%s imports %s, which is for tests only", from, to)
	}
	fromLevel, fromPosition, known := place(floors, from)
	if !known {
		return fmt.Sprintf("%s stands on no floor: give it one in internal/floors/plan_test.go", from)
	}
	toLevel, toPosition, known := place(floors, to)
	if !known {
		return fmt.Sprintf("%s stands on no floor: give it one in internal/floors/plan_test.go", to)
	}
	switch {
	case toLevel > fromLevel:
		return fmt.Sprintf("%s (floor %d) imports upwards: %s (floor %d)", from, fromLevel, to, toLevel)
	case toLevel < fromLevel:
		return ""
	}
	for _, f := range floors {
		if f.level != fromLevel {
			continue
		}
		if f.sideways == freely || f.sideways == onward && toPosition > fromPosition {
			return ""
		}
	}
	return fmt.Sprintf("%s imports %s, a package beside it on floor %d", from, to, fromLevel)
}

// drawing returns the floors as docs/architecture.md shows them.
func drawing(floors []floor) string {
	var text strings.Builder
	for _, f := range floors {
		between := "   "
		if f.sideways == onward {
			between = " → "
		}
		fmt.Fprintf(&text, "%d  %s\n", f.level, strings.Join(f.packages, between))
	}
	return text.String()
}
