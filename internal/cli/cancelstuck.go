package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/user"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/jobs"
	"fullsync/internal/plural"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
)

func newCancelStuck(io IO) *cobra.Command {
	var req syncer.StuckRequest
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cancel-stuck [SESSION_ID]",
		Short: "Cancel syncs whose worker is dead, using only the database",
		Long: "Cancel syncs that block their catalog, using only the database: the API may be down. Without arguments it cancels the\n" +
			"active sessions whose worker is dead (no heartbeat for FULLSYNC_STALE_AFTER), with --all every active one, and with a\n" +
			"session id just that one. The exit code is 0 on success, even if there was nothing to do, 1 if something failed, and\n2 on wrong usage.",
		Args: usage(cobra.MaximumNArgs(1)),
	}
	set := bindSettings(cmd, io, append(databaseFlags(), "stale-after")...)
	cmd.Flags().BoolVar(&req.All, "all", false, "cancel every active session, even healthy ones")
	cmd.Flags().BoolVar(&req.DryRun, "dry-run", false, "show what would be cancelled and change nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			if uuid.Validate(args[0]) != nil {
				return &usageError{fmt.Errorf("%q is not a session id; it looks like 5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186", args[0])}
			}
			if req.All {
				return &usageError{errors.New("give a session id or --all, not both")}
			}
			req.SessionID = args[0]
		}
		req.By = operator()
		found, err := cancelStuck(cmd.Context(), set, io, req)
		return report(io.Out, found, err, req.DryRun, asJSON)
	}
	return cmd
}

// stuckPatience is the time limit for the whole command, in case the database falls silent in the middle of it.
const stuckPatience = 30 * time.Second

// cancelStuck does what req asks for.
func cancelStuck(ctx context.Context, set settings, io IO, req syncer.StuckRequest) ([]syncer.Stuck, error) {
	cfg, log, err := set.load(io.Err)
	if err != nil {
		return nil, err
	}
	db, err := app.OpenExisting(ctx, cfg)
	if err != nil {
		return nil, app.ExplainLock(cfg, err)
	}
	// The command prints everything itself, so the service's log would only repeat it in technical terms.
	if !log.Enabled(ctx, slog.LevelDebug) {
		log = slog.New(slog.DiscardHandler)
	}
	bounded, cancel := context.WithTimeout(ctx, stuckPatience)
	defer cancel()
	found, err := cancelIn(bounded, db, app.Settings(cfg, cfg.NodeID, log), req)
	_ = db.Close() // nothing is pending
	for i := range found {
		found[i].Err = app.ExplainLock(cfg, found[i].Err)
	}
	return found, app.ExplainLock(cfg, err)
}

func cancelIn(ctx context.Context, db *store.Store, settings syncer.Config, req syncer.StuckRequest) ([]syncer.Stuck, error) {
	if err := db.CheckSchema(ctx); err != nil {
		return nil, err
	}
	engine, err := jobs.New(jobs.In(db), 0, settings.Logger)
	if err != nil {
		return nil, err
	}
	return syncer.New(settings, db, nil, engine, nil).CancelStuck(asOperator(ctx), req)
}

// operator returns who runs the command, for the session's record.
func operator() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return "cli:" + name + "@" + host
}

// stuckLine is what the command prints about one session.
type stuckLine struct {
	SessionID       string     `json:"sessionId"`
	Catalog         string     `json:"catalog"`
	Status          string     `json:"status"`
	CurrentStep     string     `json:"currentStep"`
	Progress        int        `json:"progress"`
	StartedAt       time.Time  `json:"startedAt"`
	LastHeartbeatAt *time.Time `json:"lastHeartbeatAt"`
	// HeartbeatAgeSeconds and LastCommitAgeSeconds go by the database's clock; null before the first heartbeat or commit.
	HeartbeatAgeSeconds  *float64 `json:"heartbeatAgeSeconds"`
	LastCommitAgeSeconds *float64 `json:"lastCommitAgeSeconds"`
	Worker               string   `json:"worker"`
	Takeovers            int      `json:"takeovers"`
	Verdict              string   `json:"verdict"`
	Reason               string   `json:"reason"`
	Done                 string   `json:"done"`
	Error                string   `json:"error,omitempty"`
	// ended says that the session had already ended, so that there is nothing to say about its worker.
	ended bool
}

