package cli_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// write writes n products of about 2 kB each as lines, holding only one at a time.
func write(w io.Writer, n int) error {
	filler := strings.Repeat("x", 1900)
	for i := range n {
		_, err := fmt.Fprintf(w, `{"id":"p-%07d","name":"Product %d","price":"12.50","currency":"EUR","description":"%s"}`+"\n", i, i, filler)
		if err != nil {
			return err
		}
	}
	return nil
}

// peak runs the program, with use at the other end of its standard input and output, and returns its largest resident size
// so far, in MB, when use returns.
func peak(t *testing.T, env environment, use func(in io.Writer, out io.Reader) error, args ...string) (size int) {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	cmd.Env = env.with("PATH=" + os.Getenv("PATH"))
	var notes strings.Builder
	cmd.Stderr = &notes
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	used := use(in, out)
	// wait4 would not do: its figure includes the size of the process that started the program.
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if _, line, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, err = fmt.Sscan(line, &size)
	}
	closed := in.Close()
	_, drained := io.Copy(io.Discard, out)
	if err := errors.Join(used, err, closed, drained, cmd.Wait()); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, notes.String())
	}
	if size == 0 {
		t.Fatalf("the system does not report the size of a process:\n%s", status)
	}
	return size >> 10
}

// Imports and exports of any size take the same memory: the second catalog is twelve times the size of the first, about 120
// MB.
func TestImportAndExportTakeConstantMemory(t *testing.T) {
	t.Parallel()
	program(t)
	const small, large = 5_000, 60_000
	var imports, exports [2]int
	for i, n := range []int{small, large} {
		env := onSQLite(t)
		imports[i] = peak(t, env, func(in io.Writer, _ io.Reader) error { return write(in, n) }, "catalog", "import", "-")
		exports[i] = peak(t, env, func(_ io.Writer, out io.Reader) error {
			// The rest fits into the pipe and the program's buffer, so the program waits and can be measured.
			_, err := io.CopyN(io.Discard, out, int64(n)*1990)
			return err
		}, "catalog", "export")
	}
	const room = 30 // MB for the database's caches and the garbage collector's slack; the difference in products is 110
	if imports[1] > imports[0]+room || exports[1] > exports[0]+room {
		t.Errorf("import takes %d MB for %d products and %d MB for %d; export %d and %d MB",
			imports[0], small, imports[1], large, exports[0], exports[1])
	}
	t.Logf("import %d and %d MB, export %d and %d MB", imports[0], imports[1], exports[0], exports[1])
}
