package effort_test

import (
	"testing"

	"fullsync/internal/effort"
)

// TestEveryTestRunsOnBothDatabases: on one every day, on the other one in CI's other step.
func TestEveryTestRunsOnBothDatabases(t *testing.T) {
	kinds := [2]int{}
	for _, name := range []string{"TestCancel", "TestPush", "TestRevert", "TestStart"} {
		t.Setenv(effort.Variable, "")
		everyday := effort.Pick(name)
		kinds[everyday]++
		t.Setenv(effort.Variable, "heavy")
		if heavy := effort.Pick(name); heavy != everyday {
			t.Errorf("%s runs on %d, and with the heavy tests on %d", name, everyday, heavy)
		}
		t.Setenv(effort.Variable, "other")
		if other := effort.Pick(name); other != 1-everyday {
			t.Errorf("%s runs on %d, and on %d otherwise", name, everyday, other)
		}
	}
	if kinds[0] == 0 || kinds[1] == 0 {
		t.Errorf("all run on one kind: %v", kinds)
	}
}

func TestWhatTakesLongIsAskedFor(t *testing.T) {
	for value, heavy := range map[string]bool{"": false, "heavy": true, "other": false} {
		t.Setenv(effort.Variable, value)
		want := 3
		if heavy {
			want = 5
		}
		if got := effort.Amount(3, 5); effort.Heavy() != heavy || got != want {
			t.Errorf("%q: heavy %v, %d rounds", value, effort.Heavy(), got)
		}
		skipped := true
		t.Run("a heavy test", func(t *testing.T) {
			effort.SkipUnlessHeavy(t)
			skipped = false
		})
		if skipped == heavy {
			t.Errorf("%q: a heavy test was skipped: %v", value, skipped)
		}
	}
}

// TestAMistypedValueIsSaid: it must not quietly mean the everyday tests.
func TestAMistypedValueIsSaid(t *testing.T) {
	t.Setenv(effort.Variable, "heavey")
	defer func() {
		if said := recover(); said != "FULLSYNC_TESTS is heavey; it should be heavy, other, or not set" {
			t.Errorf("it said %v", said)
		}
	}()
	effort.Heavy()
}
