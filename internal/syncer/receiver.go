package syncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/plural"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Incoming is what a [Receiver] needs from the database. Writes under a claim are guarded like a [Ledger]'s.
type Incoming interface {
	Deletes
	// GetSession returns NotFound for an unknown id, and the database's time.
	GetSession(ctx context.Context, id string) (session.Session, time.Time, error)
	// OpenIncoming inserts row as an active session, in one transaction with the end of an incoming session of the same pusher and token that the
	// pusher started before it. It returns an [*OccupiedError] when another session writes the catalog, and opened false when there is one with this id.
	OpenIncoming(ctx context.Context, row session.Session, supersede session.Ending) (opened bool, err error)
	// BuryIncoming inserts row, a session that has ended before it was opened, unless there is one with this id.
	BuryIncoming(ctx context.Context, row session.Session) error
	// ReopenIncoming raises the fence of an active incoming session for a worker of the pusher whose own fence is the given one, unless that worker
	// has it already. It returns [transfer.ErrFenced] where it has ended or a worker with a later fence has it.
	ReopenIncoming(ctx context.Context, id string, pusherFence int64, lease time.Duration) error
	CommitBatch(ctx context.Context, s *session.Session, batch catalog.Batch) error
	Heartbeat(ctx context.Context, c session.Claim, pulse session.Pulse) error
	Advance(ctx context.Context, c session.Claim, to session.Progressed) error
	// FinishIncoming ends the session as COMPLETED, which adds a mark to this node's history, or as FAILED.
	FinishIncoming(ctx context.Context, c session.Claim, end session.Ending) error
	// NewestMark returns the newest mark of this node's history.
	NewestMark(ctx context.Context) (peer.Mark, error)
	Reverts
	CancelSession(ctx context.Context, id string, by Cancellation) (ok bool, err error)
	Refusals(ctx context.Context, id string) (session.Refusals, error)
	ListRejects(ctx context.Context, id string, after int64, limit int) ([]session.Reject, error)
	ListChanges(ctx context.Context, q session.ChangeQuery) ([]session.Change, error)
	// AllowDeletes lets an incoming session delete that many products.
	AllowDeletes(ctx context.Context, c session.Claim, count int64) error
	// GetPeer returns NotFound for a node that is no peer.
	GetPeer(ctx context.Context, nodeID string) (peer.Peer, error)
}

// Receiver is the target's side of pushes into this node. The node's own database is the only judge of what is written: every write
// goes through the fence of the incoming session. pushedBy is the subject of the caller's token: nobody reaches the sessions of another.
type Receiver struct {
	cfg    Config
	ledger Incoming
	queue  Queue
}

// NewReceiver returns a Receiver. The queue is for reverts of what was pushed.
func NewReceiver(cfg Config, ledger Incoming, queue Queue) *Receiver {
	return &Receiver{cfg: cfg, ledger: ledger, queue: queue}
}

// maxLease bounds how long a pusher may ask to be silent, in stale-after times of this node.
const maxLease = 4

// lease is how long a pusher may be silent: as long as a worker of this node, or longer where another worker of the pusher needs longer
// to go on after one was lost.
func (r *Receiver) lease(asked time.Duration) time.Duration {
	stale := r.cfg.Limits.StaleAfter
	return wholeSeconds(min(max(stale, asked), maxLease*stale))
}

// wholeSeconds rounds up: a lease is told, and kept, in seconds.
func wholeSeconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

