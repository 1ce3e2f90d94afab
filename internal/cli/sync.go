package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/plural"
)

func newSync(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Start, watch and cancel the syncs of a running node through its API",
		Long: "Start, watch and cancel the syncs of a running node through its API. FULLSYNC_URL says where the node is, FULLSYNC_TOKEN\n" +
			"holds a token for it (fullsync token --role operator). Exit codes: 0 if all went well; 1 if something failed; 2 on wrong\n" +
			"usage; 3 if the sync was cancelled; 4 if another sync of the catalog is in the way; 5 if it completed, but products were\n" +
			"refused or deletes withheld; 130 if you only stopped watching.",
		RunE: onlyGroups,
	}
	cmd.AddCommand(newSyncPull(std), newSyncPush(std), newSyncStatus(std), newSyncList(std), newSyncCancel(std), newSyncResume(std), newSyncRevert(std),
		newSyncApprove(std), newSyncChanges(std))
	return cmd
}

// shown says how a command shows sessions.
type shown struct{ json, follow bool }

func bindShown(cmd *cobra.Command) *shown {
	s := &shown{}
	cmd.Flags().BoolVar(&s.json, "json", false, "print sessions as JSON, one object per line")
	cmd.Flags().BoolVar(&s.follow, "follow", false, "watch the sync until it ends; the exit code says how it ended")
	return s
}

// openSession opens the node for a command about one session.
func openSession(open func() (*remote, error), id string) (*remote, uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, parsed, &usageError{fmt.Errorf("%q is not a session id; it looks like 5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186", id)}
	}
	node, err := open()
	return node, parsed, err
}

