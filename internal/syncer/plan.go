package syncer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// mayPlan returns Impossible for a dry run that this node cannot make.
func (s *Service) mayPlan(req StartRequest) error {
	switch {
	case !req.Options.DryRun:
		return nil
	case s.cfg.Limits.KeepChanges == 0:
		return cannotPlan("This node keeps no changes (FULLSYNC_KEEP_CHANGES is 0), so a dry run would have nothing to show.")
	}
	return nil
}

func cannotPlan(why string) *fault.Error {
	return fault.New(fault.Impossible, "CANNOT_DRY_RUN", "Cannot make a dry run", "%s", why)
}

// planned returns the plan that a request wants to apply, and completes the request from it; the zero session where it wants none.
func (s *Service) planned(ctx context.Context, req *StartRequest) (plan session.Session, err error) {
	if req.PlanID == "" {
		return plan, nil
	}
	plan, _, err = s.sessions.GetSession(ctx, req.PlanID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return plan, cannotApply("PLAN_NOT_FOUND", "There is no session with this id.")
	case err != nil:
		return plan, err
	case !plan.Options.DryRun || plan.Outcome != session.Planned:
		return plan, cannotApply("NOT_A_PLAN", "The session is no dry run that has completed. Start one with dryRun, look at its changes, and apply that.")
	case plan.Incoming:
		return plan, cannotApply("NOT_A_PLAN", "The session was pushed by %s. Apply its plan there.", plan.PeerID)
	case plan.OnlyHere():
		return plan, cannotApply("PLAN_EXPIRED", "The dry run was made by a command, which keeps no file. Import the file again without a dry run.")
	case req.Direction != plan.Direction:
		return plan, cannotApply("PLAN_DIFFERS", "The plan is that of a %s. Leave action as it is there.", plan.Direction)
	case req.PeerID != "" && req.PeerID != plan.PeerID:
		return plan, cannotApply("PLAN_DIFFERS", "The plan is that of a sync with %s, not with %s. Leave targetPeer out.", plan.PeerID, req.PeerID)
	case req.Catalog != "" && req.Catalog != plan.Catalog:
		return plan, cannotApply("PLAN_DIFFERS", "The plan is for catalog %s, not for %s. Leave catalog out.", plan.Catalog, req.Catalog)
	case s.cfg.Limits.KeepChanges == 0:
		return plan, cannotApply("PLAN_EXPIRED", "This node keeps no changes any more (FULLSYNC_KEEP_CHANGES is 0), so nobody could tell whether the sync keeps to the plan.")
	case !plan.KeepsChanges():
		return plan, cannotApply("PLAN_EXPIRED", "The changes of the plan are not kept any more. Make a new dry run.")
	case plan.SourceState == "":
		return plan, cannotApply("PLAN_UNPROVEN", "When the dry run was made, the two sides could not be told apart by what is stored of them, so nobody could say whether "+
			"they have moved since. Bring both nodes to the same version, wait an hour for the upkeep, and make a new dry run.")
	}
	applied, err := s.sessions.AppliedBy(ctx, plan.ID)
	if err == nil && applied != "" {
		err = cannotApply("PLAN_APPLIED", "Session %s applies the plan, or has applied it. Make a new dry run.", applied)
	}
	if err == nil && plan.Direction == session.Import {
		err = s.keepsFile(ctx, plan)
	}
	req.PeerID, req.Catalog, req.Method, req.Options = plan.PeerID, plan.Catalog, plan.Method, plan.Options
	req.Options.DryRun = false
	return plan, err
}

// keepsFile returns Conflict unless the file of an import's dry run is still kept.
func (s *Service) keepsFile(ctx context.Context, plan session.Session) error {
	kept, err := s.sessions.KeepsUpload(ctx, plan.Options.Import.Upload)
	if err == nil && !kept {
		err = cannotApply("PLAN_EXPIRED", "The file of the dry run is not kept any more. Send it again, for a new dry run or without one.")
	}
	return err
}

func cannotApply(code, why string, args ...any) *fault.Error {
	return fault.New(fault.Conflict, code, "Cannot apply plan", why, args...)
}

// CodePlanStale is the code of a session that has not applied its plan because a side has moved since.
const CodePlanStale = "PLAN_STALE"

// PlanMoved refuses to change a product that is not what the plan says, because it has changed at a node since.
func PlanMoved(productID, nodeID string) error {
	return fault.New(fault.Conflict, CodePlanStale, "Plan is stale", "Product %s has changed at %s since the dry run, so it stays as it is. What this sync had done "+
		"before is part of the plan, and stays; revert the sync to undo it. Then make a new dry run, look at it, and apply that.", catalog.Shown(productID, maxShownID), nodeID)
}

