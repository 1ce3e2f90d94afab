// Package floors contains only tests, which keep the building upright: every package has its floor, imports only go down,
// every package says what it is for, and docs/architecture.md shows the same floors.
package floors

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// floor is one level of the building. Packages are named by their directory below the module's root.
type floor struct {
	level    int
	packages []string
	sideways sideways
}

// sideways says whether packages on the same floor may import each other.
type sideways int

const (
	// never: they may not.
	never sideways = iota
	// freely: they may; the compiler keeps circles out.
	freely
	// onward: each may import the ones listed after it.
	onward
)

// plan returns the floors from the top down. Add new packages here, then let `go test ./internal/floors -update` rewrite
// docs/architecture.md.
func plan() []floor {
	return []floor{
		{4, []string{"cmd/fullsync", "internal/cli", "internal/app"}, onward},
		{3, []string{"api", "internal/jobs", "internal/store", "internal/source/node", "internal/source/feed", "internal/source/fetch", "internal/console"}, never},
		{2, []string{"internal/syncer"}, never},
		{1, []string{"internal/session", "internal/catalog", "internal/transfer", "internal/peer", "internal/events", "internal/audit", "internal/auth", "internal/user", "internal/schedule", "internal/webhook", "internal/token", "internal/outside", "internal/caller", "internal/sample", "internal/duplicate", "internal/staging", "internal/metrics"}, freely},
		{0, []string{"api/spec", "internal/fault", "internal/config", "internal/telemetry", "internal/plural", "internal/packing"}, freely},
	}
}

// testSupport returns the names (last path elements) of packages that exist only for tests. They are on no floor and may
// import anything, but only tests and one another may import them.
func testSupport() []string {
	return []string{"postgrestest", "sqlitetest", "certtest", "nodetest", "browsertest", "frontendtest", "effort", "leash", "floors", "reliability", "simulation"}
}

// isTestSupport reports whether the package in dir exists for tests only.
func isTestSupport(dir string) bool { return slices.Contains(testSupport(), path.Base(dir)) }

// place returns where the package in dir is in the plan.
func place(floors []floor, dir string) (level, position int, ok bool) {
	for _, f := range floors {
		if i := slices.Index(f.packages, dir); i >= 0 {
			return f.level, i, true
		}
	}
	return 0, 0, false
}

// objection returns a sentence that says why the package in from, outside its tests, may not import the one in to, or "" if
// it may.
func objection(floors []floor, from, to string) string {
	if isTestSupport(from) {
		return ""
	}
	if isTestSupport(to) {
		return fmt.Sprintf("%s imports %s, which is for tests only", from, to)
	}
	fromLevel, fromPosition, known := place(floors, from)
	if !known {
		return fmt.Sprintf("%s is on no floor: give it one in internal/floors/plan_test.go", from)
	}
	toLevel, toPosition, known := place(floors, to)
	if !known {
		return fmt.Sprintf("%s is on no floor: give it one in internal/floors/plan_test.go", to)
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
	return fmt.Sprintf("%s imports %s, which is next to it on floor %d", from, to, fromLevel)
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
