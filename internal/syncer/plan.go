package syncer

import (
	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// mayPlan returns Impossible for a dry run that this node cannot make.
func (s *Service) mayPlan(req StartRequest) error {
	switch {
	case !req.Options.DryRun:
		return nil
	case req.Direction == session.Push:
		return cannotPlan("A push has no dry run yet. On the node that it would change, start a pull with dryRun.")
	case s.cfg.Limits.KeepChanges == 0:
		return cannotPlan("This node keeps no changes (FULLSYNC_KEEP_CHANGES is 0), so a dry run would have nothing to show.")
	}
	return nil
}

func cannotPlan(why string) *fault.Error {
	return fault.New(fault.Impossible, "CANNOT_DRY_RUN", "Cannot make a dry run", "%s", why)
}