// Open opens the incoming session of a push, or hands it to the worker that asks; opened says that it is new. It returns a
// [*RunningError] when another session writes the catalog, an [*EndedError] when this one has ended, [transfer.ErrFenced] when a later
// worker of the pusher has it, and Conflict for an id that belongs to something else.
func (r *Receiver) Open(ctx context.Context, o Opening, pushedBy string) (at Standing, opened bool, err error) {
	if o.NodeID == r.cfg.NodeID {
		return at, false, fault.New(fault.Conflict, "PEER_IS_SELF", "Peer is this node", "This node cannot push to itself. Correct the peer's URL.")
	}
	if err := r.mayWrite(ctx, o.NodeID); err != nil {
		return at, false, err
	}
	if err := r.mayPlan(ctx, o, pushedBy); err != nil {
		return at, false, err
	}
	row, err := r.incoming(ctx, o, pushedBy)
	if err != nil {
		return at, false, err
	}
	end := session.Failure(fault.New(fault.Conflict, CodePusherLost, "Pusher moved on",
		"%s gave this sync up and began another one, %s.", o.NodeID, o.SessionID))
	opened, err = r.ledger.OpenIncoming(ctx, row, end)
	var occupied *OccupiedError
	if errors.As(err, &occupied) {
		return at, false, &RunningError{Running: session.NewView(occupied.Row, occupied.Now, r.cfg.Limits)}
	}
	if err != nil {
		return at, false, err
	}
	if opened {
		r.cfg.Logger.InfoContext(ctx, "session opened by its pusher", "session", o.SessionID, "catalog", o.Catalog, "pusher", o.NodeID, "subject", pushedBy)
		at, err = r.At(ctx, o.SessionID, pushedBy)
		return at, true, err
	}
	there, err := r.find(ctx, o.SessionID, pushedBy)
	switch {
	case err != nil:
		return at, false, err
	case there.PeerID != o.NodeID || there.Catalog != o.Catalog:
		return at, false, notYours()
	case !there.Status.Active():
		return at, false, r.ended(there)
	}
	if err := r.ledger.ReopenIncoming(ctx, o.SessionID, o.Fence, r.lease(o.Silence)); err != nil {
		return at, false, r.explain(ctx, o.SessionID, pushedBy, err)
	}
	at, err = r.At(ctx, o.SessionID, pushedBy)
	return at, false, err
}

// mayWrite returns Conflict for a pusher from which this node keeps fields as they are here: a push writes whole products.
func (r *Receiver) mayWrite(ctx context.Context, nodeID string) error {
	p, err := r.ledger.GetPeer(ctx, nodeID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil
	case err != nil || len(p.KeepFields) == 0:
		return err
	}
	return fault.New(fault.Conflict, "TARGET_KEEPS_FIELDS", "Target keeps fields", "%s keeps %s of products from %s as they are there (keepFields), and a push would "+
		"overwrite them. Pull from %s there instead, or empty the list.", r.cfg.NodeID, strings.Join(p.KeepFields, ", "), nodeID, nodeID)
}

// mayPlan returns Conflict for a dry run that nobody could look at here, and for a plan that this node cannot apply.
func (r *Receiver) mayPlan(ctx context.Context, o Opening, pushedBy string) error {
	if o.Options.DryRun && r.cfg.Limits.KeepChanges == 0 {
		return fault.New(fault.Conflict, "CANNOT_DRY_RUN", "Cannot make a dry run", "%s keeps no changes (FULLSYNC_KEEP_CHANGES is 0), so a dry run would have nothing to show.", r.cfg.NodeID)
	}
	if o.PlanID == "" {
		return nil
	}
	plan, err := r.find(ctx, o.PlanID, pushedBy)
	if err != nil {
		return err
	}
	if plan.PeerID != o.NodeID || plan.Catalog != o.Catalog || plan.Outcome != session.Planned || !plan.KeepsChanges() || r.cfg.Limits.KeepChanges == 0 {
		return cannotApply("PLAN_EXPIRED", "%s does not have the plan, or does not keep its changes any more. Make a new dry run.", r.cfg.NodeID)
	}
	return nil
}

