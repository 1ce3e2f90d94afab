package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/config"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
)

func newDoctor(io IO) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine a node's settings, database, peers, clock and disk, and say what to do",
		Long: "Examine a node's settings, database, peers, clock and disk, and say what to do. Run it where the node runs, with the same\n" +
			"settings, whether it is up or down; it changes nothing but when each peer was last seen. Exit code 1 means that there is\n" +
			"a problem. fullsync serve --check does the same for a node that is about to start.",
		Args: usage(cobra.NoArgs),
	}
	set := bindSettings(cmd, io)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, _, err := set.load(io.Err)
		if err != nil {
			return err
		}
		return examine(cmd.Context(), cfg, io, false, asJSON)
	}
	return cmd
}

type examination struct {
	Success  bool          `json:"success"`
	Findings []app.Finding `json:"findings"`
	Error    string        `json:"error,omitempty"`
}

// examine prints what is found, one line each, and fails if there is a problem among it.
func examine(ctx context.Context, cfg config.Config, io IO, starting, asJSON bool) error {
	report := examination{Findings: app.Examine(ctx, cfg, starting)}
	var problems int64
	for _, f := range report.Findings {
		if f.Level == app.Problem {
			problems++
		}
		if !asJSON {
			fmt.Fprintf(io.Out, "%-8s %-12s %s\n", f.Level, f.Subject, f.Text)
		}
	}
	var err error
	if problems > 0 {
		err = fault.New(fault.Impossible, "PROBLEMS", "Problems found", "The node has %s; see above.", plural.Of(problems, "problem"))
	}
	report.Success = err == nil
	if asJSON {
		return printed(io.Out, err, &report.Error, &report)
	}
	return err
}
