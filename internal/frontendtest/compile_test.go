// Package frontendtest contains only the tests of docs/frontend.md: they take the TypeScript out of the document, compile
// it against types generated from openapi.yaml, and run it in Node.js against real nodes. They also check the admin page's
// JavaScript against the same types.
//
// If Node.js or the modules of docs/frontend are missing, the tests are skipped with a line that says what to do; with
// FULLSYNC_REQUIRE_BROWSER=1 they fail instead.
package frontendtest

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

func TestMain(m *testing.M) { os.Exit(nodetest.Main(m)) }

// TestAnotherDocumentDoesNotCompile renames a member that the sample reads.
func TestAnotherDocumentDoesNotCompile(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	const member = "currentStep"
	document := read(t, "openapi.yaml")
	p := newProject(t, strings.ReplaceAll(document, member, "presentStep")).withSample(t)
	said, err := p.compile(t, "tsconfig.json")
	if err == nil || !strings.Contains(said, "'"+member+"' does not exist") {
		t.Errorf("without %s the sample should not compile: %v %s", member, err, said)
	}
}

// TestTheAdminPageIsTyped checks the page's modules against the types in their comments.
func TestTheAdminPageIsTyped(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	p := newProject(t, read(t, "openapi.yaml")).withPage(t)
	if said, err := p.compile(t, "tsconfig.console.json"); err != nil {
		t.Errorf("internal/console/page does not fit openapi.yaml; to check it, run npm run console in docs/frontend: %v\n%s", err, said)
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

// TestTheDocumentNamesThePinnedVersions: readers install the versions that these tests use.
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
			t.Errorf("package.json has %s at %s, which is not an exact version", name, version)
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
