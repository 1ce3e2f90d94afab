package session

import "fmt"

// Delete records a product that its source no longer has, and what happened to it here.
type Delete struct {
	SessionID string `gorm:"primaryKey"`
	ProductID string `gorm:"primaryKey"`
	// Hash is the product's content hash when it was found missing. The delete only goes ahead if it is still the same.
	Hash  string
	State DeleteState
}

// TableName names the table for GORM.
func (Delete) TableName() string { return "sync_deletes" }

// DeleteState is what happened to a product that is missing at its source.
type DeleteState string

// The states.
const (
	// DeleteProposed: found missing, nothing decided yet.
	DeleteProposed DeleteState = "proposed"
	// DeleteDone: deleted.
	DeleteDone DeleteState = "deleted"
	// DeleteKept: kept, because it has changed here or now comes from another source.
	DeleteKept DeleteState = "kept"
	// DeleteWithheld: kept by the guard until a person approves.
	DeleteWithheld DeleteState = "withheld"
)

// alwaysFine is how many deletes are allowed without a guard.
const alwaysFine = 10

// DeleteGuard decides about all of a session's deletes at once, before the first of them.
type DeleteGuard struct {
	// Max is how many products may be deleted, Percent what percentage of the products here that came from the source.
	Max, Percent int
}

// Withhold returns why none of the proposed deletes may go ahead, or "" if all of them may. held is how many products here
// came from the source, including those to delete; atSource is how many the source has.
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