// incoming makes the row of a push that is to be opened.
func (r *Receiver) incoming(ctx context.Context, o Opening, pushedBy string) (row session.Session, err error) {
	opt := o.Options
	r.cfg.limit(&opt)
	row = r.cfg.accounted(session.Session{
		ID: o.SessionID, Catalog: o.Catalog, Direction: session.Push, Incoming: true, PeerID: o.NodeID,
		SourceNodeID: o.NodeID, TargetNodeID: r.cfg.NodeID, Method: session.MethodHTTP, Options: opt,
		Status: session.Transferring, Phase: session.PhaseTransferring, CurrentStep: session.TransferringStep(&o.Total),
		StartedBy: o.StartedBy, PushedBy: pushedBy, PusherFence: o.Fence, LeaseSeconds: int(r.lease(o.Silence).Seconds()),
		// The pusher compares both sides with the plan; see [Worker.checkPlan]. Each batch is compared with it here.
		PlanID: o.PlanID, PlanChecked: o.PlanID != "",
		PusherStarted: startedAt(o), TotalRecords: &o.Total, Worker: o.NodeID, Fence: 1, PushFence: 1, MarksFence: 1, Attempts: 1,
	})
	if o.ResumedFrom == "" {
		return row, nil
	}
	// From where this node was, not from where the pusher believes that it was.
	old, err := r.find(ctx, o.ResumedFrom, pushedBy)
	if fault.KindOf(err) == fault.NotFound {
		return row, nil
	}
	if err != nil {
		return row, err
	}
	if old.Catalog == o.Catalog && old.PeerID == o.NodeID && !old.Status.Active() {
		row.ResumedFrom = old.ID
		if old.TotalRecords == nil || old.Handled() < *old.TotalRecords { // else it was read to its end: see Resume
			row.Cursor, row.ResumedRecords = old.Cursor, old.Handled()
		}
	}
	return row, nil
}

// startedAt is a session's PusherStarted.
func startedAt(o Opening) int64 {
	if o.StartedAt.IsZero() {
		return 0
	}
	return o.StartedAt.UnixMicro()
}

// find returns an incoming session of that token's subject, or NotFound.
func (r *Receiver) find(ctx context.Context, id, pushedBy string) (session.Session, error) {
	row, _, err := r.findAt(ctx, id, pushedBy)
	return row, err
}

// findAt is find, with the database's time.
func (r *Receiver) findAt(ctx context.Context, id, pushedBy string) (session.Session, time.Time, error) {
	row, now, err := r.ledger.GetSession(ctx, id)
	if err == nil && (!row.Incoming || row.PushedBy != pushedBy) {
		return session.Session{}, now, notYours()
	}
	return row, now, err
}

func notYours() error {
	return fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found",
		"There is no push with this id that was opened with a token of this name.")
}

// At returns where a session is. It returns NotFound for an unknown one, and for one of somebody else.
func (r *Receiver) At(ctx context.Context, id, pushedBy string) (Standing, error) {
	row, err := r.find(ctx, id, pushedBy)
	if err != nil {
		return Standing{}, err
	}
	at := r.standing(row)
	if at.Status == session.Completed {
		mark, err := r.ledger.NewestMark(ctx)
		if err != nil {
			return Standing{}, err
		}
		at.Mark = mark.String()
	}
	return at, nil
}

func (r *Receiver) standing(row session.Session) Standing {
	at := Standing{
		SessionID: row.ID, Status: row.Status.Current(), Fence: row.Fence, Seq: row.BatchSeq, After: after(&row), Lease: row.Lease(),
		Counts: row.Counts, ResumedRecords: row.ResumedRecords, DeletesWithheld: row.DeletesWithheld,
		CancelledBy: row.CancelledBy, Reason: row.CancelReason, ErrorCode: row.ErrorCode, MaxPerSecond: r.cfg.MaxProductsPerSecond,
		DryRun: row.Options.DryRun, PlanID: row.PlanID,
	}
	if row.Status == session.Failed {
		at.Reason = row.ErrorMessage
	}
	return at
}

func (r *Receiver) ended(row session.Session) error { return &EndedError{Standing: r.standing(row)} }

// held returns a session as its pusher holds it: active, and under that fence. A lease that is about to run out is renewed: a request is a sign of
// life, but only when it comes. One that has run out is not, because the request may have waited here all the time; the watcher ends the session.
func (r *Receiver) held(ctx context.Context, id, pushedBy string, fence int64) (session.Session, error) {
	row, now, err := r.findAt(ctx, id, pushedBy)
	switch {
	case err != nil:
		return row, err
	case !row.Status.Active():
		return row, r.ended(row)
	case row.Fence != fence:
		return row, transfer.ErrFenced
	case now.Sub(*row.LastHeartbeatAt) > row.Lease():
		return row, errLeaseEnded()
	case now.Sub(*row.LastHeartbeatAt) > row.Lease()/2:
		err = r.ledger.Heartbeat(ctx, session.Claim{SessionID: id, Fence: fence}, heardNow())
		return row, r.explain(ctx, id, pushedBy, err)
	}
	return row, nil
}

