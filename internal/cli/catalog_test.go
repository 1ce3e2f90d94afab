package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"fullsync/internal/sample"
)

// imported imports from standard input.
func imported(t *testing.T, env environment, lines string, args ...string) result {
	t.Helper()
	return runWith(t.Context(), env, strings.NewReader(lines), append([]string{"catalog", "import", "-"}, args...)...)
}

func exported(t *testing.T, env environment, args ...string) string {
	t.Helper()
	return run(t, env, append([]string{"catalog", "export"}, args...)...).must(t).out
}

// ndjson is n sample products, as an export writes them.
func ndjson(n int) string {
	var b bytes.Buffer
	for p := range sample.Products(n, 1) {
		b.Write(append(p.AppendJSON(nil), '\n'))
	}
	return b.String()
}

func TestImportAndExportGiveTheSameBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		lines := ndjson(2500)
		imported(t, env, lines).wants(t, 0, "catalog main: 2500 created, 0 updated, 0 unchanged, 0 refused")
		out := exported(t, env)
		if out != lines {
			t.Fatalf("imported %d bytes, exported %d different ones", len(lines), len(out))
		}
		imported(t, env, out).wants(t, 0, "catalog main: 0 created, 0 updated, 2500 unchanged, 0 refused")

		// Copy through files into another catalog, which must not change the first one.
		file := filepath.Join(t.TempDir(), "main.ndjson")
		if r := run(t, env, "catalog", "export", file).must(t); r.out != "" || r.err != "catalog main: 2500 products exported to "+file+"\n" {
			t.Errorf("an export to a file wrote %d bytes to standard output, and said %s", len(r.out), r.err)
		}
		run(t, env, "catalog", "import", file, "--catalog", "copy").wants(t, 0, "catalog copy: 2500 created, 0 updated")
		if exported(t, env, "--catalog", "copy") != lines || exported(t, env) != lines {
			t.Error("the copy or the original is different")
		}
		if r := run(t, env, "catalog", "export", "-"); r.out != lines || r.err != "catalog main: 2500 products exported\n" {
			t.Errorf("an export to standard output wrote %d bytes, and said %s", len(r.out), r.err)
		}
	})
}

func TestImportTakesLinesAsTheyComeAndReportsBadOnes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		lines := "\uFEFF" + `{"id":"b","name":"Bürste ✓","price":"12.50","currency":"EUR","tags":["x"]}` + "\r\n" +
			`{"id":"a","name":"first"}` + "\n" +
			"\n \t\r\n" +
			`{"id":"c"}` + "\n" +
			`not json` + "\n" +
			`{"id":"long","name":"` + strings.Repeat("x", 2<<20) + `"}` + "\n" +
			`{"name":"nobody"}` + "\r\n" +
			`{"id":"a","name":"last","sku":"S"}` + "\n" +
			`{"id":"d","name":"no newline behind me","active":false}`
		r := imported(t, env, lines)
		r.wants(t, 1, "4 lines were refused (see above); everything else was imported")
		for _, want := range []string{
			"line 5 refused: name is required\n",
			"line 6 refused: ",
			"line 7 refused: the line is longer than 2097152 bytes\n",
			"line 8 refused: id is required\n",
			"catalog main: 3 created, 0 updated, 0 unchanged, 4 refused\n",
		} {
			if !strings.Contains(r.err, want) {
				t.Errorf("%q is not in\n%s", want, r.err)
			}
		}
		want := `{"id":"a","sku":"S","name":"last","active":true,"attributes":{}}` + "\n" +
			`{"id":"b","name":"Bürste ✓","price":"12.50","currency":"EUR","active":true,"attributes":{"tags":["x"]}}` + "\n" +
			`{"id":"d","name":"no newline behind me","active":false,"attributes":{}}` + "\n"
		if got := exported(t, env); got != want {
			t.Errorf("the catalog holds\n%swant\n%s", got, want)
		}
	})
}

// The last of several lines with the same id counts, even if they are in different batches.
func TestTheLastLineOfAnIDCounts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		var b strings.Builder
		b.WriteString(`{"id":"p-0001","name":"old"}` + "\n")
		for i := 2; i <= 3000; i++ {
			fmt.Fprintf(&b, `{"id":"p-%04d","name":"n"}`+"\n", i)
		}
		b.WriteString(`{"id":"q","name":"older"}` + "\n" + `{"id":"q","name":"old"}` + "\n" + `{"id":"p-0001","name":"new"}` + "\n" + `{"id":"q","name":"new"}` + "\n")
		imported(t, env, b.String()).wants(t, 0, "3001 created, 2 updated, 0 unchanged")
		out := exported(t, env)
		if !strings.Contains(out, `"id":"p-0001","name":"new"`) || !strings.Contains(out, `"id":"q","name":"new"`) || strings.Count(out, "\n") != 3001 {
			t.Errorf("the catalog holds %d products, not the last of each", strings.Count(out, "\n"))
		}
	})
}

func TestImportOfNothing(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	imported(t, env, "").wants(t, 1, "The input holds no products.")
	imported(t, env, "\n\n").wants(t, 1, "The input holds no products.")
	imported(t, env, `{"products":[]}`).wants(t, 1, "The input holds no products.")
	imported(t, env, "id,name\n").wants(t, 1, "The input holds no products.")
	if out := exported(t, env); out != "" {
		t.Errorf("the catalog holds %q", out)
	}
}

