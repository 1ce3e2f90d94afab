package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fullsync/internal/catalog"
	"fullsync/internal/config"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/store"
)

func newExport(std IO) *cobra.Command {
	var name, format string
	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the products of a catalog as NDJSON, JSON or CSV to a file, or to stdout",
		Long: "Write the products of a catalog to a file, or to stdout, ascending by id: as JSON lines (NDJSON), as JSON or as CSV. Each\n" +
			"can be imported again as it is. The file appears, or replaces an older one, only once the export is complete.",
		Args: usage(cobra.MaximumNArgs(1)),
	}
	set := bindSettings(cmd, std, databaseFlags()...)
	cmd.Flags().StringVar(&name, "catalog", catalog.Default, "catalog to export")
	cmd.Flags().StringVar(&format, "format", "", "ndjson, json or csv (default: by the ending of FILE, or else ndjson)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := catalog.CheckName(name); err != nil {
			return &usageError{err}
		}
		format, err := exportFormat(format, args)
		if err != nil {
			return &usageError{err}
		}
		return withCatalogs(cmd.Context(), set, std, func(_ config.Config, db *store.Store) error {
			if err := exists(cmd.Context(), db, name); err != nil {
				return err
			}
			var n int64
			write := func(to io.Writer) error {
				out := catalog.NewExporter(to, format)
				err := out.Pages(func(after string, limit int, each func(*catalog.Product) error) error {
					return db.ReadPage(cmd.Context(), name, after, limit, each)
				})
				if n = out.Count(); err != nil {
					return err
				}
				return out.Close()
			}
			where := ""
			var err error
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
		})
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

// exportFormat returns the stated format, or the one that the file's ending names.
func exportFormat(stated string, files []string) (string, error) {
	switch {
	case slices.Contains(catalog.ExportFormats(), stated):
		return stated, nil
	case stated != "":
		return "", fmt.Errorf("--format must be ndjson, json or csv, not %q", stated)
	case len(files) == 1 && slices.Contains(catalog.ExportFormats(), strings.TrimPrefix(filepath.Ext(files[0]), ".")):
		return strings.TrimPrefix(filepath.Ext(files[0]), "."), nil
	}
	return catalog.ExportNDJSON, nil
}
