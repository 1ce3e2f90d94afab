package syncer

import (
	"context"
	"fmt"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Deletes is what deleting needs from the database. Every write is guarded like a [Ledger]'s.
type Deletes interface {
	// ForgetProposals takes back what an earlier worker of the session proposed or withheld. What it deleted or kept stays so.
	ForgetProposals(ctx context.Context, c session.Claim) error
	// ProposeDeletes notes products that are missing at origin, with the content that they have here now. What came from elsewhere
	// is left out, and so is what the session has deleted or kept before.
	ProposeDeletes(ctx context.Context, c session.Claim, catalogName, origin string, missing []catalog.Entry) error
	// ProposeApproved notes products of the list of another session, with the content that they had then.
	ProposeApproved(ctx context.Context, c session.Claim, by Approval, ids []string) error
	// CountDeletes counts what is proposed, and what is here from origin.
	CountDeletes(ctx context.Context, id, catalogName, origin string) (DeleteCounts, error)
	// WithholdDeletes decides that nothing that is proposed will be deleted.
	WithholdDeletes(ctx context.Context, c session.Claim) error
	// ListDeletes returns up to limit deletes of a session whose product id is greater than after, in order. No states means all.
	ListDeletes(ctx context.Context, id string, states []session.DeleteState, after string, limit int) ([]session.Delete, error)
}

// DeleteCounts are the numbers by which the guard decides.
type DeleteCounts struct {
	// Proposed is how many products are to be deleted, Held how many are here from their source, those among them.
	Proposed, Held int64
}

// Approval is a list of deletes that a person has approved: those of a session that are in one of the states.
type Approval struct {
	SessionID string
	States    []session.DeleteState
}

// approvalOf returns the list by which a session deletes, nil where it finds out by itself what to delete. Whoever applies a plan has approved what that
// would delete. What it would withhold is withheld again; see [withheldByPlan].
func approvalOf(row *session.Session) *Approval {
	switch {
	case row.PlanID != "":
		return &Approval{row.PlanID, []session.DeleteState{session.DeleteDone, session.DeleteWithheld}}
	case row.Options.ApprovedDeletes != "":
		return &Approval{row.Options.ApprovedDeletes, []session.DeleteState{session.DeleteWithheld}}
	}
	return nil
}

// withheldByPlan is why a session that applies a plan withholds deletes: the dry run, plan, did; "" where it did not.
func withheldByPlan(plan session.Session) string {
	if plan.DeletesWithheld == 0 {
		return ""
	}
	return "the dry run withheld them, so they are not part of the plan"
}

// decider decides about deletes: this node, or the target of a push. Its methods wait for trouble to pass.
type decider interface {
	// forget takes back what an earlier worker proposed or withheld.
	forget(ctx context.Context) error
	// propose notes products that only the written side has, and approve those of another session's list that the source still lacks.
	propose(ctx context.Context, missing []catalog.Entry) error
	approve(ctx context.Context, ids []string) error
	// decide has the guard decide about all of it. Either d says that all of it is withheld, or proposed is how many products may be deleted.
	decide(ctx context.Context, atSource int64) (proposed int64, d session.Deletion, err error)
	// next lists up to limit products that may be deleted and have not been yet.
	next(ctx context.Context, limit int) (ids []string, err error)
	// planned is called by a dry run once it has listed what would be deleted.
	planned(ctx context.Context) error
}

// deleteMissing deletes what the source no longer has, or withholds all of it. It is called once everything the source has is
// at the written side, so what is found missing now is missing.
func (w *Worker) deleteMissing(ctx context.Context, way *way, c *transfer.Comparison, out *sink, opt transfer.Options) (d session.Deletion, err error) {
	row := out.row
	if err := out.advance(ctx, session.Progressed{Phase: session.PhaseDeleting, Step: "Looking for products that " + row.SourceName() + " no longer has"}); err != nil {
		return d, err
	}
	var by decider = &decidesHere{w.ledger, out}
	if way.push != nil {
		by = &decidesThere{way.push, out}
	}
	if err := by.forget(ctx); err != nil {
		return d, err
	}
	if approved := approvalOf(row); approved != nil {
		err = w.eachApproved(ctx, c, out, *approved, func(ids []string) error { return by.approve(ctx, ids) })
	} else {
		err = transfer.Survey(ctx, *c, out, opt, func(missing []catalog.Entry) error { return by.propose(ctx, missing) })
	}
	if err != nil {
		return d, err
	}
	var atSource []catalog.Digest
	err = out.persist(ctx, func() (err error) {
		atSource, err = c.Source.Digests(ctx, "", []string{""})
		return err
	})
	if err != nil {
		return d, err
	}
	proposed, d, err := by.decide(ctx, atSource[0].Count)
	if err != nil || proposed == 0 {
		return d, err
	}
	step := fmt.Sprintf("Deleting %s that %s no longer has", plural.Of(proposed, "product"), row.SourceName())
	if row.Options.DryRun {
		step = fmt.Sprintf("Listing %s that %s no longer has", plural.Of(proposed, "product"), row.SourceName())
	}
	if err := out.advance(ctx, session.Progressed{Phase: session.PhaseDeleting, Step: step}); err != nil {
		return d, err
	}
	err = transfer.Delete(ctx, out, opt, func(limit int) ([]string, error) { return by.next(ctx, limit) })
	if err == nil && row.Options.DryRun {
		err = by.planned(ctx)
	}
	return d, err
}

// decidesHere is the [decider] of a session that writes this node's catalog.
type decidesHere struct {
	ledger Ledger
	out    *sink
}

func (h *decidesHere) forget(ctx context.Context) error {
	return h.out.persist(ctx, func() error { return h.ledger.ForgetProposals(ctx, h.out.claim()) })
}

func (h *decidesHere) propose(ctx context.Context, missing []catalog.Entry) error {
	row := h.out.row
	return h.out.persist(ctx, func() error {
		return h.ledger.ProposeDeletes(ctx, h.out.claim(), row.Catalog, row.SourceNodeID, missing)
	})
}

func (h *decidesHere) approve(ctx context.Context, ids []string) error {
	return h.out.persist(ctx, func() error {
		return h.ledger.ProposeApproved(ctx, h.out.claim(), *approvalOf(h.out.row), ids)
	})
}

func (h *decidesHere) decide(ctx context.Context, atSource int64) (proposed int64, d session.Deletion, err error) {
	row := h.out.row
	var n DeleteCounts
	err = h.out.persist(ctx, func() (err error) {
		n, err = h.ledger.CountDeletes(ctx, row.ID, row.Catalog, row.SourceNodeID)
		return err
	})
	if err != nil {
		return 0, d, err
	}
	why, err := h.withholds(ctx, n, atSource)
	if err != nil || why == "" {
		return n.Proposed, d, err
	}
	d = session.Deletion{Withheld: n.Proposed, Why: why}
	return 0, d, h.out.persist(ctx, func() error { return h.ledger.WithholdDeletes(ctx, h.out.claim()) })
}

// withholds returns why none of the deletes may go ahead; "" if all of them may.
func (h *decidesHere) withholds(ctx context.Context, n DeleteCounts, atSource int64) (why string, err error) {
	row := h.out.row
	switch {
	case n.Proposed == 0:
		return "", nil
	case row.PlanID != "":
		plan, err := h.out.plan(ctx)
		return withheldByPlan(plan), err
	case row.Options.ApprovedDeletes != "":
		return "", nil
	}
	guard := session.DeleteGuard{Max: row.Options.MaxDeletes, Percent: row.Options.MaxDeletePercent}
	return guard.Withhold(n.Proposed, n.Held, atSource), nil
}

func (h *decidesHere) next(ctx context.Context, limit int) (ids []string, err error) {
	err = h.out.persist(ctx, func() error {
		next, err := h.ledger.ListDeletes(ctx, h.out.row.ID, []session.DeleteState{session.DeleteProposed}, "", limit)
		ids = idsOf(next)
		return err
	})
	return ids, err
}

// planned does nothing: the list is here.
func (*decidesHere) planned(context.Context) error { return nil }

// eachApproved calls propose with what a person has approved: what the source still lacks of the list of another session.
func (w *Worker) eachApproved(ctx context.Context, c *transfer.Comparison, out *sink, by Approval, propose func(ids []string) error) error {
	for after, more := "", true; more; {
		var step []session.Delete
		err := out.persist(ctx, func() (err error) {
			step, err = w.ledger.ListDeletes(ctx, by.SessionID, by.States, after, deleteStep)
			return err
		})
		if err != nil || len(step) == 0 {
			return err
		}
		ids := idsOf(step)
		after, more = ids[len(ids)-1], len(step) == deleteStep
		lacking, err := w.stillLacking(ctx, c, out, ids)
		if err != nil {
			return err
		}
		if err := propose(lacking); err != nil {
			return err
		}
	}
	return nil
}

// stillLacking returns those of the ids that the source does not have.
func (w *Worker) stillLacking(ctx context.Context, c *transfer.Comparison, out *sink, ids []string) (lacking []string, err error) {
	there := make(map[string]bool)
	for ask := ids; len(ask) > 0; {
		var page transfer.Page
		err := out.persist(ctx, func() (err error) {
			page, err = c.Products.ReadProducts(ctx, ask)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, p := range page.Products {
			there[p.ID] = true
		}
		for _, r := range page.Rejects {
			there[r.ID] = true
		}
		if !page.More {
			break
		}
		for len(ask) > 0 && ask[0] <= page.Next {
			ask = ask[1:]
		}
	}
	for _, id := range ids {
		if !there[id] {
			lacking = append(lacking, id)
		}
	}
	return lacking, nil
}

// deleteStep is how many approved deletes are looked at at once.
const deleteStep = 1000

func idsOf(deletes []session.Delete) []string {
	ids := make([]string, len(deletes))
	for i, d := range deletes {
		ids[i] = d.ProductID
	}
	return ids
}

// deletedToo adds to the last step how much was deleted.
func deletedToo(step string, deleted int64) string {
	if deleted == 0 {
		return step
	}
	return fmt.Sprintf("%s; deleted %s", step, plural.Of(deleted, "product"))
}

// Deletes returns up to limit products that a session found to be gone at its source, by id, those behind after. No states means all of
// them. It returns NotFound for an unknown session.
func (s *Service) Deletes(ctx context.Context, id string, states []session.DeleteState, after string, limit int) ([]session.Delete, error) {
	if _, _, err := s.sessions.GetSession(ctx, id); err != nil {
		return nil, err
	}
	return s.sessions.ListDeletes(ctx, id, states, after, limit)
}

// ApproveDeletes starts a session that syncs once more and then deletes what another one withheld: only what its source still lacks and
// nobody changed here since. count must be how many it withheld. It returns NotFound for an unknown session, Conflict when it has withheld
// nothing or another number, what [Service.Start] returns for its peer, and [*RunningError] when the catalog has an active session.
func (s *Service) ApproveDeletes(ctx context.Context, id string, count int64, by string) (session.View, error) {
	old, _, err := s.sessions.GetSession(ctx, id)
	switch {
	case err != nil:
		return session.View{}, err
	case old.Direction == session.Import:
		return session.View{}, cannotApprove("It was an import. Import the same file again, and allow that many deletes.")
	case old.Incoming:
		return session.View{}, cannotApprove("%s pushed it. Approve its deletes there.", old.PeerID)
	case old.Status.Active():
		return session.View{}, cannotApprove("The session is still %s. It decides about its deletes in the end.", old.Status)
	case old.DeletesWithheld == 0:
		return session.View{}, cannotApprove("The session withheld no deletes, so there is nothing to approve.")
	case old.DeletesWithheld != count:
		return session.View{}, cannotApprove("The session withheld %s, not %d. Look at the list, then approve that number.",
			plural.Of(old.DeletesWithheld, "delete"), count)
	}
	options := old.Options
	options.DeleteMissing, options.ApprovedDeletes, options.DryRun = true, old.ID, false
	started, err := s.Start(ctx, StartRequest{Direction: old.Direction, Catalog: old.Catalog, PeerID: old.PeerID, Options: options, IfRunning: Fail, By: by})
	return started.Session, err
}

func cannotApprove(why string, args ...any) *fault.Error {
	return fault.New(fault.Conflict, "CANNOT_APPROVE", "Cannot approve deletes", why, args...)
}

// errNoDeletes is for a source that cannot be compared.
func errNoDeletes(peerID string) error {
	return fault.New(fault.Impossible, "CANNOT_DELETE_MISSING", "Cannot delete what is missing",
		"%s cannot prove which products it no longer has, because its version differs too much from this one. Nothing was changed. "+
			"Start the sync without deleteMissing, or bring both nodes to the same version.", peerID)
}
