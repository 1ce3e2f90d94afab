package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/config"
	"fullsync/internal/user"
)

func newServe(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the API and the workers of a node",
		Long: "Run the API and the workers of a node until Ctrl-C or SIGTERM. Without settings it keeps everything in SQLite in\n" +
			"./data and listens on 127.0.0.1:8080. An empty or older database is brought up to date first. A node\n" +
			"without users gets one called admin, whose password is shown once.",
		Args: usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io)
	check := false
	cmd.Flags().BoolVar(&check, "check", false, "only examine whether the node could start, and say what to do; see fullsync doctor")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, log, err := set.load(io.Err)
		if err != nil {
			return err
		}
		if check {
			return examine(cmd.Context(), cfg, io, true, false)
		}
		err = serve(cmd.Context(), cfg, log, io)
		if err != nil && cfg.LogFormat == config.LogJSON {
			// With a JSON log, the last line must be JSON too.
			log.Error(explain(err))
			return &loggedError{err}
		}
		return err
	}
	return cmd
}

// serve runs a node until ctx ends.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger, io IO) error {
	a, err := app.New(ctx, cfg, log, app.Options{Traces: config.WantsTraces(io.Environ)})
	if err != nil {
		return err
	}
	if err := announceFirstUser(ctx, cfg, io, a); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return runNodes(ctx, log, func() {}, a)
}

// announceFirstUser creates a user if the node has none, and shows the password this once: outside the log if that is text,
// or as one more line of a JSON log, so that programs can still parse it. No log level hides it.
func announceFirstUser(ctx context.Context, cfg config.Config, io IO, a *app.App) error {
	password, err := a.Users.First(ctx)
	if err != nil || password == "" {
		return err
	}
	if cfg.LogFormat == config.LogJSON {
		slog.New(slog.NewJSONHandler(io.Err, nil)).WarnContext(ctx,
			"this node had no users, so it made one who may do everything; sign in at /console/ and change the password, which is shown only now",
			"name", user.FirstName, "password", password)
		return nil
	}
	_, err = fmt.Fprintf(io.Err, firstUserText, user.FirstName, password)
	return err
}

// firstUserText has a frame that makes it stand out in a log.
const firstUserText = `
==============================================================================
  This node had no users, so it made one who may do everything:

      name      %[1]s
      password  %[2]s

  Open /console/ at this node's address to sign in.
  The password is shown only now and kept nowhere. Choose your own with
  fullsync user passwd %[1]s
==============================================================================

`

// runNodes starts nodes, calls started, and stops them all when ctx ends or one fails. The first stops last: the others may be
// talking to it.
func runNodes(ctx context.Context, log *slog.Logger, started func(), nodes ...*app.App) (err error) {
	failed := make(chan error, len(nodes))
	defer func() {
		for _, a := range slices.Backward(nodes) {
			if stopErr := a.Stop(context.WithoutCancel(ctx)); err == nil {
				err = stopErr
			}
		}
	}()
	for _, a := range nodes {
		if err := a.Start(ctx); err != nil {
			return err
		}
		go func() {
			select {
			case err := <-a.Failed():
				failed <- err
			case <-ctx.Done():
			}
		}()
	}
	started()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		log.Info("stopping")
		return nil
	}
}
