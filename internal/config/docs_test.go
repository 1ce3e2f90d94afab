package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// update makes the test rewrite the table in README.md instead of comparing it.
var update = flag.Bool("update", false, "rewrite the table of variables in README.md")

func TestReadmeListsTheVariables(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- variables -->", "<!-- /variables -->"
	file := filepath.Join("..", "..", "README.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(text), begin+"\n")
	shown, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		t.Fatalf("README.md should show the variables between the lines %s and %s", begin, end)
	}
	want := table()
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+"\n"+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if shown != want {
		t.Errorf("the variables in README.md are out of date; run: go test ./internal/config -update\nwant:\n%s", want)
	}
}

// table returns the variables as README.md shows them.
func table() string {
	var text strings.Builder
	text.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range Variables() {
		fallback := "none"
		if v.Default != "" {
			fallback = "`" + v.Default + "`"
		}
		// A bar would end the cell.
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", v.Name, fallback, strings.ReplaceAll(v.Meaning, "|", `\|`))
	}
	return text.String()
}
