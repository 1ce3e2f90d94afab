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
	"fullsync/internal/store"
	"fullsync/internal/token"
)

// defaultTTL is how long a person's token lasts. A peer's token needs an explicit lifetime.
const defaultTTL = 12 * time.Hour

func newToken(io IO) *cobra.Command {
	var role, subject string
	var ttl time.Duration
	var offline bool
	cmd := &cobra.Command{
		Use:   "token --role ROLE --subject NAME",
		Short: "Print a token for the API of this node; list and revoke tokens",
		Long: "Print a token for the API of this node, and nothing else, on stdout. Roles: viewer, operator, admin, node for other\n" +
			"nodes that read from this one, and node-push for those that also push; a token for a node needs an explicit --ttl,\n" +
			"such as 8760h for a year.\n\n" +
			"The token is listed with its name, its expiry and its last use, and can be revoked. That needs the database, not the\n" +
			"API. With --offline the token is made from the secret alone (and the node's id), so it also works when the database is\n" +
			"down; such a token is on no list and lives until it expires.",
		Example: "  fullsync token --role admin --subject alice\n  fullsync token --role node --subject main --ttl 8760h\n  fullsync token list",
		Args:    usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, append(databaseFlags(), "jwt-secret")...)
	cmd.Flags().StringVar(&role, "role", "", "role of the token: viewer, operator, admin, node or node-push")
	cmd.Flags().StringVar(&subject, "subject", "", "who or what the token is for; shows up as startedBy and cancelledBy")
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "how long the token is valid (default 12h; required for --role node and node-push)")
	cmd.Flags().BoolVar(&offline, "offline", false, "make a token that is on no list, without the database if FULLSYNC_NODE_ID is set")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		parsed, err := auth.ParseRole(role)
		if err != nil {
			return &usageError{errors.New("--role must be viewer, operator, admin, node or node-push")}
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
		create := namedToken
		if offline {
			create = offlineToken
		}
		text, err := create(cmd.Context(), cfg, io.Err, subject, parsed, ttl)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(io.Out, text)
		return err
	}
	cmd.AddCommand(newTokenList(io), newTokenRevoke(io))
	return cmd
}

// namedToken makes a token that is listed in the database. An empty database is brought up to date first, so that a token can be made before
// the first start.
func namedToken(ctx context.Context, cfg config.Config, notes io.Writer, name string, role auth.Role, ttl time.Duration) (string, error) {
	db, err := openDatabase(ctx, cfg, true)
	if err != nil {
		var away *fault.Error
		if errors.As(err, &away) && away.Kind == fault.Unavailable {
			return "", away.Also("With --offline, and FULLSYNC_NODE_ID set, a token can be made without it.")
		}
		return "", err
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	nodeID, err := app.NodeID(ctx, cfg, db)
	if err != nil {
		return "", err
	}
	keys, err := openKeys(cfg, nodeID, notes)
	if err != nil {
		return "", err
	}
	text, _, err := token.New(db, keys).Create(asOperator(ctx), name, role, ttl, operator())
	return text, err
}

// offlineToken makes a token from the secret alone. It asks the database only for a node id that is not configured.
func offlineToken(ctx context.Context, cfg config.Config, notes io.Writer, subject string, role auth.Role, ttl time.Duration) (string, error) {
	nodeID := cfg.NodeID
	if nodeID == "" {
		db, err := openDatabase(ctx, cfg, true)
		if err != nil {
			return "", err
		}
		defer db.Close() //nolint:errcheck // nothing is pending
		if nodeID, err = app.NodeID(ctx, cfg, db); err != nil {
			return "", err
		}
	}
	keys, err := openKeys(cfg, nodeID, notes)
	if err != nil {
		return "", err
	}
	return keys.Issue(subject, role, ttl)
}

// openDatabase opens the configured database. With prepare, it first brings an empty or older one up to date; otherwise it refuses that.
func openDatabase(ctx context.Context, cfg config.Config, prepare bool) (*store.Store, error) {
	open := app.OpenExisting
	if prepare {
		open = app.OpenDatabase
	}
	db, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	err = db.CheckSchema(ctx)
	if prepare && fault.KindOf(err) == fault.Impossible {
		err = app.Migrate(ctx, db, nil)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openKeys returns the keys of the node. If it makes a secret, it says so on notes.
func openKeys(cfg config.Config, nodeID string, notes io.Writer) (*auth.Keys, error) {
	secret, created, err := app.Secret(cfg)
	if err != nil {
		return nil, err
	}
	if created {
		fmt.Fprintf(notes, "made a secret for this node in %s; its other replicas need the same one\n", app.SecretPath(cfg))
	}
	return auth.New(secret, nodeID)
}