// explain says of a write that the fence refused whether the session has ended.
func (r *Receiver) explain(ctx context.Context, id, pushedBy string, err error) error {
	if !errors.Is(err, transfer.ErrFenced) {
		return err
	}
	row, findErr := r.find(ctx, id, pushedBy)
	switch {
	case findErr != nil:
		return findErr
	case !row.Status.Active():
		return r.ended(row)
	}
	return err
}

// CodeLeaseEnded is the code with which a target refuses what comes, or is held back there, until after the end of a lease.
const CodeLeaseEnded = "LEASE_ENDED"

// ErrLeaseEnded is what a [Target] returns for that. Another worker of the pusher may still open the session again.
var ErrLeaseEnded = errors.New("the lease of the push had run out at its target")

func errLeaseEnded() error {
	return fault.New(fault.Unavailable, CodeLeaseEnded, "Lease ended", "The lease of this push has ended. Nothing was written; open it again.").Because(ErrLeaseEnded)
}

// heardNow is the sign of life that a request of the pusher is.
func heardNow() session.Pulse { return session.Pulse{Silent: new(time.Duration)} }

// Commit commits batch number seq through the fence, and returns where the session is then, with what it refused beyond the rejects that the
// pusher knows. A batch that was committed before is not written again. It returns a [*SequenceError] for any other number than the next,
// [transfer.ErrFenced] for an outdated fence, an [*EndedError] when the session has ended, and Conflict for deletes that the guard has not let through.
func (r *Receiver) Commit(ctx context.Context, id, pushedBy string, fence, seq int64, batch catalog.Batch, knownRejects int64) (Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.BatchTimeout)
	defer cancel()
	row, err := r.held(ctx, id, pushedBy, fence)
	if err != nil {
		return Standing{}, err
	}
	if seq == row.BatchSeq+1 {
		if n := int64(len(batch.Deletes)); n > 0 && (row.DeletesAllowed == nil || row.Deleted+n > *row.DeletesAllowed) {
			return Standing{}, fault.New(fault.Conflict, "DELETES_NOT_ALLOWED", "Deletes not allowed",
				"The guard of this node has not let these deletes through. Propose them first.")
		}
		if batch.Cursor != (catalog.Cursor{}) {
			batch.Cursor = catalog.Cursor{NodeID: row.SourceNodeID, Catalog: row.Catalog, After: batch.Cursor.After}
		}
		row.Pulse = heardNow()
		row.Pulse.Mark = row.NextMark.At == nil || row.LastHeartbeatAt != nil && row.LastHeartbeatAt.Sub(*row.NextMark.At) >= session.MarkEvery
		if err := r.ledger.CommitBatch(ctx, &row, batch); err != nil {
			if err := r.explain(ctx, id, pushedBy, err); !errors.Is(err, transfer.ErrFenced) {
				return Standing{}, err
			}
			// Another request with the same batch may have been first.
			if row, err = r.held(ctx, id, pushedBy, fence); err != nil {
				return Standing{}, err
			}
			if row.BatchSeq < seq {
				return Standing{}, errLeaseEnded()
			}
		}
	}
	if seq != row.BatchSeq {
		return Standing{}, &SequenceError{Last: row.BatchSeq}
	}
	at := r.standing(row)
	if row.Rejected > knownRejects {
		at.Rejects, err = r.ledger.ListRejects(ctx, id, knownRejects, catalog.MaxBatchProducts)
	}
	return at, err
}

// Beat renews the lease of a session and notes what its pusher does. Errors are those of [Receiver.Commit].
func (r *Receiver) Beat(ctx context.Context, id, pushedBy string, b Beat) (Standing, error) {
	row, err := r.held(ctx, id, pushedBy, b.Fence)
	if err != nil {
		return Standing{}, err
	}
	claim := session.Claim{SessionID: id, Fence: b.Fence}
	err = r.ledger.Heartbeat(ctx, claim, heardNow())
	if err == nil && b.Progressed.Phase != "" {
		err = r.ledger.Advance(ctx, claim, b.Progressed)
	}
	if err != nil {
		return Standing{}, r.explain(ctx, id, pushedBy, err)
	}
	return r.standing(row), nil
}

