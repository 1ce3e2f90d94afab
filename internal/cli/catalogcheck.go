package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/store"
)

// maxFindings is how many bad products a check lists per catalog. It counts all of them.
const maxFindings = 100

func newDigest(io IO) *cobra.Command {
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "digest",
		Short: "Print one line for each catalog, the same on every node that holds the same products",
		Long: "Print one line for each catalog: its name, how many products it has, and a SHA-256 over all of them. Two nodes that\n" +
			"print the same hold the same products, so two people can compare over the phone. It trusts no stored hash and reads\n" +
			"every product. It changes nothing. Make sure that no sync is running.",
		Args: usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.Flags().StringVar(&name, "catalog", "", "only this catalog (default all)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		report := digestReport{Catalogs: []digestLine{}}
		err := eachCatalog(cmd.Context(), set, io, name, func(db *store.Store, name string) error {
			began := time.Now()
			done, err := db.Check(cmd.Context(), name, false, func(store.Finding) {})
			if err != nil {
				return err
			}
			line := digestLine{Catalog: name, Products: done.Certificate.Count(), SHA256: done.Certificate.String(),
				Refused: done.Refused, At: done.At.Truncate(time.Second), Seconds: seconds(began)}
			report.Catalogs = append(report.Catalogs, line)
			if !asJSON {
				line.print(io)
			}
			return nil
		})
		report.Success = err == nil
		if asJSON {
			return printed(io.Out, err, &report.Error, &report)
		}
		return err
	}
	return cmd
}

// digestLine is what the command prints about one catalog.
type digestLine struct {
	Catalog  string `json:"catalog"`
	Products int64  `json:"products"`
	SHA256   string `json:"sha256"`
	// Refused is how many rows are not valid products.
	Refused int64     `json:"refused"`
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
}

type digestReport struct {
	Success  bool         `json:"success"`
	Catalogs []digestLine `json:"catalogs"`
	Error    string       `json:"error,omitempty"`
}

// seconds returns how many seconds have passed since began, rounded to a tenth.
func seconds(began time.Time) float64 {
	took := time.Since(began)
	return *inSeconds(&took)
}

// print writes the line that people compare to standard output, and everything else to standard error.
func (l digestLine) print(io IO) {
	fmt.Fprintf(io.Out, "%s  %s  %s\n", l.Catalog, plural.Of(l.Products, "product"), l.SHA256)
	fmt.Fprintf(io.Err, "catalog %s was read at %s, in %.1f s\n", l.Catalog, l.At.Format(time.RFC3339), l.Seconds)
	if l.Refused > 0 {
		fmt.Fprintf(io.Err, "catalog %s has %s that cannot be read as a product; fullsync catalog check lists them\n", l.Catalog, plural.Of(l.Refused, "row"))
	}
}

func newCheck(io IO) *cobra.Command {
	var name string
	var repair, asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check every product against its stored hash; with --repair, correct wrong hashes",
		Long: "Read every product, recompute its hash, and list the products whose stored hash does not fit because something other\n" +
			"than fullsync changed them. --repair stores the right hashes; it never touches the products themselves. A row that is\n" +
			"not a valid product is listed with the reason and left alone. Syncs may run meanwhile. The exit code is 0 if everything\n" +
			"is right afterwards, 1 if something is wrong or the check failed, and 2 on wrong usage.",
		Args: usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.Flags().StringVar(&name, "catalog", "", "only this catalog (default all)")
	cmd.Flags().BoolVar(&repair, "repair", false, "store the right hash where it is wrong")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		report := checkReport{Repair: repair, Catalogs: []checkedCatalog{}}
		left := int64(0)
		err := eachCatalog(cmd.Context(), set, io, name, func(db *store.Store, name string) error {
			c := checkedCatalog{Catalog: name, Findings: []finding{}}
			done, err := db.Check(cmd.Context(), name, repair, func(f store.Finding) { c.add(f) })
			if err != nil {
				return err
			}
			c.Products, c.Wrong, c.Repaired, c.Refused, c.Unread = done.Certificate.Count(), done.Wrong, done.Repaired, done.Refused, done.Unread
			left += c.left()
			report.Catalogs = append(report.Catalogs, c)
			if !asJSON {
				c.print(io.Out, repair)
			}
			return nil
		})
		if err == nil && left > 0 {
			err = fault.New(fault.Conflict, "CHECK_FAILED", "Check failed", "%s", leftOver(left))
		}
		report.Success = err == nil
		if asJSON {
			return printed(io.Out, err, &report.Error, &report)
		}
		return err
	}
	return cmd
}