func TestImportOfUnreadableFiles(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.ndjson")
	run(t, env, "catalog", "import", missing).wants(t, 1, "There is no file "+missing+".\n")
	run(t, env, "catalog", "import", dir).wants(t, 1, dir+" is a directory. Name a file.\n")

	cut := io.MultiReader(strings.NewReader(`{"id":"a","name":"a"}`+"\n"+`{"id":"b","na`), iotest.ErrReader(errors.New("the disk is gone")))
	r := runWith(t.Context(), env, cut, "catalog", "import", "-")
	r.wants(t, 1, "reading stopped after line 1: the disk is gone")
	if strings.Contains(exported(t, env), `"b"`) {
		t.Error("half a line was imported")
	}
}

// waiting is an input that never yields anything; it signals when somebody starts to wait for it.
type waiting struct{ begun, end chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	close(w.begun)
	<-w.end // like a terminal where nobody types
	return 0, io.EOF
}

// Ctrl-C ends an import that waits for a terminal or a pipe.
func TestImportCanBeInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	in := waiting{begun: make(chan struct{}), end: make(chan struct{})}
	defer close(in.end)
	go func() { <-in.begun; cancel() }()
	// The import reads its first line only when everything else is ready, so once it waits for more, that is behind it.
	typed := io.MultiReader(strings.NewReader(`{"id":"a","name":"a"}`+"\n"), in)
	r := runWith(ctx, onSQLite(t), typed, "catalog", "import", "-")
	r.wants(t, 1, "interrupted before it was done")
	if !strings.Contains(r.err, "catalog main: 0 created") {
		t.Errorf("it does not say what was imported:\n%s", r.err)
	}
}

// The last line of an id counts, and the summary says which ids had several lines.
func TestDuplicateIDsAreReported(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		lines := `{"id":"d-1","name":"first"}` + "\n" + `{"id":"d-2","name":"other"}` + "\n" + `{"id":"d-1","name":"second"}` + "\n"
		r := imported(t, env, lines).must(t)
		if r.err != "catalog main: 2 created, 0 updated, 0 unchanged, 0 refused\n1 duplicate id: d-1 (lines 1 and 3); the last line counts\n" {
			t.Errorf("the import says\n%s", r.err)
		}
		if out := exported(t, env); !strings.Contains(out, `"id":"d-1","name":"second"`) || strings.Count(out, "\n") != 2 {
			t.Errorf("then the catalog holds\n%s", out)
		}
		// A refused line does not count as a line of its id.
		r = imported(t, env, `{"id":"r"}`+"\n"+`{"id":"r","name":"r"}`+"\n")
		r.wants(t, 1, "1 line was refused (see above); everything else was imported\n")
		if strings.Contains(r.err, "duplicate") {
			t.Errorf("the import says\n%s", r.err)
		}
	})
}

// broken returns a SQLite database with two pages of products; the very last product cannot be read.
func broken(t *testing.T) environment {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	env := environment{"FULLSYNC_DATA_DIR=" + dir}
	imported(t, env, ndjson(6000)).must(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, "fullsync.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the update is committed
	if _, err := db.ExecContext(t.Context(), "UPDATE products SET active = 'perhaps' WHERE id = (SELECT max(id) FROM products)"); err != nil {
		t.Fatal(err)
	}
	return env
}

// A failed export leaves the old file as it was, and no other file behind.
func TestExportReplacesAFileOnlyWhenComplete(t *testing.T) {
	t.Parallel()
	env := broken(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "products.ndjson")
	holds := func(want string) {
		t.Helper()
		got, err := os.ReadFile(file)
		left, dirErr := os.ReadDir(dir)
		if err != nil || dirErr != nil || string(got) != want || len(left) != 1 {
			t.Errorf("%v: %d bytes, want %d; in the directory: %v", errors.Join(err, dirErr), len(got), len(want), left)
		}
	}
	if err := os.WriteFile(file, []byte("what was there\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	run(t, env, "catalog", "export", file).wants(t, 1, "a column of its row holds a value of another type")
	holds("what was there\n")
	run(t, env, "catalog", "export", "--catalog", "none", file).wants(t, 1, "There is no catalog none here. Those that hold products: main.\n")
	holds("what was there\n")

	run(t, onSQLite(t), "catalog", "export", file).wants(t, 1, "no database")
	holds("what was there\n")

	lines := ndjson(10)
	good := onSQLite(t)
	imported(t, good, lines).must(t)
	run(t, good, "catalog", "export", file).must(t)
	holds(lines)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, want the old one: %v", info.Mode(), err)
	}
}

// An export to a symbolic link replaces the target file and keeps the link.
func TestExportFollowsALink(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	imported(t, env, ndjson(1)).must(t)
	behind, link := filepath.Join(t.TempDir(), "behind"), filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(behind, nil, 0o600), os.Symlink(behind, link)); err != nil {
		t.Fatal(err)
	}
	run(t, env, "catalog", "export", link).wants(t, 0, "catalog main: 1 product exported to "+link+"\n")
	if got, err := os.ReadFile(behind); err != nil || string(got) != ndjson(1) {
		t.Errorf("behind the link: %q %v", got, err)
	}
}

func TestExportToUnwritablePaths(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	imported(t, env, ndjson(1)).must(t)
	dir := t.TempDir()
	run(t, env, "catalog", "export", dir).wants(t, 1, dir+" is a directory. Name a file.\n")
	missing := filepath.Join(dir, "no", "such")
	run(t, env, "catalog", "export", filepath.Join(missing, "file")).wants(t, 1, "There is no directory "+missing+" to write file into.\n")
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, env, "catalog", "export", filepath.Join(dir, "file", "below")).wants(t, 1, "could not be written: not a directory\n")
}

func TestExportToAFullDiskFails(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	env := onSQLite(t)
	imported(t, env, ndjson(10)).must(t)
	run(t, env, "catalog", "export", "/dev/full").wants(t, 1, "/dev/full was not written, because the disk is full.\n")
}
