package frontendtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fullsync/internal/browsertest"
)

// root is the top of the repository.
var root = filepath.Join("..", "..")

// read returns the text of a file in the repository.
func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tools are what a test needs from this machine.
type tools struct {
	// node is the path of Node.js, modules the directory that npm ci made.
	node, modules string
}

// findTools skips the test if something is missing, or fails it with FULLSYNC_REQUIRE_BROWSER=1.
func findTools(t *testing.T) tools {
	t.Helper()
	missing := t.Skipf
	if os.Getenv(browsertest.RequireVariable) == "1" {
		missing = t.Fatalf
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("no Node.js on this machine; install it with: apt-get install nodejs npm")
	}
	modules, err := browsertest.Modules()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"typescript", "@hey-api/openapi-ts"} {
		if _, err := os.Stat(filepath.Join(modules, filepath.FromSlash(name))); err != nil {
			missing("no %s in %s; run npm ci in docs/frontend", name, modules)
		}
	}
	return tools{node, modules}
}

// block is one file of the sample.
type block struct{ name, text string }

// blocks returns the named blocks of TypeScript in a document. A block without a name is an error, because nobody would
// check it.
func blocks(document string) (all []block, err error) {
	named := regexp.MustCompile("(?m)^<!-- file: (.*) -->\n```ts\n((?:.*\n)*?)```$")
	for _, found := range named.FindAllStringSubmatch(document, -1) {
		name := found[1]
		if !regexp.MustCompile(`^[a-z]+\.ts$`).MatchString(name) || slices.ContainsFunc(all, func(b block) bool { return b.name == name }) {
			return nil, fmt.Errorf("file: %s should be a unique name, such as client.ts", name)
		}
		all = append(all, block{name, found[2]})
	}
	fences := regexp.MustCompile("(?m)^ *```(ts|typescript|js|javascript|tsx)$").FindAllString(document, -1)
	if len(fences) != len(all) {
		return nil, fmt.Errorf("%d blocks of code, of which %d have a line <!-- file: NAME.ts --> before them", len(fences), len(all))
	}
	return all, nil
}

// project is a copy of docs/frontend in its own tree, together with everything to compile.
type project struct {
	tools

	// dir is docs/frontend in that tree, page the admin page's directory.
	dir, page string
}

// newProject sets up a project with types generated from that OpenAPI document.
func newProject(t *testing.T, document string) project {
	t.Helper()
	top := t.TempDir()
	p := project{findTools(t), filepath.Join(top, "docs", "frontend"), filepath.Join(top, "internal", "console", "page")}
	for _, name := range []string{"package.json", "tsconfig.json", "tsconfig.console.json"} {
		p.write(t, filepath.Join(p.dir, name), read(t, "docs", "frontend", name))
	}
	if err := os.Symlink(p.modules, filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	p.write(t, filepath.Join(top, "openapi.yaml"), document)
	if out, err := p.run(t, "openapi-typescript/bin/cli.js", filepath.Join(top, "openapi.yaml"), "-o", "src/fullsync-api.d.ts"); err != nil {
		t.Fatalf("generating types: %v\n%s", err, out)
	}
	return p
}

// withSample adds the blocks of docs/frontend.md and their driver.
func (p project) withSample(t *testing.T) project {
	t.Helper()
	sample, err := blocks(read(t, "docs", "frontend.md"))
	if err != nil {
		t.Fatalf("docs/frontend.md: %v", err)
	}
	for _, name := range []string{"driver.ts", "types.ts"} {
		sample = append(sample, block{name, read(t, "internal", "frontendtest", "testdata", name)})
	}
	for _, b := range sample {
		p.write(t, filepath.Join(p.dir, "src", b.name), b.text)
	}
	return p
}

// withPage adds the admin page's JavaScript, and a test file that is checked in the same way.
func (p project) withPage(t *testing.T) project {
	t.Helper()
	p.write(t, filepath.Join(p.page, "frontendtest.js"), read(t, "internal", "frontendtest", "testdata", "types.js"))
	page := filepath.Join(root, "internal", "console", "page")
	if _, err := os.Stat(page); err != nil {
		t.Logf("there is no %s to check", page)
		return p
	}
	if err := os.CopyFS(p.page, os.DirFS(page)); err != nil {
		t.Fatal(err)
	}
	return p
}

// compile runs the TypeScript compiler and returns its output.
func (p project) compile(t *testing.T, config string) (said string, err error) {
	t.Helper()
	return p.run(t, "typescript/bin/tsc", "--project", config)
}

// run runs a program from the modules.
func (p project) run(t *testing.T, program string, args ...string) (said string, err error) {
	t.Helper()
	out, err := p.command(t, filepath.Join(p.modules, filepath.FromSlash(program)), args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// command returns a command that runs a script with Node.js in the project.
func (p project) command(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.node, append([]string{program}, args...)...)
	cmd.Dir = p.dir
	return cmd
}

func (p project) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
