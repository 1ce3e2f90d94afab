package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
)

func newSyncPull(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull PEER",
		Short: "Pull a catalog from a peer",
		Long: "Pull a catalog from a peer. The session's id goes to standard output. --follow watches the sync until it ends; Ctrl-C\n" +
			"then asks whether to cancel the sync or just stop watching it.",
		Example: "  fullsync sync pull branch --follow\n  fullsync sync pull branch --verify --delete-missing --json",
		Args:    usage(cobra.ExactArgs(1)),
	}
	open, show, request := bindRemote(cmd, std), bindShown(cmd), bindStart(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return startOne(cmd.Context(), std, open, *show, request, spec.Pull, args[0])
	}
	return cmd
}

func newSyncPush(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push PEER...",
		Short: "Push a catalog to a peer, or to several",
		Long: "Push a catalog to a peer. The session's id goes to standard output. --follow watches the sync until it ends; Ctrl-C\n" +
			"then asks whether to cancel the sync or just stop watching it. Several peers get a sync each, and standard output a line\n" +
			"for each that has started; a peer whose push cannot start keeps none of the others. The exit code is that of the worst.",
		Example: "  fullsync sync push branch --follow\n  fullsync sync push branch harbour airport --verify --follow",
		Args:    usage(cobra.MinimumNArgs(1)),
	}
	open, show, request := bindRemote(cmd, std), bindShown(cmd), bindStart(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return startOne(cmd.Context(), std, open, *show, request, spec.Push, args[0])
		}
		return pushToAll(cmd.Context(), std, open, *show, request, args)
	}
	return cmd
}

// requester makes the request that starts a sync with a peer.
type requester func(direction spec.Direction, peerID string) (spec.StartRequest, error)

// bindStart adds the flags of a start, and returns what makes a request of them.
func bindStart(cmd *cobra.Command) requester {
	var catalogName, ifRunning, plan string
	var timeout time.Duration
	var size, rate, deletes, percent int
	var verify, deleteMissing, everything, dryRun bool
	flags := cmd.Flags()
	flags.StringVar(&catalogName, "catalog", "", "catalog to sync (default: "+catalog.Default+", or that of the feed)")
	flags.StringVar(&ifRunning, "if-running", "fail", "what to do if another sync is in the way: fail, attach to it, or replace it")
	flags.BoolVar(&verify, "verify", false, "compare every product by content afterwards (verifyAfterSync)")
	flags.BoolVar(&deleteMissing, "delete-missing", false, "at the end, delete the products that came from the source and no longer exist there")
	flags.IntVar(&deletes, "max-deletes", 0, "how many products may be deleted without approval (default: the node's)")
	flags.IntVar(&percent, "max-delete-percent", 0, "what percentage of the products from the source may be deleted without approval (default: the node's)")
	flags.BoolVar(&everything, "read-everything", false, "read every product instead of comparing first")
	flags.BoolVar(&dryRun, "dry-run", false, "only find out what the sync would do, wait for that, and print the counts and some examples")
	flags.StringVar(&plan, "plan", "", "apply what this dry run has found, with its catalog and options; fails if either side has changed since")
	flags.IntVar(&size, "batch-size", 0, "products per batch (default: the node's)")
	flags.IntVar(&rate, "rate", 0, "most products per second; 0 means no limit")
	flags.DurationVar(&timeout, "timeout", 0, "time limit for the sync (default: the node's)")
	return func(direction spec.Direction, peerID string) (spec.StartRequest, error) {
		if timeout != 0 && timeout < time.Second {
			return spec.StartRequest{}, &usageError{errors.New("--timeout must be at least 1s")}
		}
		options := spec.StartOptions{VerifyAfterSync: &verify, DeleteMissing: &deleteMissing, ReadEverything: &everything, MaxProductsPerSecond: &rate, DryRun: &dryRun}
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
		request := spec.StartRequest{Action: string(direction), TargetPeer: &spec.TargetPeer{}, IfRunning: &running, Options: &options}
		if flags.Changed("catalog") {
			request.Catalog = &catalogName
		}
		if plan != "" {
			id, err := uuid.Parse(plan)
			if err != nil {
				return request, &usageError{fmt.Errorf("%q is not the session id of a dry run", plan)}
			}
			request = spec.StartRequest{Action: string(direction), TargetPeer: &spec.TargetPeer{}, IfRunning: &running, PlanId: &id}
		}
		return request, request.TargetPeer.FromNodeID(peerID)
	}
}