// Propose notes products that the pusher does not have, or has the guard decide about them. It returns the errors of [Receiver.Commit], and
// Conflict when the session was not started with deleteMissing.
func (r *Receiver) Propose(ctx context.Context, id, pushedBy string, p Proposal) (Decision, error) {
	row, err := r.held(ctx, id, pushedBy, p.Fence)
	if err != nil {
		return Decision{}, err
	}
	if !row.Options.DeleteMissing {
		return Decision{}, fault.New(fault.Conflict, "DELETES_NOT_ALLOWED", "Deletes not allowed", "The push was not opened with deleteMissing.")
	}
	claim := session.Claim{SessionID: id, Fence: p.Fence}
	if err := r.propose(ctx, row, claim, p); err != nil {
		return Decision{}, r.explain(ctx, id, pushedBy, err)
	}
	n, err := r.ledger.CountDeletes(ctx, id, row.Catalog, row.SourceNodeID)
	if err != nil || p.SourceTotal == nil {
		return Decision{Proposed: n.Proposed}, err
	}
	d, err := r.decide(ctx, row, claim, n, *p.SourceTotal)
	return d, r.explain(ctx, id, pushedBy, err)
}

func (r *Receiver) propose(ctx context.Context, row session.Session, claim session.Claim, p Proposal) error {
	if p.First {
		if err := r.ledger.ForgetProposals(ctx, claim); err != nil {
			return err
		}
	}
	switch {
	case len(p.IDs) == 0:
		return nil
	case approvalOf(&row) != nil:
		by := *approvalOf(&row)
		from, err := r.find(ctx, by.SessionID, row.PushedBy)
		if err != nil {
			return err
		}
		if from.Catalog != row.Catalog || from.PeerID != row.PeerID {
			return notYours()
		}
		return r.ledger.ProposeApproved(ctx, claim, by, p.IDs)
	}
	missing := make([]catalog.Entry, len(p.IDs))
	for i, id := range p.IDs {
		missing[i].ID = id
	}
	return r.ledger.ProposeDeletes(ctx, claim, row.Catalog, row.SourceNodeID, missing)
}

// decide asks the guard about all that was proposed. A decision to withhold it whose answer was lost is repeated.
func (r *Receiver) decide(ctx context.Context, row session.Session, claim session.Claim, n DeleteCounts, sourceTotal int64) (Decision, error) {
	if n.Proposed == 0 && row.DeletesWithheld > 0 {
		return Decision{Proposed: row.DeletesWithheld, Withheld: row.DeletesWithheld, Why: withholds(row, n, row.DeletesWithheld, sourceTotal)}, nil
	}
	if n.Proposed > 0 {
		why, err := r.whyWithheld(ctx, row, n, sourceTotal)
		if err != nil {
			return Decision{}, err
		}
		if why != "" {
			return Decision{Proposed: n.Proposed, Withheld: n.Proposed, Why: why}, r.ledger.WithholdDeletes(ctx, claim)
		}
	}
	return Decision{Proposed: n.Proposed}, r.ledger.AllowDeletes(ctx, claim, row.Deleted+n.Proposed)
}

// whyWithheld returns why none of what was proposed may be deleted; "" if all of it may.
func (r *Receiver) whyWithheld(ctx context.Context, row session.Session, n DeleteCounts, sourceTotal int64) (string, error) {
	switch {
	case row.PlanID != "":
		plan, err := r.find(ctx, row.PlanID, row.PushedBy)
		return withheldByPlan(plan), err
	case row.Options.ApprovedDeletes != "":
		return "", nil
	}
	return withholds(row, n, n.Proposed, sourceTotal), nil
}

// withholds returns why the guard does not let that many deletes through; what the session has deleted before counts with them.
func withholds(row session.Session, n DeleteCounts, deletes, sourceTotal int64) string {
	guard := session.DeleteGuard{Max: row.Options.MaxDeletes, Percent: row.Options.MaxDeletePercent}
	return guard.Withhold(deletes+row.Deleted, n.Held+row.Deleted, sourceTotal)
}

