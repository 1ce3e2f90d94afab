package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/store"
)

func newMigrate(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database up to date",
		Long:  "Bring the database up to date. Running it twice, or on several replicas at once, is safe.",
		Args:  usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, _, err := set.load(io.Err)
		if err != nil {
			return err
		}
		db, err := app.OpenDatabase(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		defer db.Close() //nolint:errcheck // nothing is pending
		steps := 0
		err = app.Migrate(cmd.Context(), db, func(a store.Applied) {
			steps++
			fmt.Fprintf(io.Err, "applied migration %d (%s)\n", a.Version, a.Name)
		})
		if err != nil {
			return err
		}
		if steps == 0 {
			fmt.Fprintln(io.Err, "the database is up to date already")
			return nil
		}
		fmt.Fprintf(io.Err, "the database is up to date (%d migrations applied)\n", steps)
		return nil
	}
	return cmd
}
