// Package cli is the command line of fullsync: serve, demo, migrate, token, user, audit, catalog, sync, cancel-stuck,
// adopt-secret, secret, doctor, sbom.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/config"
	"fullsync/internal/fault"
)

// IO is a command's standard streams and environment.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// Environ has the form of os.Environ.
	Environ []string
}

// The exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
	// exitCancelled, exitRunning and exitIncomplete are how a sync ended that was followed, or why it could not start.
	exitCancelled
	exitRunning
	exitIncomplete
	// exitInterrupted is what shells say of a program that Ctrl-C ended.
	exitInterrupted = 130
)

// Run runs one command and returns its exit code: 0, 1 if something failed, or 2 on wrong usage. Cancelling ctx stops the
// command cleanly.
func Run(ctx context.Context, args []string, io IO) int {
	root := newRoot(io)
	root.SetArgs(append([]string{}, args...)) // nil would mean the arguments of the process
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	cmd, err := root.ExecuteContextC(ctx)
	var usage *usageError
	var logged *loggedError
	var coded *codedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &logged):
		return exitFailed
	case errors.As(err, &coded):
		if coded.err != nil {
			fmt.Fprintf(io.Err, "fullsync: %s\n", explain(coded.err))
		}
		return coded.code
	case errors.As(err, &usage):
		fmt.Fprintf(io.Err, "fullsync: %v\nRun %s --help to see how it is used.\n", err, cmd.CommandPath())
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(io.Err, "fullsync: interrupted before it was done")
		return exitFailed
	default:
		fmt.Fprintf(io.Err, "fullsync: %s\n", explain(err))
		return exitFailed
	}
}

// explain returns the sentence of a fault, or the whole text of any other error.
func explain(err error) string { return fault.Sentence(err, err.Error()) }

// usageError is an error in the command line itself.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// loggedError is an error that is already in the log and must not be printed again.
type loggedError struct{ err error }

func (e *loggedError) Error() string { return e.err.Error() }
func (e *loggedError) Unwrap() error { return e.err }

// codedError ends the command with an exit code of its own. Its error is nil where everything has been said already.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return fmt.Sprintf("exit code %d: %v", e.code, e.err) }
func (e *codedError) Unwrap() error { return e.err }

// usage makes an argument check return usageErrors.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

func newRoot(io IO) *cobra.Command {
	root := &cobra.Command{
		Use:   "fullsync",
		Short: "Copy whole product catalogs between nodes, and watch and cancel every sync",
		Long: "fullsync copies whole product catalogs between nodes. You can start, watch and cancel every sync at any moment.\n" +
			"Try it with: fullsync demo",
		SilenceUsage:      true,
		SilenceErrors:     true,
		Version:           fmt.Sprintf("%s (%s)", app.Version(), app.Build()),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              usage(cobra.NoArgs),
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(newServe(io), newDemo(io), newMigrate(io), newToken(io), newUser(io), newAudit(io), newCatalog(io), newSync(io), newCancelStuck(io), newAdoptSecret(io), newSecret(io), newDoctor(io), newSBOM(io))
	return root
}

// onlyGroups is the body of a command that only has subcommands.
func onlyGroups(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())}
	}
	return &usageError{fmt.Errorf("%s needs one of its subcommands", cmd.CommandPath())}
}

// settings are a command's flags for the configuration.
type settings struct {
	environ []string
	flags   func() map[string]string
}

// bindSettings adds flags for the named variables, or for all of them.
func bindSettings(cmd *cobra.Command, io IO, only ...string) settings {
	return settings{environ: io.Environ, flags: config.Bind(cmd.Flags(), only...)}
}

// databaseFlags returns the flags of commands that use only the database.
func databaseFlags() []string {
	return []string{"database-url", "data-dir", "node-id", "log-level", "log-format"}
}

// load reads the configuration, makes the logger and logs a warning for each unknown variable.
func (s settings) load(out io.Writer) (config.Config, *slog.Logger, error) {
	return load(config.Environ(s.environ), s.flags(), out)
}

func load(environ, flags map[string]string, out io.Writer) (config.Config, *slog.Logger, error) {
	cfg, warnings, err := config.Load(environ, flags)
	if err != nil {
		return cfg, nil, err
	}
	opt := &slog.HandlerOptions{Level: cfg.LogLevel}
	var handler slog.Handler = slog.NewTextHandler(out, opt)
	if cfg.LogFormat == config.LogJSON {
		handler = slog.NewJSONHandler(out, opt)
	}
	log := slog.New(handler)
	for _, w := range warnings {
		log.Warn(w)
	}
	return cfg, log, nil
}
