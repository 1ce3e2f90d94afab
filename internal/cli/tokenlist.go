package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fullsync/internal/auth"
	"fullsync/internal/store"
	"fullsync/internal/token"
)

func newTokenList(io IO) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the named tokens of this node, with when and from where each was used last",
		Args:  usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withTokens(cmd.Context(), io, set, func(ctx context.Context, tokens *token.Tokens) error {
			all, err := tokens.List(ctx)
			if err != nil {
				return err
			}
			return printTokens(io.Out, all, asJSON)
		})
	}
	return cmd
}

func newTokenRevoke(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a named token on every replica at once; token list shows the ids",
		Args:  usage(cobra.ExactArgs(1)),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withTokens(cmd.Context(), io, set, func(ctx context.Context, tokens *token.Tokens) error {
			t, err := tokens.Revoke(ctx, args[0], operator())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.Err, "token %s (%s) works no longer\n", t.ID, t.Name)
			return err
		})
	}
	return cmd
}

// withTokens calls work with the named tokens in the configured database. They cannot make new ones, because that takes the secret.
func withTokens(ctx context.Context, io IO, set settings, work func(context.Context, *token.Tokens) error) error {
	return withDatabase(ctx, io, set, false, func(ctx context.Context, db *store.Store) error {
		return work(ctx, token.New(db, nil))
	})
}

// withDatabase calls work with the configured database. With prepare, it first brings an empty or older database up to date; otherwise it
// refuses one.
func withDatabase(ctx context.Context, io IO, set settings, prepare bool, work func(context.Context, *store.Store) error) error {
	cfg, _, err := set.load(io.Err)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, cfg, prepare)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	return work(asOperator(ctx), db)
}

// listedToken is a token as `token list --json` shows it.
type listedToken struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Role         auth.Role  `json:"role"`
	State        string     `json:"state"`
	CreatedBy    string     `json:"createdBy"`
	CreatedAt    time.Time  `json:"createdAt"`
	ExpiresAt    time.Time  `json:"expiresAt"`
	LastUsedAt   *time.Time `json:"lastUsedAt"`
	LastUsedFrom string     `json:"lastUsedFrom"`
	LastUsedBy   string     `json:"lastUsedBy"`
}

func printTokens(out io.Writer, all []token.Token, asJSON bool) error {
	listed := make([]listedToken, len(all))
	for i, t := range all {
		listed[i] = listedToken{
			ID: t.ID, Name: t.Name, Role: t.Role, State: string(t.State()), CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(),
			LastUsedAt: inUTC(t.LastUsedAt), LastUsedFrom: t.LastUsedFrom, LastUsedBy: t.LastUsedBy,
		}
	}
	if asJSON {
		return printJSON(out, map[string]any{"tokens": listed})
	}
	table := newTable(out)
	fmt.Fprintln(table, "ID\tNAME\tROLE\tSTATE\tEXPIRES\tLAST USED\tBY NODE\tFROM")
	for _, t := range listed {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Role, t.State, t.ExpiresAt.Format(time.RFC3339), orNever(t.LastUsedAt), dash(t.LastUsedBy), dash(t.LastUsedFrom))
	}
	return table.Flush()
}
