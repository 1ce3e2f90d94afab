package cli_test

import (
	"bytes"
	"context"
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

// imported runs an import from standard input.
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
			t.Fatalf("%d bytes went in, %d others came out", len(lines), len(out))
		}
		imported(t, env, out).wants(t, 0, "catalog main: 0 created, 0 updated, 2500 unchanged, 0 refused")

		// Through files, into another catalog; the first stays as it is.
		file := filepath.Join(t.TempDir(), "main.ndjson")
		if r := run(t, env, "catalog", "export", file).must(t); r.out != "" {
			t.Errorf("an export to a file wrote %d bytes to standard output", len(r.out))
		}
		run(t, env, "catalog", "import", file, "--catalog", "copy").wants(t, 0, "catalog copy: 2500 created, 0 updated")
		if exported(t, env, "--catalog", "copy") != lines || exported(t, env) != lines {
			t.Error("the copy, or what it was made from, differs")
		}
		if out := exported(t, env, "--catalog", "none"); out != "" {
			t.Errorf("the export of an empty catalog: %q", out)
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
		r.wants(t, 1, "4 lines were refused, for the reasons above; the others are in")
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
			t.Errorf("then the catalog holds\n%swant\n%s", got, want)
		}
	})
}

// The last of several lines with the same id counts, also when they are batches apart.
func TestTheLastLineOfAnIDCounts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		var b strings.Builder
		b.WriteString(`{"id":"p-0001","name":"old"}` + "\n" + `{"id":"q","name":"older"}` + "\n" + `{"id":"q","name":"old"}` + "\n")
		for i := 2; i <= 1200; i++ {
			fmt.Fprintf(&b, `{"id":"p-%04d","name":"n"}`+"\n", i)
		}
		b.WriteString(`{"id":"p-0001","name":"new"}` + "\n" + `{"id":"q","name":"new"}` + "\n")
		imported(t, env, b.String()).wants(t, 0, "1201 created, 2 updated, 0 unchanged")
		out := exported(t, env)
		if !strings.Contains(out, `"id":"p-0001","name":"new"`) || !strings.Contains(out, `"id":"q","name":"new"`) || strings.Count(out, "\n") != 1201 {
			t.Errorf("the catalog holds %d products, not the last of each", strings.Count(out, "\n"))
		}
	})
}

func TestImportOfNothing(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	imported(t, env, "").wants(t, 0, "catalog main: 0 created, 0 updated, 0 unchanged, 0 refused")
	imported(t, env, "\n\n").wants(t, 0, "catalog main: 0 created, 0 updated, 0 unchanged, 0 refused")
	if out := exported(t, env); out != "" {
		t.Errorf("then the catalog holds %q", out)
	}
}

func TestImportOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	run(t, env, "catalog", "import", filepath.Join(t.TempDir(), "missing.ndjson")).wants(t, 1, "missing.ndjson")
	run(t, env, "catalog", "import", t.TempDir()).wants(t, 1, "is a directory")
	run(t, env, "catalog", "export", filepath.Join(t.TempDir(), "no", "such", "dir")).wants(t, 1, "no such file or directory")

	cut := io.MultiReader(strings.NewReader(`{"id":"a","name":"a"}`+"\n"+`{"id":"b","na`), iotest.ErrReader(errors.New("the disk is gone")))
	r := runWith(t.Context(), env, cut, "catalog", "import", "-")
	r.wants(t, 1, "reading stopped behind line 1: the disk is gone")
	if strings.Contains(exported(t, env), `"b"`) {
		t.Error("half a line went in")
	}
}

// waiting is an input in which nothing more comes; it tells when somebody begins to wait for it.
type waiting struct{ begun, end chan struct{} }

func (w waiting) Read([]byte) (int, error) {
	close(w.begun)
	<-w.end // like a terminal at which nobody types
	return 0, io.EOF
}

// Ctrl-C ends an import that waits for a terminal or a pipe.
func TestImportCanBeInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	in := waiting{begun: make(chan struct{}), end: make(chan struct{})}
	defer close(in.end)
	go func() { <-in.begun; cancel() }()
	// Nobody waits for more before the first line was taken, which the import does when all else is prepared.
	typed := io.MultiReader(strings.NewReader(`{"id":"a","name":"a"}`+"\n"), in)
	r := runWith(ctx, onSQLite(t), typed, "catalog", "import", "-")
	r.wants(t, 1, "interrupted before it was done")
	if !strings.Contains(r.err, "catalog main: 0 created") {
		t.Errorf("it does not say what is in:\n%s", r.err)
	}
}

func TestExportToAFullDiskFails(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	env := onSQLite(t)
	imported(t, env, ndjson(10)).must(t)
	run(t, env, "catalog", "export", "/dev/full").wants(t, 1, "no space left")
}
