package session

import "fmt"

// Delete is the record of a product that its source no longer has, and what became of it here.
type Delete struct {
	SessionID string `gorm:"primaryKey"`
	ProductID string `gorm:"primaryKey"`
	// Hash is the content hash that the product had when it was found missing: only that content is deleted.
	Hash  string
	State DeleteState
}

// TableName names the table for GORM.
func (Delete) TableName() string { return "sync_deletes" }

// DeleteState is what became of a product that is missing at its source.
type DeleteState string

// The states.
const (
	// DeleteProposed: found missing; nothing is decided yet.
	DeleteProposed DeleteState = "proposed"
	// DeleteDone: deleted.
	DeleteDone DeleteState = "deleted"
	// DeleteKept: it was changed here, or is another source's by now, so it stays.
	DeleteKept DeleteState = "kept"
	// DeleteWithheld: the guard kept it, until a person approves.
	DeleteWithheld DeleteState = "withheld"
)

// alwaysFine is how many deletes need no guard.
const alwaysFine = 10

// DeleteGuard decides about all the deletes of a session at once, before the first of them.
type DeleteGuard struct {
	// Max is the largest number of deletes, Percent the largest share, in percent, of what is here from the source.
	Max, Percent int
}

// Withhold says why none of the proposed deletes may be done, or "" where all of them may. held is how many products are here from
// the source, those that are to be deleted among them; atSource is how many the source has.
func (g DeleteGuard) Withhold(proposed, held, atSource int64) string {
	switch {
	case proposed == 0:
		return ""
	case atSource == 0:
		return "the source is empty"
	case proposed <= alwaysFine:
		return ""
	case proposed > int64(g.Max):
		return fmt.Sprintf("that is more than %d at once", g.Max)
	case proposed*100 > int64(g.Percent)*held:
		return fmt.Sprintf("that is more than %d %% of the %d products from there", g.Percent, held)
	}
	return ""
}
