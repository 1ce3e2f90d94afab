package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/plural"
)

// keepSecret is how long the previous secret stays good unless the caller says otherwise: as long as the longest login.
const keepSecret = 24 * time.Hour

func newSecret(io IO) *cobra.Command {
	cmd := &cobra.Command{Use: "secret", Short: "Replace the secret of a node while it runs", Args: onlyGroups, RunE: onlyGroups}
	cmd.AddCommand(newSecretRotate(io))
	return cmd
}

func newSecretRotate(io IO) *cobra.Command {
	var from string
	var keep, announce time.Duration
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the secret while the replicas run, and seal the tokens of peers anew",
		Long: "Replace the secret while the replicas run. They find the new one in the database and use it without a restart; it seals the\n" +
			"tokens of peers from then on. Logins and tokens that were made with the old secret are good for --keep; API tokens are good\n" +
			"as long as before. If the old secret leaked, use --keep 0.\n\n" +
			"A secret in the data directory is replaced there. If FULLSYNC_JWT_SECRET is set, put the new secret there on every replica\n" +
			"within --keep: replicas that run need it only for their next start. The command prints the new secret, and nothing else, on\n" +
			"stdout, unless you give it with --new-secret-file.",
		Example: "  fullsync secret rotate\n  openssl rand -base64 32 > new-secret && fullsync secret rotate --new-secret-file new-secret",
		Args:    usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, append(databaseFlags(), "jwt-secret")...)
	cmd.Flags().StringVar(&from, "new-secret-file", "", "file with the new secret; - is stdin (otherwise one is made)")
	cmd.Flags().DurationVar(&keep, "keep", keepSecret, "how long what was signed with the old secret is good; 0 ends it at once")
	cmd.Flags().DurationVar(&announce, "announce", app.AnnounceFor, "how long running replicas have to find the new secret before it is used")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if keep < 0 || announce < 0 {
			return &usageError{errors.New("--keep and --announce must be 0 or more, such as 24h")}
		}
		return rotateSecret(cmd.Context(), io, set, from, app.Rotation{Announce: announce, Keep: keep})
	}
	return cmd
}

func rotateSecret(ctx context.Context, io IO, set settings, from string, r app.Rotation) error {
	cfg, log, err := set.load(io.Err)
	if err != nil {
		return err
	}
	if from != "" {
		text, err := readToken(io.In, from)
		if err != nil {
			return err
		}
		r.Secret = []byte(strings.TrimSpace(text))
	}
	db, err := openDatabase(ctx, cfg, false)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	done, err := app.RotateSecret(asOperator(ctx), cfg, db, r, log)
	if err != nil {
		return err
	}
	if done.Configured && r.Secret == nil {
		fmt.Fprintln(io.Out, string(done.Secret))
	}
	fmt.Fprintf(io.Err, "The node has a new secret; it seals %s. What was signed with the old one is good for another %s.\n",
		plural.Of(done.Resealed, "peer token"), r.Keep)
	if done.Configured {
		fmt.Fprintln(io.Err, "Put the new secret into FULLSYNC_JWT_SECRET on every replica before that time is over.")
	}
	return nil
}
