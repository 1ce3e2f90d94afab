package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"fullsync/internal/catalog"
	"fullsync/internal/duplicate"
	"fullsync/internal/fault"
	"fullsync/internal/source/feed"
	"fullsync/internal/staging"
)

// importFlags are the flags of an import as they were given.
type importFlags struct {
	catalog, refused, maxRefused string
	maps, defaults               []string
	dryRun, json, deleteMissing  bool
	maxDeletes, maxDeletePercent int
	feed                         feed.Options
}

func newImport(io IO) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Import products from a file: NDJSON, JSON, CSV, TSV or XML; - is stdin",
		Long: "Import products from a file of any size; - is stdin. The import runs in this process and needs only the database, so the API\n" +
			"may be down. It is a session like any other: it is listed, watched, cancelled and reverted like a sync. The file may be NDJSON, JSON, CSV, TSV or Google's XML, packed with gzip or\n" +
			"zstd, in UTF-8 or UTF-16; the exports of Shopify, WooCommerce, Google Merchant, Medusa and Vendure are recognised. Each\n" +
			"product needs an id and a name. sku, price, currency and active have a meaning; everything else is kept as it is.\n\n" +
			"A refused line is reported with its number and the reason; the others are imported, and the exit code is 1. Products\n" +
			"that have not changed are not written. Begin with --dry-run: it shows how the file is read and what would change, and\n" +
			"imports nothing.",
		Example: "  fullsync catalog import products.csv --dry-run\n" +
			"  fullsync catalog import artikel.csv --map id=Artikelnummer --map name=Bezeichnung --map price=Preis \\\n" +
			"    --decimal , --default currency=EUR",
		Args: usage(cobra.ExactArgs(1)),
	}
	set := bindSettings(cmd, io, append(databaseFlags(), "staging-dir", "staging-limit")...)
	f.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		limit, err := f.check()
		if err != nil {
			return &usageError{err}
		}
		in, err := openInput(io, args[0])
		if err != nil {
			return err
		}
		defer in.Close()
		imp := importer{flags: f, limit: limit, in: in, ids: duplicate.NewFinder(idsInMemory), report: io.Err, out: io.Out}
		if isTerminal(io.Err) {
			imp.terminal, _ = io.Err.(*os.File)
		}
		closeNode, err := imp.openNode(cmd.Context(), set, io)
		if err != nil {
			return err
		}
		defer closeNode()
		if f.refused == "" {
			return imp.run(cmd.Context())
		}
		var failed error
		err = writeFile(f.refused, func(out writer) error {
			imp.refusedTo = out
			failed = imp.run(cmd.Context()) // the file of refused lines is wanted all the more
			return nil
		})
		if err == nil {
			return failed
		}
		return errors.Join(failed, err)
	}
	return cmd
}

// writer is io.Writer, for functions whose parameter io hides the package.
type writer = io.Writer

func (f *importFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.catalog, "catalog", catalog.Default, "catalog to import into")
	flags.BoolVar(&f.dryRun, "dry-run", false, "read everything, show how and what would change, and import nothing")
	flags.BoolVar(&f.deleteMissing, "delete-missing", false, "delete products that were imported or edited here and are not in the file")
	flags.IntVar(&f.maxDeletes, "max-deletes", 500, "delete none if it would be more than this number")
	flags.IntVar(&f.maxDeletePercent, "max-delete-percent", 10, "delete none if it would be more than this percentage")
	flags.BoolVar(&f.json, "json", false, "write the result to stdout as JSON")
	flags.StringVar(&f.refused, "refused", "", "file to write refused lines to, with the reasons; correct it and import it again")
	flags.StringVar(&f.maxRefused, "max-refused", "", "stop once more than this number or percentage (such as 5%) was refused")
	flags.StringVar(&f.feed.Format, "format", "", "ndjson, json, csv, tsv or xml; found by content if left out")
	flags.StringVar(&f.feed.Preset, "preset", "", strings.Join(feed.Presets(), ", ")+"; found by the columns if left out")
	flags.StringArrayVar(&f.maps, "map", nil, "FIELD=COLUMN: the column of id, sku, name, price, currency or active")
	flags.StringArrayVar(&f.defaults, "default", nil, "FIELD=VALUE for products that have none, such as currency=EUR")
	flags.StringVar(&f.feed.Decimal, "decimal", "", "decimal separator of prices, . or ,")
	flags.StringVar(&f.feed.Unit, "unit", "", "unit of prices: major (12.50) or minor (1250, in cents)")
	flags.StringVar(&f.feed.Encoding, "encoding", "", "encoding such as windows-1252; UTF-8 and UTF-16 are found by content")
	flags.StringVar(&f.feed.Delimiter, "delimiter", "", "delimiter of CSV; found by content if left out")
}

// check completes the options from the flags, and returns the limit on refused lines.
func (f *importFlags) check() (staging.Limit, error) {
	err := catalog.CheckName(f.catalog)
	if err == nil {
		f.feed.Map, err = pairs("--map", "COLUMN", f.maps)
	}
	if err == nil {
		f.feed.Default, err = pairs("--default", "VALUE", f.defaults)
	}
	if f.feed.Delimiter == `\t` {
		f.feed.Delimiter = "\t"
	}
	if err == nil {
		err = f.feed.Check()
	}
	if err != nil {
		return staging.Limit{}, err
	}
	if f.maxDeletes < 0 || f.maxDeletePercent < 0 || f.maxDeletePercent > 100 {
		return staging.Limit{}, errors.New("--max-deletes must not be negative, and --max-delete-percent must be from 0 to 100")
	}
	return staging.ParseLimit(f.maxRefused)
}

// pairs takes flags of the form FIELD=COLUMN apart.
func pairs(flag, what string, given []string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range given {
		field, value, found := strings.Cut(text, "=")
		if !found || field == "" || value == "" {
			return nil, fmt.Errorf("%s must be FIELD=%s, not %q", flag, what, text)
		}
		if _, twice := values[field]; twice {
			return nil, fmt.Errorf("%s has two values for %s", flag, field)
		}
		values[field] = value
	}
	return values, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isOption reports whether err is about an option, not about the input.
func isOption(err error) bool { return fault.CodeOf(err) == "INVALID_FEED_OPTION" }
