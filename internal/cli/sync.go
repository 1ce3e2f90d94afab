package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"text/tabwriter"
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
	cmd.AddCommand(newSyncPull(std), newSyncStatus(std), newSyncList(std), newSyncCancel(std), newSyncResume(std), newSyncApprove(std))
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

func newSyncPull(std IO) *cobra.Command {
	var catalogName, ifRunning string
	var timeout time.Duration
	var size, rate, deletes, percent int
	var verify, deleteMissing, everything bool
	cmd := &cobra.Command{
		Use:   "pull PEER",
		Short: "Pull a catalog from a peer",
		Long: "Pull a catalog from a peer. The session's id goes to standard output. --follow watches the sync until it ends; Ctrl-C\n" +
			"then asks whether to cancel the sync or just stop watching it.",
		Example: "  fullsync sync pull branch --follow\n  fullsync sync pull branch --verify --delete-missing --json",
		Args:    usage(cobra.ExactArgs(1)),
	}
	open, show := bindRemote(cmd, std), bindShown(cmd)
	flags := cmd.Flags()
	flags.StringVar(&catalogName, "catalog", catalog.Default, "catalog to sync")
	flags.StringVar(&ifRunning, "if-running", "fail", "what to do if the catalog is already being synced: fail, attach to that sync, or replace it")
	flags.BoolVar(&verify, "verify", false, "compare every product by content afterwards (verifyAfterSync)")
	flags.BoolVar(&deleteMissing, "delete-missing", false, "at the end, delete the products that came from the peer and no longer exist there")
	flags.IntVar(&deletes, "max-deletes", 0, "how many products may be deleted without approval (default: the node's)")
	flags.IntVar(&percent, "max-delete-percent", 0, "what percentage of the peer's products here may be deleted without approval (default: the node's)")
	flags.BoolVar(&everything, "read-everything", false, "read every product instead of comparing first")
	flags.IntVar(&size, "batch-size", 0, "products per batch (default: the node's)")
	flags.IntVar(&rate, "rate", 0, "most products per second; 0 means no limit")
	flags.DurationVar(&timeout, "timeout", 0, "time limit for the sync (default: the node's)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if timeout != 0 && timeout < time.Second {
			return &usageError{errors.New("--timeout must be at least 1s")}
		}
		options := spec.StartOptions{VerifyAfterSync: &verify, DeleteMissing: &deleteMissing, ReadEverything: &everything, MaxProductsPerSecond: &rate}
		given := func(name string, value int, into **int) {
			if flags.Changed(name) {
				*into = &value
			}
		}
		given("batch-size", size, &options.BatchSize)
		given("max-deletes", deletes, &options.MaxDeletes)
		given("max-delete-percent", percent, &options.MaxDeletePercent)
		given("timeout", int(timeout.Seconds()), &options.TimeoutSeconds)
		running := spec.StartRequestIfRunning(ifRunning)
		request := spec.StartRequest{Action: "pull", Catalog: &catalogName, IfRunning: &running, Options: &options}
		if err := request.TargetPeer.FromNodeID(args[0]); err != nil {
			return err
		}
		node, err := open()
		if err != nil {
			return err
		}
		key := uuid.NewString()
		return begin(cmd.Context(), std, node, *show, func(ctx context.Context) (*http.Response, error) {
			resp, err := node.api.StartFullSync(ctx, &spec.StartFullSyncParams{IdempotencyKey: &key}, request)
			if err != nil && pause(ctx, time.Second) == nil {
				// The answer may have been lost. Because of the key, trying again does not start a second sync.
				resp, err = node.api.StartFullSync(ctx, &spec.StartFullSyncParams{IdempotencyKey: &key}, request)
			}
			return resp, err
		})
	}
	return cmd
}

// begin sends a request that starts a session, and shows the session.
func begin(ctx context.Context, std IO, node *remote, show shown, send func(context.Context) (*http.Response, error)) error {
	started, err := call[spec.StartResponse](node, func() (*http.Response, error) { return send(ctx) })
	if err != nil {
		return startRefused(err)
	}
	s := started.Session
	switch {
	case show.follow:
		return follow(ctx, std, node, s, show.json)
	case show.json:
		return json.NewEncoder(std.Out).Encode(s)
	}
	fmt.Fprintf(std.Err, "%s from %s into catalog %s has started; watch it with: fullsync sync status %s --follow\n", s.Direction, s.SourceNodeId, s.Catalog, s.SessionId)
	_, err = fmt.Fprintln(std.Out, s.SessionId)
	return err
}

// startRefused returns the error of a start, with a special exit code if another sync is in the way.
func startRefused(err error) error {
	var refused *refusal
	if errors.As(err, &refused) && refused.said.Code == "SYNC_IN_PROGRESS" {
		return &codedError{exitRunning, err}
	}
	return err
}

func newSyncResume(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume SESSION_ID",
		Short: "Start a new sync that continues where a failed or cancelled one stopped",
		Args:  usage(cobra.ExactArgs(1)),
	}
	open, show := bindRemote(cmd, std), bindShown(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node, id, err := openSession(open, args[0])
		if err != nil {
			return err
		}
		return begin(cmd.Context(), std, node, *show, func(ctx context.Context) (*http.Response, error) {
			return node.api.ResumeFullSync(ctx, id, spec.ResumeRequest{})
		})
	}
	return cmd
}

