package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/config"
	"fullsync/internal/store"
)

func newCatalog(io IO) *cobra.Command {
	cmd := &cobra.Command{Use: "catalog", Short: "Import, export, list, check and delete the products of this node's catalogs", RunE: onlyGroups}
	cmd.AddCommand(newImport(io), newExport(io), newList(io), newDelete(io), newDigest(io), newCheck(io))
	return cmd
}

// openUpToDate opens the database for a command that first brings it up to date.
func openUpToDate(ctx context.Context, cfg config.Config) (*store.Store, string, error) {
	db, err := app.OpenDatabase(ctx, cfg)
	if err != nil {
		return nil, "", err
	}
	if err := app.Migrate(ctx, db, nil); err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	id, err := app.NodeID(ctx, cfg, db)
	if err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	return db, id, nil
}
