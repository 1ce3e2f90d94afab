package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"fullsync/api/spec"
)

// planExamples is how many changes are printed after a dry run.
const planExamples = 10

func newSyncChanges(std IO) *cobra.Command {
	var kind, text string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "changes SESSION_ID",
		Short:   "List what a sync did to each product, or what a dry run would do",
		Example: "  fullsync sync changes 5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186 --kind deleted",
		Args:    usage(cobra.ExactArgs(1)),
	}
	open := bindRemote(cmd, std)
	cmd.Flags().StringVar(&kind, "kind", "", "only changes of this kind: created, updated or deleted")
	cmd.Flags().StringVar(&text, "search", "", "only products with this text in the id, or in the SKU or name before or after")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print changes as JSON, one object per line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node, id, err := openSession(open, args[0])
		if err != nil {
			return err
		}
		size := 100
		asked := spec.ListFullSyncChangesParams{PageSize: &size}
		if kind != "" {
			asked.Kind = (*spec.ChangeKind)(&kind)
		}
		if text != "" {
			asked.Q = &text
		}
		for more := true; more; more = asked.PageToken != nil {
			if asked.PageToken, err = node.printChanges(cmd.Context(), std.Out, id, asked, asJSON); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// printChanges prints one page of a session's changes, and returns the token of the next one.
func (r *remote) printChanges(ctx context.Context, out io.Writer, id uuid.UUID, asked spec.ListFullSyncChangesParams, asJSON bool) (next *string, err error) {
	page, err := call[spec.ChangeListResponse](r, func() (*http.Response, error) { return r.api.ListFullSyncChanges(ctx, id, &asked) })
	if err != nil {
		return nil, err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, c := range page.Changes {
		if asJSON {
			err = enc.Encode(c)
		} else {
			_, err = fmt.Fprintln(out, changeLine(c))
		}
		if err != nil {
			return nil, err
		}
	}
	return page.NextPageToken, nil
}

// changeLine says in one line what was done to a product. Texts are in quotes, so that they cannot pretend to be anything else.
func changeLine(c spec.Change) string {
	fields := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		switch {
		case f.Before == nil:
			fields[i] = fmt.Sprintf("%s %s", f.Field, *f.After)
		case f.After == nil:
			fields[i] = fmt.Sprintf("%s was %s", f.Field, *f.Before)
		default:
			fields[i] = fmt.Sprintf("%s %s, was %s", f.Field, *f.After, *f.Before)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s  %q  %s", c.Kind, c.ProductId, strings.Join(fields, "; ")))
}

// planned follows a dry run to its end, and prints the first of what it would do.
func planned(ctx context.Context, std IO, node *remote, show shown, s spec.Session) error {
	code, err := follow(ctx, std, node, []spec.Session{s}, show.json)
	if err == nil && !show.json && (code == exitOK || code == exitIncomplete) {
		size := planExamples
		_, err = node.printChanges(ctx, std.Out, s.SessionId, spec.ListFullSyncChangesParams{PageSize: &size}, false)
	}
	return exitWith(code, err)
}