// startOne starts a sync with one peer, and shows it.
func startOne(ctx context.Context, std IO, open func() (*remote, error), show shown, request requester, direction spec.Direction, peerID string) error {
	asked, err := request(direction, peerID)
	if err != nil {
		return err
	}
	node, err := open()
	if err != nil {
		return err
	}
	s, err := node.start(ctx, asked)
	if err == nil && s.Options.DryRun {
		return planned(ctx, std, node, show, s)
	}
	return begun(ctx, std, node, show, s, err)
}

// start starts a sync. Its answer may get lost, so it tries twice; because of the key, that does not start a second sync.
func (r *remote) start(ctx context.Context, request spec.StartRequest) (spec.Session, error) {
	key := uuid.NewString()
	return r.started(func() (*http.Response, error) {
		resp, err := r.api.StartFullSync(ctx, &spec.StartFullSyncParams{IdempotencyKey: &key}, request)
		if err != nil && pause(ctx, time.Second) == nil {
			resp, err = r.api.StartFullSync(ctx, &spec.StartFullSyncParams{IdempotencyKey: &key}, request)
		}
		return resp, err
	})
}

// started sends a request that starts a session, and returns the session.
func (r *remote) started(send func() (*http.Response, error)) (spec.Session, error) {
	answer, err := call[spec.StartResponse](r, send)
	return answer.Session, err
}

// pushToAll starts a push to each of several peers, one after the other, and shows those that have started.
func pushToAll(ctx context.Context, std IO, open func() (*remote, error), show shown, request requester, peerIDs []string) error {
	requests := make([]spec.StartRequest, len(peerIDs))
	for i, id := range peerIDs {
		var err error
		if requests[i], err = request(spec.Push, id); err != nil {
			return err
		}
	}
	node, err := open()
	if err != nil {
		return err
	}
	code, put := exitOK, printer(std.Out, true)
	var sessions []spec.Session
	for i, id := range peerIDs {
		s, err := node.start(ctx, requests[i])
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			fmt.Fprintf(std.Err, "fullsync: %s: %s\n", id, explain(err))
			code = worse(code, refusalCode(err))
			continue
		}
		sessions = append(sessions, s)
		switch {
		case !show.json:
			fmt.Fprintf(std.Out, "%s  %s has started\n", s.SessionId, way(s))
		case !show.follow:
			if err := put(s); err != nil {
				return err
			}
		}
	}
	if !show.follow || len(sessions) == 0 {
		return exitWith(code, nil)
	}
	ended, err := follow(ctx, std, node, sessions, show.json)
	return exitWith(worse(code, ended), err)
}

// begun shows the session that a start has begun, or returns why it was refused.
func begun(ctx context.Context, std IO, node *remote, show shown, s spec.Session, err error) error {
	switch {
	case err != nil:
		return &codedError{refusalCode(err), err}
	case show.follow:
		return exitWith(follow(ctx, std, node, []spec.Session{s}, show.json))
	case show.json:
		return json.NewEncoder(std.Out).Encode(s)
	}
	fmt.Fprintf(std.Err, "%s, catalog %s, has started; watch it with: fullsync sync status %s --follow\n", way(s), s.Catalog, s.SessionId)
	_, err = fmt.Fprintln(std.Out, s.SessionId)
	return err
}

// refusalCode returns the exit code for a start that was refused.
func refusalCode(err error) int {
	var refused *refusal
	if errors.As(err, &refused) && refused.said.Code == "SYNC_IN_PROGRESS" {
		return exitRunning
	}
	return exitFailed
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
		s, err := node.started(func() (*http.Response, error) {
			return node.api.ResumeFullSync(cmd.Context(), id, spec.ResumeRequest{})
		})
		return begun(cmd.Context(), std, node, *show, s, err)
	}
	return cmd
}

func newSyncRevert(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revert SESSION_ID",
		Short: "Start a sync that puts back what another one changed",
		Long: "Start a sync that puts back what another one changed on this node. What was changed after that one is left alone and listed.\n" +
			"What a push has changed, its target puts back: ask the node there.",
		Args: usage(cobra.ExactArgs(1)),
	}
	open, show := bindRemote(cmd, std), bindShown(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node, id, err := openSession(open, args[0])
		if err != nil {
			return err
		}
		key := uuid.NewString()
		s, err := node.started(func() (*http.Response, error) {
			return node.api.RevertFullSync(cmd.Context(), id, &spec.RevertFullSyncParams{IdempotencyKey: &key}, spec.RevertRequest{})
		})
		return begun(cmd.Context(), std, node, *show, s, err)
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
		s, err := node.started(func() (*http.Response, error) {
			return node.api.ApproveFullSyncDeletes(cmd.Context(), id, spec.ApproveDeletesRequest{Count: count})
		})
		return begun(cmd.Context(), std, node, *show, s, err)
	}
	return cmd
}