// Deletes returns up to limit ids of products in one of the lists of deletes of a session, those after an id.
func (r *Receiver) Deletes(ctx context.Context, id, pushedBy string, state session.DeleteState, after string, limit int) ([]string, error) {
	if _, err := r.find(ctx, id, pushedBy); err != nil {
		return nil, err
	}
	rows, err := r.ledger.ListDeletes(ctx, id, []session.DeleteState{state}, after, limit)
	return idsOf(rows), err
}

// Changes is [Service.Changes] for the pusher.
func (r *Receiver) Changes(ctx context.Context, pushedBy string, q session.ChangeQuery) ([]session.Change, error) {
	row, err := r.find(ctx, q.SessionID, pushedBy)
	if err == nil && !row.KeepsChanges() {
		err = session.ChangesUnknown()
	}
	if err != nil {
		return nil, err
	}
	q.Catalog = row.Catalog
	return r.ledger.ListChanges(ctx, q)
}

// Finish ends a session as COMPLETED, or as FAILED where its pusher failed or has more products than it dealt with. One that has ended
// as its pusher wants already is returned as it is; the errors are those of [Receiver.Commit].
func (r *Receiver) Finish(ctx context.Context, id, pushedBy string, f Finish) (Standing, error) {
	row, err := r.finishing(ctx, id, pushedBy, &f)
	if at, ok := asWanted(err, f); ok {
		return at, nil
	}
	if err != nil {
		return Standing{}, err
	}
	end, err := r.ending(ctx, row, f)
	if err != nil {
		return Standing{}, err
	}
	err = r.ledger.FinishIncoming(ctx, session.Claim{SessionID: id, Fence: f.Fence}, end)
	if err != nil && !errors.Is(err, transfer.ErrFenced) {
		return Standing{}, err
	}
	at, findErr := r.At(ctx, id, pushedBy)
	switch {
	case findErr != nil:
		return Standing{}, findErr
	case at.Status != end.Status:
		return Standing{}, errors.Join(at.Ended(), err)
	case end.Code == transfer.CodeIncomplete:
		return Standing{}, at.Ended()
	}
	return at, nil
}

// finishing returns the session that its pusher ends. One that gives up without having heard whether it was opened is given the fence that it has,
// unless a later worker of the pusher has it.
func (r *Receiver) finishing(ctx context.Context, id, pushedBy string, f *Finish) (row session.Session, err error) {
	if f.Fence != 0 || f.Opening == nil || f.Code == "" {
		return r.held(ctx, id, pushedBy, f.Fence)
	}
	row, err = r.findOrBury(ctx, id, pushedBy, f.Opening, func(never *session.Session) {
		never.Status, never.ErrorCode, never.ErrorMessage = session.Failed, f.Code, f.Message
	})
	switch {
	case err != nil:
		return row, err
	case row.PusherFence != f.Opening.Fence:
		return row, transfer.ErrFenced
	}
	f.Fence = row.Fence
	return r.held(ctx, id, pushedBy, f.Fence)
}

// findOrBury is find for a session whose opening, o, may still be on its way: one that is not known here is noted as ended, as end says.
func (r *Receiver) findOrBury(ctx context.Context, id, pushedBy string, o *Opening, end func(never *session.Session)) (session.Session, error) {
	row, err := r.find(ctx, id, pushedBy)
	if o == nil || fault.KindOf(err) != fault.NotFound {
		return row, err
	}
	never := session.Session{
		ID: id, Catalog: o.Catalog, Direction: session.Push, Incoming: true, PeerID: o.NodeID, SourceNodeID: o.NodeID, TargetNodeID: r.cfg.NodeID,
		Method: session.MethodHTTP, Options: session.Options{BatchSize: r.cfg.BatchSize}, PushedBy: pushedBy, PusherFence: o.Fence,
		Phase: session.PhaseFinished, CurrentStep: "Ended before it was opened",
	}
	end(&never)
	if err := r.ledger.BuryIncoming(ctx, never); err != nil {
		return row, err
	}
	// It may have been opened in between, or belong to somebody else.
	return r.find(ctx, id, pushedBy)
}

