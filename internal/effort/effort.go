// Package effort says how much the tests do. go test ./... takes some minutes on two cores. CI does more: it also runs the heavy tests, and the
// tests of whole nodes on both kinds of database.
package effort

import (
	"hash/crc32"
	"os"
	"testing"
)

// Variable names the environment variable that asks for something else than the everyday tests: [heavy] or [other].
const Variable = "FULLSYNC_TESTS"

const (
	// heavy asks for everything that takes long, too.
	heavy = "heavy"
	// other asks for the tests of whole nodes on the database that they do not use every day.
	other = "other"
)

// Heavy says whether to do what takes long, too.
func Heavy() bool { return asked() == heavy }

// Amount returns how much of something to do: everyday, or thorough where the heavy tests run.
func Amount(everyday, thorough int) int {
	if Heavy() {
		return thorough
	}
	return everyday
}

// SkipUnlessHeavy skips a test that takes long.
func SkipUnlessHeavy(t testing.TB) {
	t.Helper()
	if !Heavy() {
		t.Skipf("skipped: it takes long; run it with %s=%s", Variable, heavy)
	}
}

// Pick returns which of two kinds of database a test is to run on, 0 or 1: every day the one that its name decides, or the other one.
func Pick(test string) int {
	kind := int(crc32.ChecksumIEEE([]byte(test)) % 2)
	if asked() == other {
		return 1 - kind
	}
	return kind
}

func asked() string {
	value := os.Getenv(Variable)
	switch value {
	case "", heavy, other:
		return value
	}
	panic(Variable + " is " + value + "; it should be " + heavy + ", " + other + ", or not set")
}