type checkReport struct {
	Success  bool             `json:"success"`
	Repair   bool             `json:"repair"`
	Catalogs []checkedCatalog `json:"catalogs"`
	Error    string           `json:"error,omitempty"`
}

// checkedCatalog is what the command prints about one catalog.
type checkedCatalog struct {
	Catalog  string `json:"catalog"`
	Products int64  `json:"products"`
	Wrong    int64  `json:"wrong"`
	Repaired int64  `json:"repaired"`
	Refused  int64  `json:"refused"`
	// Unread is how many products something other than this version wrote. Their hashes fit.
	Unread   int64     `json:"unread"`
	Findings []finding `json:"findings"`
}

// finding is one bad product. Only the first [maxFindings] are listed.
type finding struct {
	ID       string `json:"id"`
	Problem  string `json:"problem"`
	Repaired bool   `json:"repaired"`
}

func (c *checkedCatalog) add(f store.Finding) {
	if len(c.Findings) == maxFindings {
		return
	}
	problem := "the stored hash does not fit the product"
	if f.Problem == store.NoProduct {
		problem = "no valid product: " + f.Reason
	}
	c.Findings = append(c.Findings, finding{ID: f.ID, Problem: problem, Repaired: f.Repaired})
}

// left returns how many products are still bad after the check.
func (c *checkedCatalog) left() int64 { return c.Wrong - c.Repaired + c.Refused }

func (c *checkedCatalog) print(out io.Writer, repair bool) {
	for _, f := range c.Findings {
		repaired := ""
		if f.Repaired {
			repaired = " (repaired)"
		}
		fmt.Fprintf(out, "catalog %s, product %q: %s%s\n", c.Catalog, f.ID, f.Problem, repaired)
	}
	if more := c.Wrong + c.Refused - int64(len(c.Findings)); more > 0 {
		fmt.Fprintf(out, "catalog %s: … and %d more\n", c.Catalog, more)
	}
	repaired := ""
	if repair {
		repaired = fmt.Sprintf(" (%d repaired)", c.Repaired)
	}
	fmt.Fprintf(out, "catalog %s: %s checked, %d with a wrong hash%s, %d not valid\n",
		c.Catalog, plural.Of(c.Products, "product"), c.Wrong, repaired, c.Refused)
	if c.Unread > 0 && !repair {
		fmt.Fprintf(out, "catalog %s: something other than this version wrote %d of them; their hashes fit, and a running node finds that out by itself\n",
			c.Catalog, c.Unread)
	}
}

func leftOver(n int64) string {
	const what = "Run fullsync catalog check --repair for wrong hashes. Correct or delete rows that are not valid products in the database."
	if n == 1 {
		return "One product is not as it should be. " + what
	}
	return fmt.Sprintf("%d products are not as they should be. %s", n, what)
}

// eachCatalog opens the database and calls each for the named catalog, or for every catalog if name is "".
func eachCatalog(ctx context.Context, set settings, io IO, name string, each func(db *store.Store, name string) error) error {
	if name != "" {
		if err := catalog.CheckName(name); err != nil {
			return &usageError{err}
		}
	}
	cfg, _, err := set.load(io.Err)
	if err != nil {
		return err
	}
	db, err := app.OpenExisting(ctx, cfg)
	if err != nil {
		return err
	}
	err = eachCatalogOf(ctx, db, name, func(name string) error { return each(db, name) })
	_ = db.Close() // nothing is pending
	return app.ExplainLock(cfg, err)
}

func eachCatalogOf(ctx context.Context, db *store.Store, name string, each func(name string) error) error {
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	if name != "" {
		if err := exists(ctx, db, name); err != nil {
			return err
		}
		return each(name)
	}
	counts, err := db.CountCatalogs(ctx)
	if err != nil {
		return err
	}
	if len(counts) == 0 {
		return each(catalog.Default) // every node has it
	}
	for _, c := range counts {
		if err := each(c.Catalog); err != nil {
			return err
		}
	}
	return nil
}

// printed prints a report as JSON, including the sentence of a failure, and returns the failure.
func printed(out io.Writer, failure error, sentence *string, report any) error {
	if failure != nil {
		*sentence = explain(failure)
	}
	if err := printJSON(out, report); err != nil {
		return err
	}
	return failure
}