func newSyncStatus(std IO) *cobra.Command {
	var catalogName string
	cmd := &cobra.Command{
		Use:   "status [SESSION_ID]",
		Short: "Show a sync: by id, or else a catalog's active or last one",
		Args:  usage(cobra.MaximumNArgs(1)),
	}
	open, show := bindRemote(cmd, std), bindShown(cmd)
	cmd.Flags().StringVar(&catalogName, "catalog", catalog.Default, "catalog whose sync to show")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node, sessions, err := pick(cmd.Context(), open, args, catalogName, true)
		switch {
		case err != nil:
			return err
		case len(sessions) == 0:
			fmt.Fprintf(std.Err, "no sync of catalog %s has run yet\n", catalogName)
			return nil
		case show.follow:
			return exitWith(follow(cmd.Context(), std, node, sessions, show.json))
		}
		put := printer(std.Out, show.json)
		for _, s := range sessions {
			if err := put(s); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// printer returns a function that prints sessions, as JSON or for people.
func printer(out io.Writer, asJSON bool) func(spec.Session) error {
	if asJSON {
		enc := json.NewEncoder(out)
		return func(s spec.Session) error { return enc.Encode(s) }
	}
	return func(s spec.Session) error { return printSession(out, s) }
}

// pick opens the node and returns the session with the id in args, or a catalog's active sessions. If there are none it
// returns the last one, should the caller want that.
func pick(ctx context.Context, open func() (*remote, error), args []string, catalogName string, orLast bool) (*remote, []spec.Session, error) {
	if len(args) == 1 {
		node, id, err := openSession(open, args[0])
		if err != nil {
			return nil, nil, err
		}
		s, err := node.session(ctx, id)
		return node, []spec.Session{s}, err
	}
	node, err := open()
	if err != nil {
		return nil, nil, err
	}
	status, err := call[spec.StatusResponse](node, func() (*http.Response, error) {
		return node.api.GetFullSyncStatus(ctx, &spec.GetFullSyncStatusParams{Catalog: &catalogName})
	})
	switch {
	case err != nil:
		return nil, nil, err
	case status.Active != nil:
		return node, append([]spec.Session{*status.Active}, status.AlsoActive...), nil
	case status.Last != nil && orLast:
		return node, []spec.Session{*status.Last}, nil
	}
	return node, nil, nil
}

func (r *remote) session(ctx context.Context, id uuid.UUID) (spec.Session, error) {
	got, err := call[spec.SessionResponse](r, func() (*http.Response, error) { return r.api.GetFullSync(ctx, id) })
	return got.Session, err
}

func newSyncCancel(std IO) *cobra.Command {
	var catalogName string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cancel [SESSION_ID]",
		Short: "Cancel a sync: by id, or else a catalog's running one",
		Long: "Cancel a sync: by id, or else a catalog's running one. Once the node has answered, that sync writes nothing more. --revert\n" +
			"also puts back what it has changed: the sync that does this has begun when the command returns. If the target of a push has\n" +
			"not confirmed the cancel yet, the command says until when something may still land there. If the node is down, use\n" +
			"fullsync cancel-stuck.",
		Args: usage(cobra.MaximumNArgs(1)),
	}
	open := bindRemote(cmd, std)
	cmd.Flags().StringVar(&catalogName, "catalog", catalog.Default, "catalog whose sync to cancel")
	reason := cmd.Flags().String("reason", "", "reason to put on record")
	revert := cmd.Flags().Bool("revert", false, "also put back what the sync has changed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the session as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node, sessions, err := pick(cmd.Context(), open, args, catalogName, false)
		switch {
		case err != nil:
			return err
		case len(sessions) == 0:
			fmt.Fprintf(std.Err, "no sync of catalog %s is running; there is nothing to cancel\n", catalogName)
			return nil
		case len(sessions) > 1:
			return severalRun(catalogName, sessions)
		}
		done, err := node.cancel(cmd.Context(), spec.CancelRequest{SessionId: sessions[0].SessionId, Reason: reason, Revert: revert})
		if err != nil {
			return err
		}
		if done.MayLandUntil != nil || *revert {
			fmt.Fprintln(std.Err, done.Message)
		}
		if asJSON {
			return json.NewEncoder(std.Out).Encode(done.Session)
		}
		text := "cancelled"
		if done.AlreadyCancelled {
			text = "was cancelled before"
		}
		_, err = fmt.Fprintf(std.Out, "%s  %s after %s\n", done.Session.SessionId, text, plural.Of(committed(done.Session), "product"))
		return err
	}
	return cmd
}

// severalRun returns an error that lists the syncs among which the caller must choose.
func severalRun(catalogName string, sessions []spec.Session) error {
	text := fmt.Sprintf("%d syncs of catalog %s are running; say which one to cancel:", len(sessions), catalogName)
	for _, s := range sessions {
		text += fmt.Sprintf("\n  %s  %s", s.SessionId, way(s))
	}
	return errors.New(text)
}

func (r *remote) cancel(ctx context.Context, request spec.CancelRequest) (spec.CancelResponse, error) {
	return call[spec.CancelResponse](r, func() (*http.Response, error) { return r.api.CancelFullSync(ctx, request) })
}

func newSyncList(std IO) *cobra.Command {
	var catalogName, peerID string
	var statuses []string
	var count int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List syncs, newest first",
		Args:  usage(cobra.NoArgs),
	}
	open := bindRemote(cmd, std)
	cmd.Flags().StringVar(&catalogName, "catalog", "", "only syncs of this catalog")
	cmd.Flags().StringVar(&peerID, "peer", "", "only syncs with this peer")
	cmd.Flags().StringSliceVar(&statuses, "status", nil, "only syncs in this status, such as FAILED; may be repeated")
	cmd.Flags().IntVar(&count, "count", 20, "how many to list, up to 100")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print sessions as JSON, one object per line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if count < 1 || count > 100 {
			return &usageError{errors.New("--count must be from 1 to 100")}
		}
		params := spec.ListFullSyncsParams{PageSize: &count}
		if catalogName != "" {
			params.Catalog = &catalogName
		}
		if peerID != "" {
			params.Peer = &peerID
		}
		if len(statuses) > 0 {
			wanted := make([]spec.SessionStatus, len(statuses))
			for i, s := range statuses {
				wanted[i] = spec.SessionStatus(s)
			}
			params.Status = &wanted
		}
		node, err := open()
		if err != nil {
			return err
		}
		list, err := call[spec.SessionListResponse](node, func() (*http.Response, error) { return node.api.ListFullSyncs(cmd.Context(), &params) })
		if err != nil {
			return err
		}
		if asJSON {
			put := printer(std.Out, true)
			for _, s := range list.Sessions {
				if err := put(s); err != nil {
					return err
				}
			}
			return nil
		}
		table := newTable(std.Out)
		fmt.Fprintln(table, "SESSION\tSTATUS\tSYNC\tCATALOG\tPRODUCTS\tSTARTED\tBY\tSTEP")
		for _, s := range list.Sessions {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.SessionId, s.Status, way(s), s.Catalog,
				committed(s), s.StartedAt.Format(time.RFC3339), s.StartedBy, cmp.Or(valueOr(s.ErrorMessage), s.CurrentStep))
		}
		return table.Flush()
	}
	return cmd
}

// way says which way a sync copies, as seen from the node that was asked.
func way(s spec.Session) string {
	switch {
	case s.RevertOf != nil:
		return "revert of " + s.RevertOf.String()
	case s.Direction == spec.Import:
		return "import"
	case s.Incoming:
		return "pushed here by " + s.SourceNodeId
	case s.Direction == spec.Push:
		return "push to " + s.TargetNodeId
	default:
		return "pull from " + s.SourceNodeId
	}
}

// valueOr returns what p points to; the zero value for nil.
func valueOr[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
