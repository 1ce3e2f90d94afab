package catalog

// Restore puts a product back to what it was before a session changed it, if it still is as that session left it.
type Restore struct {
	ID string
	// Before is the product as it was; nil for one that was not there.
	Before *Stored
	// After is the content hash, or the short one, that the session left behind; empty where it left no product.
	After string
}

// Decide says whether to put the product back, now that one with that content hash is here, or none (""). If it says no, left is why the
// product stays as it is, and nil for one that is already what it was.
func (r *Restore) Decide(now string) (back bool, left *Reject) {
	if now == r.After || now != "" && Short(now) == r.After {
		return true, nil
	}
	before := ""
	if r.Before != nil {
		before = r.Before.Hash
	}
	reason := "it was changed after that session, so it stays as it is"
	switch {
	case now == before:
		return false, nil
	case now == "":
		reason = "it was deleted after that session, so it stays deleted"
	case r.After == "":
		reason = "it was added again after that session, so it stays as it is"
	}
	return false, &Reject{ID: r.ID, Reason: reason}
}