// asWanted says whether a session has ended already as its pusher wants it to.
func asWanted(err error, f Finish) (at Standing, ok bool) {
	var ended *EndedError
	if !errors.As(err, &ended) {
		return at, false
	}
	wanted := session.Completed
	if f.Code != "" {
		wanted = session.Failed
	}
	return ended.Standing, ended.Standing.Status == wanted
}

// ending is how the session ends by what its pusher says and this node knows.
func (r *Receiver) ending(ctx context.Context, row session.Session, f Finish) (session.Ending, error) {
	if f.Code != "" {
		return session.Ending{Status: session.Failed, Code: f.Code, Message: f.Message}, nil
	}
	if f.SourceTotal == nil || *f.SourceTotal > row.Handled() {
		return session.Failure(fault.New(fault.Conflict, transfer.CodeIncomplete, "Source is incomplete",
			"%s ended its push after %s although it says that it has %s. Start the push again there.", row.PeerID,
			plural.Of(row.Handled(), "product"), total(f.SourceTotal))), nil
	}
	var refused session.Refusals
	if row.Rejected > 0 || row.ResumedRecords > 0 {
		var err error
		if refused, err = r.ledger.Refusals(ctx, row.ID); err != nil {
			return session.Ending{}, err
		}
	}
	end := session.Completion(f.Step, refused, row.Handled())
	if row.DeletesWithheld > 0 {
		n, err := r.ledger.CountDeletes(ctx, row.ID, row.Catalog, row.SourceNodeID)
		if err != nil {
			return session.Ending{}, err
		}
		end = end.With(session.Deletion{Withheld: row.DeletesWithheld,
			Why: cmp.Or(withholds(row, n, row.DeletesWithheld, *f.SourceTotal), "the guard of this node kept them")})
	}
	if row.Options.DryRun {
		end = end.Planned(row.Counts)
	}
	return end, nil
}

func total(n *int64) string {
	if n == nil {
		return "an unknown number of products"
	}
	return plural.Of(*n, "product")
}

// Cancel ends a session on behalf of its pusher, known here or not (see [Target.Cancel]). When it returns, nothing of the session is ever written
// here again. One that has ended already stays as it is. If what it has changed is to be put back, the revert begins in the same moment, or the
// answer says why not.
func (r *Receiver) Cancel(ctx context.Context, id, pushedBy string, o *Opening, by Cancellation) (Standing, error) {
	row, err := r.findOrBury(ctx, id, pushedBy, o, func(never *session.Session) {
		by := by.at(never.PeerID)
		never.Status, never.CancelledBy, never.CancelReason, never.ErrorMessage = session.Cancelled, by.By, by.Reason, by.Message()
	})
	if err != nil {
		return Standing{}, uncertain(ctx, err)
	}
	by = by.at(row.PeerID)
	if by.Revert {
		return r.cancelAndRevert(ctx, id, pushedBy, by)
	}
	if _, err := r.ledger.CancelSession(ctx, id, by); err != nil {
		return Standing{}, uncertain(ctx, err)
	}
	return r.At(ctx, id, pushedBy)
}

func (r *Receiver) cancelAndRevert(ctx context.Context, id, pushedBy string, by Cancellation) (Standing, error) {
	_, err := r.ledger.CancelAndRevert(ctx, id, by, r.cfg.reverting(r.queue, by.By))
	var occupied *OccupiedError
	if err != nil && !errors.As(err, &occupied) {
		return Standing{}, uncertain(ctx, err)
	}
	row, err := r.find(ctx, id, pushedBy)
	if err != nil {
		return Standing{}, err
	}
	at := r.standing(row)
	at.RevertedBy = row.RevertedBy
	switch {
	case occupied != nil:
		at.NotReverted = fmt.Sprintf("Another session writes catalog %s there by now. Revert session %s there when that has ended.", row.Catalog, id)
	case at.RevertedBy == "":
		at.NotReverted = row.WhyNotReverted()
	}
	return at, nil
}
