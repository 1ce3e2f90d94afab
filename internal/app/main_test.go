package app_test

import (
	"os"
	"testing"

	"fullsync/internal/nodetest"
)

func TestMain(m *testing.M) { os.Exit(nodetest.Main(m)) }

// full is the size of the catalog of the main job.
const full = 1067

// value returns what p points at, or the zero value if p is nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
