package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fullsync/internal/audit"
	"fullsync/internal/store"
)

// defaultEntries is how many entries of the audit log are shown unless the caller asks for another number.
const defaultEntries = 50

func newAudit(io IO) *cobra.Command {
	var q audit.Query
	var after, before string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who did what: logins, starts, cancels, changes of peers, users, tokens and settings",
		Long: "Show the newest entries of the audit log. It uses only the database, whether the node is running or not. --action peer is for\n" +
			"peer.added, peer.changed and peer.removed; --limit 0 shows all that there is.",
		Example: "  fullsync audit --action login --after 2026-11-01T00:00:00Z\n  fullsync audit --limit 0 --json > audit.json",
		Args:    usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io, databaseFlags()...)
	cmd.Flags().StringVar(&q.Actor, "actor", "", "only what this one did")
	cmd.Flags().StringVar(&q.Action, "action", "", "only this action, or those that begin with it and a dot")
	cmd.Flags().StringVar(&q.Target, "target", "", "only what was done to this session, peer, user or token")
	cmd.Flags().StringVar(&after, "after", "", "only later than this, such as 2026-11-01T00:00:00Z")
	cmd.Flags().StringVar(&before, "before", "", "only earlier than this")
	cmd.Flags().IntVar(&q.Limit, "limit", defaultEntries, "how many entries to show at most, the newest first; 0 for all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for text, into := range map[string]*time.Time{after: &q.After, before: &q.Before} {
			if text == "" {
				continue
			}
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return &usageError{errors.New("--after and --before take a time such as 2026-11-01T00:00:00Z")}
			}
			*into = at
		}
		if q.Limit < 0 {
			return &usageError{errors.New("--limit must be 0 or more")}
		}
		return withDatabase(cmd.Context(), io, set, false, func(ctx context.Context, db *store.Store) error {
			entries, err := db.ListAudit(ctx, q)
			if err != nil {
				return err
			}
			return printAudit(io.Out, entries, asJSON)
		})
	}
	return cmd
}

// auditedEntry is an entry as `audit --json` shows it, as the API does.
type auditedEntry struct {
	ID        int64           `json:"id"`
	At        time.Time       `json:"at"`
	Actor     *string         `json:"actor"`
	Kind      audit.Kind      `json:"kind"`
	Address   *string         `json:"address"`
	RequestID *string         `json:"requestId"`
	Action    string          `json:"action"`
	Target    *string         `json:"target"`
	Before    json.RawMessage `json:"before"`
	After     json.RawMessage `json:"after"`
}

func printAudit(out io.Writer, entries []audit.Entry, asJSON bool) error {
	if asJSON {
		all := make([]auditedEntry, len(entries))
		for i, e := range entries {
			all[i] = auditedEntry{
				ID: e.ID, At: e.At.UTC(), Actor: orNull(e.Actor), Kind: e.Kind, Address: orNull(e.Address), RequestID: orNull(e.RequestID),
				Action: e.Action, Target: orNull(e.Target), Before: rawOrNull(e.Before), After: rawOrNull(e.After),
			}
		}
		return printJSON(out, map[string]any{"entries": all})
	}
	table := newTable(out)
	fmt.Fprintln(table, "AT\tACTOR\tFROM\tACTION\tTARGET\tBEFORE\tAFTER")
	for _, e := range entries {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.UTC().Format(time.RFC3339), dash(e.Actor), dash(e.Address), e.Action, dash(e.Target), dash(e.Before), dash(e.After))
	}
	return table.Flush()
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func rawOrNull(text string) json.RawMessage {
	if text == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(text)
}

// asOperator returns a context for what whoever runs the command does.
func asOperator(ctx context.Context) context.Context {
	return audit.WithOrigin(ctx, audit.Origin{Actor: operator(), Kind: audit.CommandLine})
}
