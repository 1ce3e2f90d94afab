package store

import (
	"fmt"
	"slices"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

// asPlanned makes sure that what the next batch of a session has just written, in the transaction tx, is what its plan says. It returns Conflict
// where it is not, and where nobody knows any more what the plan says. Of a plan that lists only a part of its changes, the others are not looked at.
func (s *Store) asPlanned(tx *gorm.DB, row *session.Session) error {
	if row.PlanID == "" {
		return nil
	}
	did, err := s.doneIn(tx, recordingOf(row))
	if err != nil || len(did) == 0 {
		return err
	}
	planned := make(map[string]*change, len(did))
	for step := range slices.Chunk(did, deleteStep) {
		ids := make([]string, len(step))
		for i := range step {
			ids[i] = step[i].ProductID
		}
		var rows []change
		err := tx.Select("product_id", "kind", "hash_before", "hash_after").Where("session_id = ? AND product_id IN ?", row.PlanID, ids).Find(&rows).Error
		if err != nil {
			return err
		}
		for i := range rows {
			planned[rows[i].ProductID] = &rows[i]
		}
	}
	// Whatever forgets changes says so first.
	plan, err := s.planOf(tx, row.PlanID)
	if err != nil {
		return err
	}
	if !plan.KeepsChanges() {
		return syncer.PlanForgotten()
	}
	for i := range did {
		c := &did[i]
		if p := planned[c.ProductID]; p != nil || !s.listsAPart(&plan) {
			if moved := unlike(c, p, row); moved != "" {
				return syncer.PlanMoved(c.ProductID, moved)
			}
		}
	}
	return nil
}

// planOf returns a dry run with what [Store.listsAPart] and [session.Session.KeepsChanges] look at.
func (s *Store) planOf(tx *gorm.DB, id string) (plan session.Session, err error) {
	err = tx.Select("id", "created_records", "updated_records", "deleted_records", "batch_seq", "changes_through").Where("id = ?", id).Take(&plan).Error
	return plan, err
}

// listsAPart says that a dry run has found more changes than it lists.
func (s *Store) listsAPart(plan *session.Session) bool {
	return plan.Created+plan.Updated+plan.Deleted > s.planLimit
}

// doneIn lists what a batch has written down in its transaction: kinds and hashes only.
func (s *Store) doneIn(tx *gorm.DB, r *recording) (did []change, err error) {
	if r == nil {
		return nil, fault.New(fault.Conflict, syncer.CodePlanStale, "Plan is stale", "A replica of an earlier version has worked on this session, so nobody can tell whether "+
			"it has kept to the plan. Revert it, make a new dry run, and apply that.")
	}
	err = tx.Select("product_id", "kind", "hash_before", "hash_after").Where("session_id = ? AND batch = ?", r.session, r.batch).Find(&did).Error
	if err != nil {
		return nil, err
	}
	var created []creations
	if err := tx.Where("session_id = ? AND batch = ?", r.session, r.batch).Find(&created).Error; err != nil {
		return nil, err
	}
	for i := range created {
		err := created[i].each(func(c session.Change) error {
			did = append(did, change{ProductID: c.ProductID, Kind: c.Kind, HashAfter: &c.HashAfter})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("creations of batch %d: %w", r.batch, err)
		}
	}
	return did, nil
}

// unlike returns the node at which a product has changed since the dry run, by what was done to it and what the dry run has found (nil for nothing);
// "" where that is the same.
func unlike(did, planned *change, row *session.Session) string {
	switch {
	case planned == nil || catalog.Short(text(did.HashAfter)) != catalog.Short(text(planned.HashAfter)):
		return row.SourceNodeID
	case did.Kind != planned.Kind || text(did.HashBefore) != text(planned.HashBefore):
		return row.TargetNodeID
	}
	return ""
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