// PlanForgotten ends a session whose plan is not kept any more.
func PlanForgotten() error {
	return cannotApply("PLAN_EXPIRED", "The changes of the plan are not kept any more, so nobody can tell whether the sync keeps to it. What the sync had done before is part "+
		"of the plan, and stays; revert the sync to undo it. Then make a new dry run, look at it, and apply that.")
}

// maxShownID is how many characters of a product's id a sentence shows.
const maxShownID = 100

// plan returns the dry run that the session applies.
func (k *sink) plan(ctx context.Context) (plan session.Session, err error) {
	err = k.persist(ctx, func() (err error) {
		plan, _, err = k.ledger.GetSession(ctx, k.row.PlanID)
		return err
	})
	return plan, err
}

// fulfilled makes sure that a session has done all that its plan says. Each batch has made sure that it did nothing else.
func (w *Worker) fulfilled(ctx context.Context, out *sink) error {
	row := out.row
	if row.PlanID == "" {
		return nil
	}
	plan, err := out.plan(ctx)
	if err != nil {
		return err
	}
	planned, did := plan.Created+plan.Updated+plan.Deleted, row.Created+row.Updated+row.Deleted
	if plan.Created == row.Created && plan.Updated == row.Updated && plan.Deleted == row.Deleted {
		return nil
	}
	return fault.New(fault.Conflict, CodePlanStale, "Plan is stale", "The plan has %s, and this sync has made %d of them: the other products have changed since the dry run. "+
		"What is done stays; revert the sync to undo it. Then make a new dry run, look at it, and apply that.", plural.Of(planned, "change"), did)
}

// statesOf returns a function that is told how both sides were when a dry run compared them, and one that notes that once everything is compared.
func (w *Worker) statesOf(way *way, out *sink) (compared func(source, target catalog.Digest), note func(context.Context) error) {
	row := out.row
	if !row.Options.DryRun {
		return nil, func(context.Context) error { return nil }
	}
	var source, target string
	compared = func(s, t catalog.Digest) {
		source, target = way.feed.state(stateWith(s)), targetState(row, stateWith(t))
	}
	return compared, func(ctx context.Context) error {
		if row.SourceState != "" || source == "" || target == "" {
			return nil
		}
		row.SourceState, row.TargetState = source, target
		return out.note(ctx, session.Progressed{SourceState: source, TargetState: target})
	}
}

// checkPlan makes sure, before a plan is applied, that both sides are still the same as in it. Before a dry run it notes how they are, unless the comparison
// will tell: it does where it begins at the beginning.
func (w *Worker) checkPlan(ctx context.Context, way *way, out *sink, compared bool) error {
	row := out.row
	notes := row.Options.DryRun && row.SourceState == "" && !compared
	if !notes && (row.PlanID == "" || row.PlanChecked) {
		return nil
	}
	source, err := w.stateOf(ctx, out, way.from)
	if err != nil {
		return err
	}
	source = way.feed.state(source)
	target, err := w.stateOf(ctx, out, way.to)
	if err != nil {
		return err
	}
	target = targetState(row, target)
	var to session.Progressed
	if notes {
		to.SourceState, to.TargetState = source, target
		row.SourceState, row.TargetState = source, target
		return out.note(ctx, to)
	}
	var moved []string
	if source != row.SourceState {
		moved = append(moved, row.SourceNodeID)
	}
	if target != row.TargetState {
		moved = append(moved, row.TargetNodeID)
	}
	if len(moved) > 0 {
		return fault.New(fault.Conflict, CodePlanStale, "Plan is stale", "The products at %s are not what they were in the dry run. Nothing was written. "+
			"Make a new dry run, look at it, and apply that.", strings.Join(moved, " and at "))
	}
	to.PlanChecked = true
	return out.note(ctx, to)
}

// stateOf returns what stands for all products of a side; "" where it cannot tell.
func (w *Worker) stateOf(ctx context.Context, out *sink, side transfer.Side) (state string, err error) {
	if side == nil {
		return "", nil
	}
	var all []catalog.Digest
	err = out.persist(ctx, func() (err error) {
		all, err = side.Digests(ctx, "", []string{""})
		return err
	})
	var not *transfer.IncomparableError
	switch {
	case errors.As(err, &not):
		return "", nil
	case err != nil:
		return "", err
	}
	return stateWith(all[0]), nil
}

// stateWith is what stands for all products of a side whose digest this is; "" where that is not known.
func stateWith(d catalog.Digest) string {
	if !d.Known {
		return ""
	}
	return fmt.Sprintf("%d:%016x", d.Count, d.Sum)
}

// targetState is the state of the written side together with the fields that it keeps: they say what would be written.
func targetState(row *session.Session, state string) string {
	if state == "" {
		return ""
	}
	return state + " " + strings.Join(row.KeepFields, ",")
}
