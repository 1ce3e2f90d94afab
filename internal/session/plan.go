package session

import (
	"fmt"
	"strings"

	"fullsync/internal/plural"
)

// MaxPlanned is how many changes a dry run lists. It counts all of them.
const MaxPlanned = 100_000

// PlannedStep is the last step of a dry run.
func PlannedStep(c Counts) string {
	return fmt.Sprintf("Dry run: would create %s, update %s and delete %s", plural.Of(c.Created, "product"), plural.Of(c.Updated, "product"), plural.Of(c.Deleted, "product"))
}

// Planned returns the ending of a dry run.
func (e Ending) Planned(c Counts) Ending {
	e.Outcome = Planned
	e.Message = strings.TrimSpace("This was a dry run; no product was written. " + e.Message)
	if c.Created+c.Updated+c.Deleted > MaxPlanned {
		e.Message += fmt.Sprintf(" Only the first %d changes are listed.", MaxPlanned)
	}
	return e
}