// stuckReport is the JSON object that the command prints.
type stuckReport struct {
	Success  bool        `json:"success"`
	DryRun   bool        `json:"dryRun"`
	Sessions []stuckLine `json:"sessions"`
	Error    string      `json:"error,omitempty"`
}

// report prints what was found and done, and returns an error if anything failed. The JSON form includes the error.
func report(out io.Writer, found []syncer.Stuck, failure error, dryRun, asJSON bool) error {
	lines := make([]stuckLine, len(found))
	failed := 0
	for i, f := range found {
		lines[i] = describe(f)
		if f.Err != nil {
			failed++
		}
	}
	if failure == nil && failed > 0 {
		failure = fmt.Errorf("%d of %s could not be cancelled", failed, plural.Of(len(found), "session"))
	}
	switch {
	case asJSON:
		full := stuckReport{Success: failure == nil, DryRun: dryRun, Sessions: lines}
		if failure != nil {
			full.Error = explain(failure)
		}
		if err := printJSON(out, full); err != nil {
			return err
		}
	case failure == nil || len(lines) > 0:
		printStuck(out, lines)
	}
	return failure
}

func describe(f syncer.Stuck) stuckLine {
	s := f.Session
	line := stuckLine{
		SessionID: s.ID, Catalog: s.Catalog, Status: string(s.Status), CurrentStep: s.CurrentStep, Progress: s.Progress,
		StartedAt: s.StartedAt.UTC(), Verdict: string(s.Health.Verdict), Reason: s.Health.Reason, Done: f.Outcome(),
		ended:               !s.Status.Active(),
		HeartbeatAgeSeconds: inSeconds(f.HeartbeatAge), LastCommitAgeSeconds: inSeconds(f.CommitAge), Worker: s.Worker, Takeovers: f.Takeovers,
	}
	if at := s.LastHeartbeatAt; at != nil {
		utc := at.UTC()
		line.LastHeartbeatAt = &utc
	}
	if f.Err != nil {
		line.Error = explain(f.Err)
	}
	return line
}

// inSeconds returns a duration in seconds, rounded to a tenth; nil for nil.
func inSeconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	s := math.Round(d.Seconds()*10) / 10
	return &s
}

// ago says how long ago something happened.
func ago(seconds *float64) string {
	if seconds == nil {
		return "never"
	}
	return fmt.Sprintf("%.1f s ago", *seconds)
}

// orNobody returns the worker's name, or "none".
func orNobody(worker string) string {
	if worker == "" {
		return "none"
	}
	return worker
}

func printStuck(out io.Writer, lines []stuckLine) {
	if len(lines) == 0 {
		fmt.Fprintln(out, "No stuck session found; nothing to do.")
	}
	for _, l := range lines {
		if l.ended {
			fmt.Fprintf(out, "%s  %s\n", l.SessionID, l.Done)
			continue
		}
		fmt.Fprintf(out, "%s  %s\n  catalog      %s\n  status       %s, %s, %d %%\n  started      %s\n  worker       %s, taken over %s before\n"+
			"  heartbeat    %s\n  last commit  %s\n  verdict      %s: %s\n",
			l.SessionID, l.Done, l.Catalog, l.Status, l.CurrentStep, l.Progress, l.StartedAt.Format(time.RFC3339), orNobody(l.Worker), plural.Of(l.Takeovers, "time"),
			ago(l.HeartbeatAgeSeconds), ago(l.LastCommitAgeSeconds), l.Verdict, l.Reason)
		if l.Error != "" {
			fmt.Fprintf(out, "  error        %s\n", l.Error)
		}
	}
}
