package simulation

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutated = flag.Int("simulation.mutations", 0, "break one guard at a time, and play so many stories with each")

// TestMutations checks that the simulation notices broken guards. Each is broken in a copy that only the compiler sees.
func TestMutations(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			root, err := filepath.Abs("../..")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(root, filepath.FromSlash(m.file))
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(code), m.guard); n != 1 {
				t.Fatalf("%s has its guard %d times; bring this table up to date", m.file, n)
			}
			if *mutated > 0 {
				t.Log(playBroken(t, path, strings.Replace(string(code), m.guard, m.broken, 1)))
			}
		})
	}
}

// playBroken plays stories with other code in one file, until five of them have noticed.
func playBroken(t *testing.T, path, code string) string {
	t.Helper()
	dir := t.TempDir()
	broken, overlay, program := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "stories")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{broken: []byte(code), overlay: replaced} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("it does not build: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), program, "-test.v", "-test.run=^TestSimulation$", "-test.timeout=1h", fmt.Sprint("-simulation.seeds=", *mutated)).CombinedOutput()
	noticed, played := strings.Count(string(out), "--- FAIL: TestSimulation/stories_0/seed_")+strings.Count(string(out), "--- FAIL: TestSimulation/stories_1/seed_"),
		strings.Count(string(out), "=== RUN   TestSimulation/stories_0/seed_")+strings.Count(string(out), "=== RUN   TestSimulation/stories_1/seed_")
	said := fmt.Sprintf("noticed by %d of %d stories", noticed, played)
	if err == nil || noticed == 0 {
		t.Fatalf("%s", said)
	}
	return said
}
