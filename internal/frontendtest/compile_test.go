// Package frontendtest holds no code, only the tests of docs/frontend.md: its TypeScript is taken out of the document, compiled
// against types generated from openapi.yaml, and run with Node.js against real nodes. The JavaScript of the admin page is
// checked against the same types.
//
// Where Node.js or the modules of docs/frontend are missing the tests are skipped with a line that says what to do; with
// FULLSYNC_REQUIRE_BROWSER=1 they fail instead.
package frontendtest

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"fullsync/internal/nodetest"
)

func TestMain(m *testing.M) { os.Exit(nodetest.Main(m)) }

// TestAnotherDocumentDoesNotCompile: a member that the sample reads gets another name.
func TestAnotherDocumentDoesNotCompile(t *testing.T) {
	t.Parallel()
	const member = "currentStep"
	document := read(t, "openapi.yaml")
	p := newProject(t, strings.ReplaceAll(document, member, "presentStep")).withSample(t)
	said, err := p.compile(t, "tsconfig.json")
	if err == nil || !strings.Contains(said, "'"+member+"' does not exist") {
		t.Errorf("without %s the sample should not compile: %v %s", member, err, said)
	}
}

// TestTheAdminPageIsTyped checks the page's modules by the types in their comments.
func TestTheAdminPageIsTyped(t *testing.T) {
	t.Parallel()
	p := newProject(t, read(t, "openapi.yaml")).withPage(t)
	if said, err := p.compile(t, "tsconfig.console.json"); err != nil {
		t.Errorf("internal/console/page is not what openapi.yaml says; look at it with npm run console in docs/frontend: %v\n%s", err, said)
	}
}

func TestEveryBlockIsNamed(t *testing.T) {
	t.Parallel()
	const fence = "```"
	for name, document := range map[string]string{
		"without a name":   "<!-- file: one.ts -->\n" + fence + "ts\na\n" + fence + "\n\n" + fence + "ts\nb\n" + fence + "\n",
		"twice":            strings.Repeat("<!-- file: one.ts -->\n"+fence+"ts\na\n"+fence+"\n", 2),
		"somewhere else":   "<!-- file: ../one.ts -->\n" + fence + "ts\na\n" + fence + "\n",
		"not just before":  "<!-- file: one.ts -->\n\n" + fence + "ts\na\n" + fence + "\n",
		"as another thing": fence + "typescript\na\n" + fence + "\n",
	} {
		if all, err := blocks(document); err == nil {
			t.Errorf("%s: %v should be refused", name, all)
		}
	}
}

// TestTheDocumentNamesThePinnedVersions: what a reader installs is what was tried.
func TestTheDocumentNamesThePinnedVersions(t *testing.T) {
	t.Parallel()
	var pinned struct {
		Private         bool              `json:"private"`
		DevDependencies map[string]string `json:"devDependencies"`
	}
	if err := json.Unmarshal([]byte(read(t, "docs", "frontend", "package.json")), &pinned); err != nil {
		t.Fatal(err)
	}
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for name, version := range pinned.DevDependencies {
		if !exact.MatchString(version) {
			t.Errorf("package.json has %s at %s, which is no exact version", name, version)
		}
	}
	named := regexp.MustCompile(`((?:@[a-z-]+/)?[a-z-]+)@(\d[\w.-]*)`).FindAllStringSubmatch(read(t, "docs", "frontend.md"), -1)
	for _, n := range named {
		if pinned.DevDependencies[n[1]] != n[2] {
			t.Errorf("docs/frontend.md names %s, package.json has %q", n[0], pinned.DevDependencies[n[1]])
		}
	}
	if len(named) != 4 || !pinned.Private {
		t.Errorf("docs/frontend.md names %d versions, want 4; package.json private: %v", len(named), pinned.Private)
	}
}
