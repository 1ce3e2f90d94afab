package cli_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fullsync/internal/effort"
)

var largeImport = flag.Bool("import.large", false, "let TestLargeImportsTakeConstantMemory import 5 million products")

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
	size, err := highWater(cmd.Process.Pid)
	closed := in.Close()
	_, drained := io.Copy(io.Discard, out)
	if err := errors.Join(used, err, closed, drained, cmd.Wait()); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, notes.String())
	}
	if size == 0 {
		t.Fatal("the system does not report the size of a process")
	}
	return size
}

// highWater returns the largest resident size of a process so far, in MB. wait4 would not do: its figure includes the size of the process that started it.
func highWater(pid int) (size int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if _, line, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, err = fmt.Sscan(line, &size)
	}
	return size >> 10, err
}

// Imports and exports of any size take the same memory: the second catalog is twelve times the size of the first, about 120
// MB.
func TestImportAndExportTakeConstantMemory(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
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

// TestLargeImportsTakeConstantMemory imports 5 million short lines, sorted and not, and compares the memory with that for fifty times fewer.
func TestLargeImportsTakeConstantMemory(t *testing.T) {
	if !*largeImport {
		t.Skip("takes many minutes and some GB of disk: run it with -import.large")
	}
	const small, large = 100_000, 5_000_000
	lines := func(in io.Writer, n int, sorted bool) error {
		w := bufio.NewWriterSize(in, 1<<20)
		for i := range n {
			if !sorted {
				i = n - i
			}
			if _, err := fmt.Fprintf(w, `{"id":"p-%07d","sku":"S-%d","name":"Product %d","price":"12.50","currency":"EUR","color":"blue"}`+"\n", i, i, i); err != nil {
				return err
			}
		}
		return w.Flush()
	}
	for _, way := range []struct {
		name   string
		sorted bool
		room   int // MB
	}{{"streamed", true, 30}, {"sorted first", false, 60}} {
		t.Run(way.name, func(t *testing.T) {
			var sizes [2]int
			for i, n := range []int{small, large} {
				env := onSQLite(t).with("FULLSYNC_STAGING_LIMIT=8192")
				began := time.Now()
				in, out := io.Pipe()
				go func() { _ = out.CloseWithError(lines(out, n, way.sorted)) }()
				cmd := exec.CommandContext(t.Context(), program(t), "catalog", "import", "-")
				cmd.Env, cmd.Stdin = env.with("PATH="+os.Getenv("PATH")), in
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				for often, running := time.Tick(100*time.Millisecond), true; running; {
					select {
					case err := <-ended:
						if running = false; err != nil {
							t.Fatal(err)
						}
					case <-often:
						if now, err := highWater(cmd.Process.Pid); err == nil {
							sizes[i] = max(sizes[i], now)
						}
					}
				}
				t.Logf("%s: %d MB for %d products in %.0f s", way.name, sizes[i], n, time.Since(began).Seconds())
			}
			if sizes[1] > sizes[0]+way.room {
				t.Errorf("%s: %d MB for %d products, and %d for %d", way.name, sizes[0], small, sizes[1], large)
			}
		})
	}
}
