package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
)

func newAdoptSecret(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt-secret",
		Short: "Switch the node to a new secret after the old one was lost or leaked",
		Long: "Switch the node to the secret that is configured now (or the one in the data directory, which is made if it is missing)\n" +
			"after the old one was lost or leaked. Stop the node first. Tokens of peers were sealed with the old secret and are\n" +
			"dropped: give each peer a new one. Tokens of this node's own users end with the old secret.",
		Args: usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, append(databaseFlags(), "jwt-secret")...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, _, err := set.load(io.Err)
		if err != nil {
			return err
		}
		db, err := app.OpenExisting(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		defer db.Close() //nolint:errcheck // nothing is pending
		if err := db.CheckSchema(cmd.Context()); err != nil {
			return err
		}
		dropped, err := app.AdoptSecret(asOperator(cmd.Context()), cfg, db)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.Err, "The node's secret is now the present one. Peers that need a new token: %d.\n", dropped)
		return err
	}
	return cmd
}