func newSyncApprove(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approve-deletes SESSION_ID COUNT",
		Short: "Sync again and delete the COUNT products whose deletes a sync withheld",
		Args:  usage(cobra.ExactArgs(2)),
	}
	open, show := bindRemote(cmd, std), bindShown(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		count, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || count < 1 {
			return &usageError{fmt.Errorf("%q is not a number of withheld deletes", args[1])}
		}
		node, id, err := openSession(open, args[0])
		if err != nil {
			return err
		}
		return begin(cmd.Context(), std, node, *show, func(ctx context.Context) (*http.Response, error) {
			return node.api.ApproveFullSyncDeletes(ctx, id, spec.ApproveDeletesRequest{Count: count})
		})
	}
	return cmd
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
		node, s, err := pick(cmd.Context(), open, args, catalogName, true)
		switch {
		case err != nil:
			return err
		case s == nil:
			fmt.Fprintf(std.Err, "no sync of catalog %s has run yet\n", catalogName)
			return nil
		case show.follow:
			return follow(cmd.Context(), std, node, *s, show.json)
		case show.json:
			return json.NewEncoder(std.Out).Encode(s)
		}
		return printSession(std.Out, *s)
	}
	return cmd
}

// pick opens the node and returns the session with the id in args, or a catalog's active session. If there is none it
// returns the last one, should the caller want that; otherwise nil.
func pick(ctx context.Context, open func() (*remote, error), args []string, catalogName string, orLast bool) (*remote, *spec.Session, error) {
	if len(args) == 1 {
		node, id, err := openSession(open, args[0])
		if err != nil {
			return nil, nil, err
		}
		s, err := node.session(ctx, id)
		return node, &s, err
	}
	node, err := open()
	if err != nil {
		return nil, nil, err
	}
	status, err := call[spec.StatusResponse](node, func() (*http.Response, error) {
		return node.api.GetFullSyncStatus(ctx, &spec.GetFullSyncStatusParams{Catalog: &catalogName})
	})
	if err == nil && status.Active == nil && orLast {
		status.Active = status.Last
	}
	return node, status.Active, err
}

func (r *remote) session(ctx context.Context, id uuid.UUID) (spec.Session, error) {
	got, err := call[spec.SessionResponse](r, func() (*http.Response, error) { return r.api.GetFullSync(ctx, id) })
	return got.Session, err
}

func newSyncCancel(std IO) *cobra.Command {
	var catalogName, reason string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cancel [SESSION_ID]",
		Short: "Cancel a sync: by id, or else a catalog's running one",
		Long: "Cancel a sync: by id, or else a catalog's running one. Once the node has answered, that sync writes nothing more. If the\n" +
			"node is down, use fullsync cancel-stuck.",
		Args: usage(cobra.MaximumNArgs(1)),
	}
	open := bindRemote(cmd, std)
	cmd.Flags().StringVar(&catalogName, "catalog", catalog.Default, "catalog whose sync to cancel")
	cmd.Flags().StringVar(&reason, "reason", "", "reason to put on record")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the session as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node, s, err := pick(cmd.Context(), open, args, catalogName, false)
		if err != nil {
			return err
		}
		if s == nil {
			fmt.Fprintf(std.Err, "no sync of catalog %s is running; there is nothing to cancel\n", catalogName)
			return nil
		}
		done, err := node.cancel(cmd.Context(), s.SessionId, reason)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(std.Out).Encode(done.Session)
		}
		text := "cancelled"
		if done.AlreadyCancelled {
			text = "was cancelled before"
		}
		_, err = fmt.Fprintf(std.Out, "%s  %s after %s\n", done.Session.SessionId, text, plural.Of(done.Session.TransferredRecords, "product"))
		return err
	}
	return cmd
}

func (r *remote) cancel(ctx context.Context, id uuid.UUID, reason string) (spec.CancelResponse, error) {
	request := spec.CancelRequest{SessionId: id}
	if reason != "" {
		request.Reason = &reason
	}
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
			enc := json.NewEncoder(std.Out)
			for _, s := range list.Sessions {
				if err := enc.Encode(s); err != nil {
					return err
				}
			}
			return nil
		}
		table := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "SESSION\tSTATUS\tSYNC\tCATALOG\tPRODUCTS\tSTARTED\tBY\tSTEP")
		for _, s := range list.Sessions {
			fmt.Fprintf(table, "%s\t%s\t%s from %s\t%s\t%d\t%s\t%s\t%s\n", s.SessionId, s.Status, s.Direction, s.SourceNodeId, s.Catalog,
				s.TransferredRecords, s.StartedAt.Format(time.RFC3339), s.StartedBy, cmp.Or(valueOr(s.ErrorMessage), s.CurrentStep))
		}
		return table.Flush()
	}
	return cmd
}

// valueOr returns what p points to; the zero value for nil.
func valueOr[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
