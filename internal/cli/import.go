package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"fullsync/internal/catalog"
	"fullsync/internal/duplicate"
	"fullsync/internal/plural"
	"fullsync/internal/store"
)

func newImport(io IO) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Import products from a file of JSON lines (NDJSON); - is stdin",
		Long: "Import products from a file of JSON lines (NDJSON) of any size, one product per line; - is stdin. Each needs an id and\n" +
			"a name. sku, price, currency and active have a meaning; every other member is kept as it is. A refused line is reported\n" +
			"with its number and the reason; the other lines are imported, and the exit code is 1. Products that have not changed\n" +
			"are not written.",
		Args: usage(cobra.ExactArgs(1)),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.Flags().StringVar(&name, "catalog", catalog.Default, "catalog to import into")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := catalog.CheckName(name); err != nil {
			return &usageError{err}
		}
		in, err := openInput(cmd.Context(), io, args[0])
		if err != nil {
			return err
		}
		defer in.Close() //nolint:errcheck // it was only read
		db, nodeID, err := openNode(cmd.Context(), set, io)
		if err != nil {
			return err
		}
		defer db.Close() //nolint:errcheck // every batch is committed
		imp := importer{ids: duplicate.NewFinder(idsInMemory), db: db, catalog: name, origin: nodeID, report: io.Err, terminal: isTerminal(io.Err)}
		return imp.run(cmd.Context(), in)
	}
	return cmd
}

// openInput opens the input. Reading from it ends with ctx, even if the file itself would block: a terminal, or a pipe that
// nobody writes to.
func openInput(ctx context.Context, std IO, path string) (io.ReadCloser, error) {
	from := io.NopCloser(std.In)
	if path != "-" {
		f, err := openFile(path)
		if err != nil {
			return nil, err
		}
		from = f
	}
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, from)
		in.CloseWithError(errors.Join(err, from.Close())) // nil is the end of the file
	}()
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	return out, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// importBatch is how many products an import commits at a time.
const importBatch = 1000

// idsInMemory is how many bytes of memory an import uses to look for duplicate ids before it switches to a temporary file.
const idsInMemory = 8 << 20

// importer imports lines into a catalog, in constant memory.
type importer struct {
	db              *store.Store
	catalog, origin string
	report          io.Writer
	terminal        bool

	batch   []catalog.Product
	size    int
	sum     store.Imported
	refused int64
	ids     *duplicate.Finder
}

// run imports everything and reports what it did, even if it fails.
func (m *importer) run(ctx context.Context, in io.Reader) error {
	err := m.read(ctx, in)
	m.clear()
	fmt.Fprintf(m.report, "catalog %s: %d created, %d updated, %d unchanged, %d refused\n",
		m.catalog, m.sum.Created, m.sum.Updated, m.sum.Unchanged, m.refused)
	if said := m.ids.Sentence(); said != "" {
		fmt.Fprintln(m.report, said)
	}
	if err == nil && m.refused > 0 {
		return fmt.Errorf("%s %s refused (see above); everything else was imported", plural.Of(m.refused, "line"), plural.Was(m.refused))
	}
	return err
}

func (m *importer) read(ctx context.Context, in io.Reader) error {
	lines := catalog.NewLineReader(in)
	for {
		line, number, err := lines.Next()
		var tooLong *catalog.LineTooLongError
		switch {
		case errors.Is(err, io.EOF):
			return m.flush(ctx)
		case errors.As(err, &tooLong):
			m.refuse(number, tooLong)
			continue
		case err != nil:
			return fmt.Errorf("reading stopped after line %d: %w", number, cause(err))
		}
		p, err := catalog.Parse(line)
		if err != nil {
			m.refuse(number, err)
			continue
		}
		m.ids.Add(p.ID, number)
		m.batch, m.size = append(m.batch, p), m.size+len(line)
		if len(m.batch) == importBatch || m.size >= catalog.MaxBatchBytes {
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
	}
}

func (m *importer) refuse(number int, why error) {
	m.refused++
	m.clear()
	fmt.Fprintf(m.report, "line %d refused: %v\n", number, why)
}

// flush commits the batch. The last of several lines with the same id counts.
func (m *importer) flush(ctx context.Context) error {
	slices.SortStableFunc(m.batch, func(a, b catalog.Product) int { return cmp.Compare(a.ID, b.ID) })
	last := m.batch[:0]
	for i, p := range m.batch {
		if i+1 < len(m.batch) && m.batch[i+1].ID == p.ID {
			continue
		}
		last = append(last, p)
	}
	n, err := m.db.Import(ctx, m.catalog, m.origin, last)
	if err != nil {
		return err
	}
	m.sum.Created += n.Created
	m.sum.Updated += n.Updated
	m.sum.Unchanged += n.Unchanged
	m.batch, m.size = m.batch[:0], 0
	if m.terminal {
		fmt.Fprintf(m.report, "\r%s", plural.Of(m.sum.Created+m.sum.Updated+m.sum.Unchanged, "product"))
	}
	return nil
}

// clear wipes the progress line on a terminal.
func (m *importer) clear() {
	if m.terminal {
		fmt.Fprint(m.report, "\r", strings.Repeat(" ", 40), "\r")
	}
}
