package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
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
		a, err := app.New(cmd.Context(), cfg, log)
		if err != nil {
			return err
		}
		if err := announceFirstUser(cmd.Context(), io, a); err != nil {
			return errors.Join(err, a.Stop(context.WithoutCancel(cmd.Context())))
		}
		return runNodes(cmd.Context(), log, func() {}, a)
	}
	return cmd
}

// announceFirstUser makes the first user of a node that has none and shows the password, this once and not in the log.
func announceFirstUser(ctx context.Context, io IO, a *app.App) error {
	password, err := a.Users.First(ctx)
	if err != nil || password == "" {
		return err
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
