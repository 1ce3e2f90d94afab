package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/catalog"
	"fullsync/internal/config"
	"fullsync/internal/plural"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

func newList(std IO) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{Use: "list", Short: "List the catalogs and how many products each holds", Args: usage(cobra.NoArgs)}
	set := bindSettings(cmd, std, databaseFlags()...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withCatalogs(cmd.Context(), set, std, func(_ config.Config, db *store.Store) error {
			counts, err := db.CountCatalogs(cmd.Context())
			if err != nil {
				return err
			}
			return printCatalogs(std.Out, counts, asJSON)
		})
	}
	return cmd
}

func printCatalogs(out io.Writer, counts []catalog.Count, asJSON bool) error {
	type line struct {
		Catalog  string `json:"catalog"`
		Products int64  `json:"products"`
	}
	lines := []line{}
	for _, c := range counts {
		lines = append(lines, line(c))
	}
	if asJSON {
		return json.NewEncoder(out).Encode(map[string]any{"success": true, "catalogs": lines})
	}
	w := newTable(out)
	fmt.Fprintln(w, "CATALOG\tPRODUCTS")
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%d\n", l.Catalog, l.Products)
	}
	return w.Flush()
}

func newDelete(std IO) *cobra.Command {
	expected := int64(-1)
	cmd := &cobra.Command{
		Use:   "delete CATALOG",
		Short: "Delete a catalog: all its products",
		Long: "Delete a catalog: all its products. So that nobody deletes another catalog than the one they looked at, it wants to know how\n" +
			"many products there are: it asks on a terminal, and takes --products in scripts. It deletes nothing while a sync writes\nthe catalog.",
		Args: usage(cobra.ExactArgs(1)),
	}
	set := bindSettings(cmd, std, databaseFlags()...)
	cmd.Flags().Int64Var(&expected, "products", expected, "how many products the catalog holds")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := args[0]
		if err := catalog.CheckName(name); err != nil {
			return &usageError{err}
		}
		return withCatalogs(cmd.Context(), set, std, func(cfg config.Config, db *store.Store) error {
			if err := exists(cmd.Context(), db, name); err != nil {
				return err
			}
			if expected < 0 {
				var err error
				if expected, err = askForProducts(cmd.Context(), std, name); err != nil {
					return err
				}
			}
			return deleteCatalog(cmd.Context(), std, cfg, db, name, expected)
		})
	}
	return cmd
}

// askForProducts asks a person how many products the catalog holds.
func askForProducts(ctx context.Context, std IO, name string) (int64, error) {
	terminal, ok := std.In.(*os.File)
	if !ok || !isTerminal(terminal) {
		return 0, &usageError{errors.New("say how many products the catalog holds with --products (fullsync catalog list shows it)")}
	}
	fmt.Fprintf(std.Err, "This deletes every product of catalog %s. How many are they? ", name)
	line, err := await(ctx, func() (string, error) { return bufio.NewReaderSize(terminal, 64).ReadString('\n') }, func() {})
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0, errors.New("that is no number; nothing was deleted")
	}
	return n, nil
}

func deleteCatalog(ctx context.Context, std IO, cfg config.Config, db *store.Store, name string, expected int64) error {
	settings := app.Settings(cfg, cfg.NodeID, slog.New(slog.DiscardHandler)) // the command says everything itself
	deleted, err := syncer.NewEditor(settings, db).DeleteCatalog(ctx, name, operator(), expected)
	var count *catalog.CountError
	var running *syncer.RunningError
	switch {
	case errors.As(err, &count):
		return fmt.Errorf("catalog %s holds %s, not %d; nothing was deleted", name, plural.Of(count.Products, "product"), expected)
	case errors.As(err, &running):
		return fmt.Errorf("session %s is writing catalog %s; %s deleted", running.Running.ID, name, plural.Of(deleted, "product"))
	case err != nil:
		return err
	}
	fmt.Fprintf(std.Err, "catalog %s: %s deleted\n", name, plural.Of(deleted, "product"))
	return nil
}

// withCatalogs opens the existing database for do.
func withCatalogs(ctx context.Context, set settings, std IO, do func(cfg config.Config, db *store.Store) error) error {
	cfg, _, err := set.load(std.Err)
	if err != nil {
		return err
	}
	db, err := app.OpenExisting(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	if err := db.CheckSchema(ctx); err != nil {
		return err
	}
	return app.ExplainLock(cfg, do(cfg, db))
}
