package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/store"
)

func newExport(std IO) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the products of a catalog as JSON lines (NDJSON) to a file, or to stdout",
		Long: "Write the products of a catalog as JSON lines (NDJSON) to a file, or to stdout, ascending by id. The lines can be\n" +
			"imported again as they are. The file appears, or replaces an older one, only once the export is complete.",
		Args: usage(cobra.MaximumNArgs(1)),
	}
	set := bindSettings(cmd, std, databaseFlags()...)
	cmd.Flags().StringVar(&name, "catalog", catalog.Default, "catalog to export")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := catalog.CheckName(name); err != nil {
			return &usageError{err}
		}
		cfg, _, err := set.load(std.Err)
		if err != nil {
			return err
		}
		db, err := app.OpenExisting(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		defer db.Close() //nolint:errcheck // it was only read
		if err := db.CheckSchema(cmd.Context()); err != nil {
			return err
		}
		if err := exists(cmd.Context(), db, name); err != nil {
			return err
		}
		var n int64
		write := func(out io.Writer) (err error) {
			n, err = export(cmd.Context(), db, name, out)
			return err
		}
		where := ""
		if len(args) == 1 && args[0] != "-" {
			where = " to " + args[0]
			err = writeFile(args[0], write)
		} else {
			err = write(std.Out)
		}
		if err == nil {
			fmt.Fprintf(std.Err, "catalog %s: %s exported%s\n", name, plural.Of(n, "product"), where)
		}
		return err
	}
	return cmd
}

// exists returns NotFound for an empty catalog, unless it is the default one, which every node has.
func exists(ctx context.Context, db *store.Store, name string) error {
	if name == catalog.Default {
		return nil
	}
	counts, err := db.CountCatalogs(ctx)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(counts))
	for _, c := range counts {
		if c.Catalog == name {
			return nil
		}
		names = append(names, c.Catalog)
	}
	return fault.New(fault.NotFound, "CATALOG_NOT_FOUND", "Catalog not found",
		"There is no catalog %s here. Those that hold products: %s.", name, cmp.Or(strings.Join(names, ", "), "none"))
}

// export writes a catalog page by page, so that no database cursor waits for a slow reader, and returns how many products
// it wrote.
func export(ctx context.Context, db *store.Store, name string, out io.Writer) (total int64, err error) {
	w := bufio.NewWriterSize(out, 1<<16)
	var line []byte
	for after, more := "", true; more; {
		n := 0
		err := db.ReadPage(ctx, name, after, catalog.MaxBatchProducts, func(p *catalog.Product) error {
			n++
			after = p.ID
			line = append(p.AppendJSON(line[:0]), '\n')
			_, err := w.Write(line)
			return err
		})
		if err != nil {
			return total, err
		}
		total += int64(n)
		more = n == catalog.MaxBatchProducts
	}
	return total, w.Flush()
}
