package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/config"
	"fullsync/internal/user"
)

func newServe(io IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the API and the workers of a node",
		Long: "Run the API and the workers of a node, until Ctrl-C or SIGTERM. Without settings it keeps everything in SQLite in\n" +
			"./data and listens on 127.0.0.1:8080. An empty or older database is brought up to date first. A node\n" +
			"without users gets one called admin, whose password is shown once.",
		Args: usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, log, err := set.load(io.Err)
		if err != nil {
			return err
		}
		err = serve(cmd.Context(), cfg, log, io)
		if err != nil && cfg.LogFormat == config.LogJSON {
			// Whoever reads the log reads lines of JSON, the last one too.
			log.Error(explain(err))
			return &loggedError{err}
		}
		return err
	}
	return cmd
}

// serve runs a node until ctx ends.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger, io IO) error {
	a, err := app.New(ctx, cfg, log)
	if err != nil {
		return err
	}
	if err := announceFirstUser(ctx, cfg, io, a); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return runNodes(ctx, log, func() {}, a)
}

// announceFirstUser makes the first user of a node that has none and shows the password, this once: apart from the log,
// where that is text, and otherwise as one more line of JSON, so that nothing that reads the log stumbles. No log level
// hides it.
func announceFirstUser(ctx context.Context, cfg config.Config, io IO, a *app.App) error {
	password, err := a.Users.First(ctx)
	if err != nil || password == "" {
		return err
	}
	if cfg.LogFormat == config.LogJSON {
		slog.New(slog.NewJSONHandler(io.Err, nil)).WarnContext(ctx,
			"this node had no users, so one was made, who may do everything; sign in at /console/ and change the password, which is shown only now",
			"name", user.FirstName, "password", password)
		return nil
	}
	_, err = fmt.Fprintf(io.Err, firstUserText, user.FirstName, password)
	return err
}

// firstUserText stands out between the lines of a log.
const firstUserText = `
==============================================================================
  This node had no users, so one was made, who may do everything:

      name      %[1]s
      password  %[2]s

  Open /console/ at this node's address to sign in.
  The password is shown only now and kept nowhere. Choose your own with
  fullsync user passwd %[1]s
==============================================================================

`

// runNodes starts nodes, calls started, and stops them when ctx ends or one fails.
func runNodes(ctx context.Context, log *slog.Logger, started func(), nodes ...*app.App) (err error) {
	failed := make(chan error, len(nodes))
	defer func() {
		for _, a := range nodes {
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
