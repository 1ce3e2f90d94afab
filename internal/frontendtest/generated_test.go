package frontendtest

import (
	"os"
	"path/filepath"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestGeneratedClient: a client generated from openapi.yaml, functions and all, compiles with TypeScript's strictest
// settings, and starts, watches and cancels syncs at a real node.
func TestGeneratedClient(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	p := project{tools: findTools(t), dir: t.TempDir()}
	if err := os.Symlink(p.modules, filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	p.write(t, filepath.Join(p.dir, "package.json"), `{"private": true, "type": "module"}`)
	p.write(t, filepath.Join(p.dir, "tsconfig.json"), `{"compilerOptions": {"strict": true, "target": "ES2022",
		"lib": ["ES2022", "DOM", "DOM.Iterable"], "module": "NodeNext", "types": [], "outDir": "out"}, "include": ["src"]}`)
	p.write(t, filepath.Join(p.dir, "openapi.yaml"), read(t, "openapi.yaml"))
	// The same as in docs/frontend.md, except that Node.js needs complete file names.
	p.write(t, filepath.Join(p.dir, "openapi-ts.config.mjs"), `export default {input: "openapi.yaml",
		output: {path: "src/api", importFileExtension: ".js"}, plugins: ["@hey-api/typescript", "@hey-api/sdk", "@hey-api/client-fetch"]}`)
	if said, err := p.run(t, "@hey-api/openapi-ts/bin/index.cjs", "--no-log-file"); err != nil {
		t.Fatalf("generating: %v\n%s", err, said)
	}
	p.write(t, filepath.Join(p.dir, "src", "main.ts"), read(t, "internal", "frontendtest", "testdata", "generated.ts"))
	if said, err := p.compile(t, "tsconfig.json"); err != nil {
		t.Fatalf("compiling: %v\n%s", err, said)
	}

	main := nodetest.NewPair(t, nodetest.SQLite, 100, nodetest.Config{}).Main
	cmd := p.command(t, filepath.Join("out", "main.js"), main.URL(), main.TokenFor("alice", auth.RoleOperator), nodetest.Branch)
	if said, err := cmd.CombinedOutput(); err != nil || string(said) != "done\n" {
		t.Errorf("running: %v\n%s", err, said)
	}
}
