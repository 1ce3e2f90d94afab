package session_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fullsync/internal/session"
)

// update makes TestDocument rewrite the generated parts instead of comparing them.
var update = flag.Bool("update", false, "rewrite the drawing and the table of docs/state_machine.md")

// drawing is the state machine as a Mermaid diagram, which the project's host renders.
func drawing() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    direction LR\n")
	fmt.Fprintf(&b, "    [*] --> %s\n", session.Preparing)
	for _, t := range session.Transitions {
		fmt.Fprintf(&b, "    %s --> %s\n", t.From, t.To)
	}
	for _, s := range session.Statuses() {
		if !s.Active() {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	b.WriteString("```\n")
	return b.String()
}

func table() string {
	var b strings.Builder
	b.WriteString("| from | to | when |\n|---|---|---|\n")
	for _, t := range session.Transitions {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", t.From, t.To, t.When)
	}
	return b.String()
}

// TestDocument keeps docs/state_machine.md in step with [session.Transitions].
func TestDocument(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "state_machine.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for name, want := range map[string]string{"drawing": drawing(), "table": table()} {
		before, got, after := block(t, text, name)
		if got == want {
			continue
		}
		if *update {
			text = before + want + after
			continue
		}
		t.Errorf("the %s in docs/state_machine.md is not what session.Transitions says; run\n"+
			"\tgo test ./internal/session -run TestDocument -update\nor change these lines (- is in the document, + belongs there):\n%s",
			name, difference(got, want))
	}
	for _, s := range session.Statuses() {
		active := "no"
		if s.Active() {
			active = "yes"
		}
		if row := row(text, s); !strings.HasSuffix(row, "| "+active+" |") {
			t.Errorf("docs/state_machine.md: the table of states needs a row of %s that ends in %q; it has %q", s, active, row)
		}
	}
	if *update && text != string(raw) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// block returns the generated part with the given name, and the text around it.
func block(t *testing.T, text, name string) (before, inside, after string) {
	t.Helper()
	begin, end := "<!-- "+name+": generated -->\n", "<!-- end of "+name+" -->"
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		t.Fatalf("docs/state_machine.md has no lines %q and %q around its %s", strings.TrimSpace(begin), end, name)
	}
	i += len(begin)
	return text[:i], text[i:j], text[j:]
}

// row returns the row that explains s in the table of states.
func row(text string, s session.Status) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| `"+string(s)+"` | ") && !strings.HasPrefix(line, "| `"+string(s)+"` | `") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// difference lists the lines that only one of two texts has.
func difference(got, want string) string {
	var b strings.Builder
	only := func(mark, these, others string) {
		for line := range strings.Lines(these) {
			if !strings.Contains("\n"+others, "\n"+line) {
				b.WriteString(mark + " " + line)
			}
		}
	}
	only("-", got, want)
	only("+", want, got)
	if b.Len() == 0 {
		return "(the same lines, in another order)"
	}
	return b.String()
}
