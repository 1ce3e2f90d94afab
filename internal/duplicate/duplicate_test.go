package duplicate_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/duplicate"
)

const plenty = 1 << 20

func sentence(limit int, ids ...string) string {
	f := duplicate.NewFinder(limit)
	for i, id := range ids {
		f.Add(id, i+1)
	}
	return f.Sentence()
}

func TestSentences(t *testing.T) {
	t.Parallel()
	many := strings.Fields(strings.Repeat("a ", 13) + strings.Repeat("b c d e f g h i j k l m ", 2))
	for _, test := range []struct {
		name string
		ids  []string
		want string
	}{
		{"nothing", nil, ""},
		{"no duplicate", []string{"b", "a", "aa"}, ""},
		{"one", []string{"d-1", "d-2", "d-1"}, "1 duplicate id: d-1 (lines 1 and 3); the last line counts"},
		{"two", []string{"b", "a", "b", "a", "b"}, "2 duplicate ids: a (lines 2 and 4) and b (lines 1, 3 and 5); the last line counts"},
		{"what a terminal might obey", []string{"x\u202e\u009b", "x\u202e\u009b"}, "1 duplicate id: x?? (lines 1 and 2); the last line counts"},
		{"many", many, "13 duplicate ids: a (lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more), b (lines 14 and 26), c (lines 15 and 27), " +
			"d (lines 16 and 28), e (lines 17 and 29), f (lines 18 and 30), g (lines 19 and 31), h (lines 20 and 32), i (lines 21 and 33), " +
			"j (lines 22 and 34) and 3 more; the last line counts"},
	} {
		// With room for only one, two or three ids in memory, the finder uses its temporary file.
		for _, limit := range []int{plenty, 0, 41, 90} {
			if got := sentence(limit, test.ids...); got != test.want {
				t.Errorf("%s, with %d bytes: %s\nwant: %s", test.name, limit, got, test.want)
			}
		}
	}
}

// TestFileAndMemoryFindTheSame searches random ids, some of them repeated, with more or less memory.
func TestFileAndMemoryFindTheSame(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		ids := make([]string, random.IntN(2000))
		for i := range ids {
			ids[i] = strings.Repeat("é", random.IntN(3)) + fmt.Sprint(random.IntN(5000))
		}
		if random.IntN(3) == 0 {
			slices.Sort(ids)
		}
		limit := random.IntN(5000)
		if small, large := sentence(limit, ids...), sentence(plenty, ids...); small != large {
			t.Fatalf("%d ids with %d bytes: %s\nwith plenty: %s", len(ids), limit, small, large)
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	sentence(0, "a", "b", "a")
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestNoRoomOnDisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	const want = "Duplicate ids were not looked for, because the directory for temporary files cannot be used or is full."
	if got := sentence(0, "a", "b", "a"); got != want {
		t.Errorf("%s\nwant: %s", got, want)
	}
}
