package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/config"
	"fullsync/internal/fault"
)

// defaultTTL is how long a person's token lasts. A peer's token needs an explicit lifetime.
const defaultTTL = 12 * time.Hour

func newToken(io IO) *cobra.Command {
	var role, subject string
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "token --role ROLE --subject NAME",
		Short: "Print a token for the API of this node",
		Long: "Print a token for the API of this node, and nothing else, on stdout. Roles: viewer, operator, admin, and node for\n" +
			"other nodes that read from this one; a token for a node needs an explicit --ttl, such as 8760h for a year.",
		Example: "  fullsync token --role admin --subject alice\n  fullsync token --role node --subject main --ttl 8760h",
		Args:    usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, append(databaseFlags(), "jwt-secret")...)
	cmd.Flags().StringVar(&role, "role", "", "role of the token: viewer, operator, admin or node")
	cmd.Flags().StringVar(&subject, "subject", "", "who the token is for; shows up as startedBy and cancelledBy")
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "how long the token is valid (default 12h; required for --role node and node-push)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		parsed, err := auth.ParseRole(role)
		if err != nil {
			return &usageError{errors.New("--role must be viewer, operator, admin or node")}
		}
		switch {
		case subject == "":
			return &usageError{errors.New("--subject is missing: who is the token for?")}
		case ttl < 0:
			return &usageError{errors.New("--ttl must be above zero, such as 12h")}
		case ttl == 0 && (parsed == auth.RoleNode || parsed == auth.RoleNodePush):
			return &usageError{errors.New("a token for a node needs an explicit --ttl, such as 8760h for a year")}
		case ttl == 0:
			ttl = defaultTTL
		}
		cfg, _, err := set.load(io.Err)
		if err != nil {
			return err
		}
		keys, err := openKeys(cmd.Context(), cfg, io.Err)
		if err != nil {
			return err
		}
		token, err := keys.Issue(subject, parsed, ttl)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(io.Out, token)
		return err
	}
	return cmd
}

// openKeys returns the node's keys. The node id comes from the settings or the database; an empty database is migrated
// first, so that a token can be made before the first start. If openKeys makes a secret, it says so on notes.
func openKeys(ctx context.Context, cfg config.Config, notes io.Writer) (*auth.Keys, error) {
	nodeID := cfg.NodeID
	if nodeID == "" {
		db, err := app.OpenDatabase(ctx, cfg)
		if err != nil {
			return nil, err
		}
		defer db.Close() //nolint:errcheck // nothing is pending
		if err := db.CheckSchema(ctx); fault.KindOf(err) == fault.Impossible {
			if err := app.Migrate(ctx, db, nil); err != nil {
				return nil, err
			}
		} else if err != nil {
			return nil, err
		}
		if nodeID, err = app.NodeID(ctx, cfg, db); err != nil {
			return nil, err
		}
	}
	secret, created, err := app.Secret(cfg)
	if err != nil {
		return nil, err
	}
	if created {
		fmt.Fprintf(notes, "made a secret for this node in %s; its other replicas need the same one\n", app.SecretPath(cfg))
	}
	return auth.New(secret, nodeID)
}
