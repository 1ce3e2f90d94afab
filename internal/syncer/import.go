package syncer

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/google/uuid"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// OpenInput opens what an import reads, for the run that ctx stands for. A source that can be compared is compared.
type OpenInput func(ctx context.Context, row session.Session) (transfer.Source, error)

// ImportRequest asks to import products. The zero BatchSize and TimeoutSeconds mean the node's own.
type ImportRequest struct {
	// ID is the session's; one is made where it is empty.
	ID      string
	Catalog string
	// Options.Import says what is read.
	Options session.Options
	By      string
	Key     *StartKey
}

// Import begins a session that imports products. Where its input is kept by the node, some replica works on it; otherwise the caller does, with
// [Worker.Run] and the session's fence. It returns Impossible for a dry run where no changes are kept, and [*RunningError] when the catalog has an active
// session.
func (s *Service) Import(ctx context.Context, req ImportRequest) (Started, error) {
	if started, ok, err := s.repeated(ctx, req.Key); ok || err != nil {
		return started, err
	}
	start := StartRequest{Direction: session.Import, Catalog: req.Catalog, Options: req.Options, IfRunning: Fail, By: req.By, Key: req.Key}
	if err := s.mayPlan(start); err != nil {
		return Started{}, err
	}
	return s.beginImport(ctx, cmp.Or(req.ID, uuid.NewString()), start, session.Session{})
}

// beginImport begins an import; plan is the dry run that it applies, if any.
func (s *Service) beginImport(ctx context.Context, id string, start StartRequest, plan session.Session) (Started, error) {
	s.cfg.complete(&start.Options)
	row := session.Session{
		ID: id, Catalog: start.Catalog, Direction: session.Import,
		SourceNodeID: s.cfg.NodeID, TargetNodeID: s.cfg.NodeID, Method: session.MethodHTTP, Options: start.Options,
		Status: session.Preparing, Phase: session.PhaseQueued, StartedBy: start.By,
		CurrentStep: "Preparing to import " + cmp.Or(start.Options.Import.Name, "products"),
		PlanID:      start.PlanID, SourceState: plan.SourceState, TargetState: plan.TargetState,
	}
	return s.begin(ctx, start, row)
}

// noJob is the [Enqueue] of a session that the process that starts it works on.
func noJob(context.Context, *sql.Tx, string, int64) (int64, error) { return 0, nil }

// meetInput opens the input of an import. Sorting it may take long; the heartbeat goes on meanwhile.
func (w *Worker) meetInput(ctx context.Context, out *sink) (*way, error) {
	var src transfer.Source
	open := func() (err error) {
		src, err = w.ends.Input(ctx, *out.row)
		return err
	}
	try := func() error { return out.persist(ctx, open) }
	if out.row.OnlyHere() {
		try = open // what was read of it is gone
	}
	if err := try(); err != nil {
		return nil, err
	}
	ours := w.ends.Local(out.row.Catalog, false)
	way := &way{source: src, sourceID: w.cfg.NodeID, to: ours, near: ours, held: ours}
	way.from, _ = src.(comparer)
	way.products = way.from
	way.close = func() { _ = src.Close() }
	desc, err := src.Describe(ctx)
	if err != nil {
		way.close()
		return nil, err
	}
	way.total = desc.Total
	return way, nil
}

// loose is a source with refusals that have no place among its ids.
type loose interface {
	// Loose returns up to limit of them behind the first skip ones.
	Loose(ctx context.Context, skip int64, limit int) ([]catalog.Reject, error)
}

// refuseLoose notes the refusals that have no place among the ids, before the first product. So while the cursor is at the beginning, all that was refused
// are some of them.
func (w *Worker) refuseLoose(ctx context.Context, way *way, out *sink, opt transfer.Options) error {
	src, ok := way.source.(loose)
	for ok && after(out.row) == "" {
		rejects, err := src.Loose(ctx, out.row.Rejected, opt.BatchSize)
		if err != nil || len(rejects) == 0 {
			return err
		}
		batch := catalog.Batch{Rejects: rejects, Cursor: catalog.Cursor{NodeID: opt.NodeID, Catalog: opt.Catalog}}
		err = out.persist(ctx, func() error {
			if err := out.Held(ctx); err != nil {
				return err
			}
			return out.Commit(ctx, batch)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// remark is what a source has to say about what was read, for the end of the last step.
func remark(src transfer.Source) string {
	if s, ok := src.(interface{ Duplicates() string }); ok && s.Duplicates() != "" {
		return "; " + s.Duplicates()
	}
	return ""
}
