package floors

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "fullsync"

// source is what the tests need to know about a package directory.
type source struct {
	dir string
	// imports are the directories of the packages in this module that its non-test code imports.
	imports map[string]bool
	// hasCode says that there is non-test code.
	hasCode bool
	// doc is the package doc comment, from whichever file has it.
	doc string
}

// tree reads every package of this module. It reads files instead of asking the go command, so that files for other systems
// count too.
func tree(t *testing.T) []source {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	found := make(map[string]*source)
	var order []string
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
				return nil // not readable for us, or just deleted: no package of this module
			}
			return err
		}
		if entry.IsDir() {
			if skipped(root, name, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		dir := path.Dir(name)
		if found[dir] == nil {
			found[dir] = &source{dir: dir, imports: make(map[string]bool)}
			order = append(order, dir)
		}
		return found[dir].read(root, name)
	})
	if err != nil {
		t.Fatalf("reading the tree: %v", err)
	}
	var sources []source
	for _, dir := range order {
		sources = append(sources, *found[dir])
	}
	return sources
}

// skipped reports whether the go command would skip this directory too: hidden, test data, or its own module.
func skipped(root fs.FS, name, base string) bool {
	if name == "." {
		return false
	}
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return true
	}
	_, err := fs.Stat(root, path.Join(name, "go.mod"))
	return err == nil
}

// read adds one file to the tree.
func (s *source) read(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	if file.Doc != nil && s.doc == "" {
		s.doc = file.Doc.Text()
	}
	if strings.HasSuffix(name, "_test.go") {
		return nil
	}
	s.hasCode = true
	for _, spec := range file.Imports {
		if dir, ours := directory(spec); ours {
			s.imports[dir] = true
		}
	}
	return nil
}

// directory returns the directory of an import, and whether the import belongs to this module.
func directory(spec *ast.ImportSpec) (string, bool) {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(imported, module+"/")
}
