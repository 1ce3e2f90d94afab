// Package syncer is the sync service: it starts, shows and cancels sessions, and runs the worker's side of one. It
// owns the rules; databases, job engine and sources are handed to it.
package syncer

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// Sessions is what the service needs from the table of sessions. Every method that returns sessions also returns the
// database's time, the only clock their ages are judged by.
type Sessions interface {
	Reverts
	// CreateSession inserts s, its job and its key in one transaction; see [Creation].
	CreateSession(ctx context.Context, s session.Session, how Creation) (Created, error)
	// FindStartKey returns what a caller's Idempotency-Key stands for, ok false when there is none.
	FindStartKey(ctx context.Context, subject, key string) (kept KeptKey, ok bool, err error)
	// AttachKey stores a key with a session that it did not make. Conflict when the key is taken.
	AttachKey(ctx context.Context, key StartKey, sessionID string) error
	// GetSession returns NotFound for an unknown id.
	GetSession(ctx context.Context, id string) (session.Session, time.Time, error)
	// FindSessions returns sessions newest first. Where there are none, so is the time.
	FindSessions(ctx context.Context, q Query) ([]session.Session, time.Time, error)
	// CatalogStatus returns the active sessions of a catalog and, of the finished ones, the one that started last, in no
	// order. Where there are none, so is the time.
	CatalogStatus(ctx context.Context, catalogName string) ([]session.Session, time.Time, error)
	// CancelSession ends an active session in one conditional UPDATE; ok is false when it was not active.
	CancelSession(ctx context.Context, id string, by Cancellation) (ok bool, err error)
	// ListTakeovers returns the takeovers of a session, in order.
	ListTakeovers(ctx context.Context, id string) ([]session.Takeover, error)
	// ListRejects returns up to limit rejects of a session whose number is greater than after, in order.
	ListRejects(ctx context.Context, id string, after int64, limit int) ([]session.Reject, error)
	// ListDeletes is that of [Deletes].
	ListDeletes(ctx context.Context, id string, states []session.DeleteState, after string, limit int) ([]session.Delete, error)
	// FindChanges returns up to limit changes of a session that q selects, in order. Where it has to search for them, there may be fewer, even none, although
	// there are more: then reached is where the search ended, otherwise nil.
	FindChanges(ctx context.Context, q session.ChangeQuery) (found []session.Change, reached *session.ChangePosition, err error)
	// AppliedBy returns the session that applies a plan, or has applied it; "" where none does.
	AppliedBy(ctx context.Context, planID string) (id string, err error)
	// KeepsUpload reports whether a file that was sent to the node is kept.
	KeepsUpload(ctx context.Context, id string) (bool, error)
}

// Creation says how a session comes into being.
type Creation struct {
	Enqueue Enqueue
	// Replace, if not nil, cancels the catalog's active session in the same transaction.
	Replace *Cancellation
	// Key, if not nil, is stored with the session; one that is taken makes the whole start a Conflict.
	Key *StartKey
	// RunID, if not empty, is the run of a schedule that becomes this session; [schedule.ErrDecided] if it no longer waits.
	RunID string
}

// Created is what became of a start. OK is false when the catalog already has an active session.
type Created struct {
	Session session.Session
	Now     time.Time
	OK      bool
	// Replaced is the session that was cancelled for it, nil where there was none.
	Replaced *session.Session
}

// StartKey is the Idempotency-Key of a start: it belongs to a caller and stands for one request.
type StartKey struct {
	Subject, Key string
	// RequestHash tells whether a repeated key came with the same request.
	RequestHash string
}

// KeptKey is a key that was used, and the session that its start made or was attached to.
type KeptKey struct {
	RequestHash string
	SessionID   string
	Attached    bool
}

// Cancellation is who cancels, and why.
type Cancellation struct {
	By, Reason string
	// Revert says to put back what the session has changed.
	Revert bool
}

// at is the same cancel, by somebody at another node.
func (c Cancellation) at(nodeID string) Cancellation {
	c.By = fmt.Sprintf("%s at %s", c.By, nodeID)
	return c
}

// Message is the errorMessage of a session that was cancelled.
func (c Cancellation) Message() string {
	if c.Reason == "" {
		return "Cancelled by " + c.By
	}
	return "Cancelled by " + c.By + ": " + c.Reason
}

// Enqueue inserts the job that works on the session, in the caller's transaction, and returns its id. The job holds
// the fence that the session has now; it does nothing once that is outdated.
type Enqueue func(ctx context.Context, tx *sql.Tx, sessionID string, fence int64) (jobID int64, err error)

// Query selects sessions. Zero members select all.
type Query struct {
	Statuses                    []session.Status
	Catalog, PeerID             string
	StartedAfter, StartedBefore time.Time
	Direction                   session.Direction
	Outcome                     session.Outcome
	// Person has started or cancelled them.
	Person string
	// BeforeID and BeforeStartedAt continue a listing after the session they name.
	BeforeID        string
	BeforeStartedAt time.Time
	// Limit is the largest number of sessions to return; 0 means all.
	Limit int
}

// Queue is the job engine as the service sees it.
type Queue interface {
	// Enqueue is an [Enqueue] for sessions that write here, EnqueuePush one for pushes out of this node.
	Enqueue(ctx context.Context, tx *sql.Tx, sessionID string, fence int64) (jobID int64, err error)
	EnqueuePush(ctx context.Context, tx *sql.Tx, sessionID string, fence int64) (jobID int64, err error)
	// Abort tells the worker of a job, wherever it runs, to stop at once.
	Abort(ctx context.Context, jobID int64) error
}

// enqueuer returns what enqueues the job of s.
func enqueuer(q Queue, s session.Session) Enqueue {
	switch {
	case s.Outgoing():
		return q.EnqueuePush
	case s.OnlyHere():
		return noJob
	}
	return q.Enqueue
}

// Peers knows the registered peers; [peer.Registry] is one.
type Peers interface {
	// Target returns what it takes to speak to a peer: NotFound for an unknown one, Impossible for one that is
	// switched off or has no token.
	Target(ctx context.Context, nodeID string) (peer.Target, error)
	// Seen records that the peer answered (err nil), or what went wrong.
	Seen(ctx context.Context, nodeID string, err error) error
	// SawMark remembers a mark of the peer's history; see [Standing].
	SawMark(ctx context.Context, nodeID, mark string) error
	// NoteFeed records what a feed was when it was brought in completely, unless the peer has been changed since target was read.
	NoteFeed(ctx context.Context, target peer.Target, seen peer.FeedSeen) error
}

// Ledger is what the worker's side needs from the database. Every write is guarded by the session's fence and state,
// and returns [transfer.ErrFenced] when the claim is outdated or the session has ended.
type Ledger interface {
	Deletes
	Outgoing
	// ClaimSession raises the fence from the given one for worker and returns the session as claimed; ok is false
	// when the fence is outdated or the session is no longer active.
	ClaimSession(ctx context.Context, id string, fence int64, worker string) (s session.Session, ok bool, err error)
	// Heartbeat proves that the worker lives, and tells of the source.
	Heartbeat(ctx context.Context, c session.Claim, pulse session.Pulse) error
	// Held returns ErrFenced when the claim is outdated or the session has ended.
	Held(ctx context.Context, c session.Claim) error
	// Advance moves the session to another phase and step, and to another state where one is given.
	Advance(ctx context.Context, c session.Claim, to session.Progressed) error
	// Waiting records what the worker waits for; the zero wait ends the waiting and goes back to phase then.
	Waiting(ctx context.Context, c session.Claim, wait transfer.Wait, then session.Phase) error
	// CommitBatch writes the batch, moves the session's cursor, counters and batch number, and writes down s.Pulse, in one
	// transaction. On success s is brought up to date.
	CommitBatch(ctx context.Context, s *session.Session, batch catalog.Batch) error
	// GetSession returns NotFound for an unknown id, and the database's time.
	GetSession(ctx context.Context, id string) (session.Session, time.Time, error)
	// ChangesBefore returns up to limit changes of a session, newest first, those before a position. It ends early where the products are
	// large, but never without any. It returns NotFound where they are not all kept any more.
	ChangesBefore(ctx context.Context, id string, before session.ChangePosition, limit int) ([]session.Change, error)
	// FinishSession ends the session as COMPLETED or FAILED.
	FinishSession(ctx context.Context, c session.Claim, end session.Ending) error
	// ReleaseSession hands the session back: it raises the fence and enqueues a new job in one transaction.
	ReleaseSession(ctx context.Context, c session.Claim, enqueue Enqueue) error
	// RejectedIDs returns the ids of the products that the session refused.
	RejectedIDs(ctx context.Context, id string) (map[string]bool, error)
	// Refusals returns what was refused of the products behind the session's cursor.
	Refusals(ctx context.Context, id string) (session.Refusals, error)
	// KeepOnly prepares a catalog for products from a source of which these fields stay as they are here: what is known of other fields as
	// they came is forgotten, so that those products are read again.
	KeepOnly(ctx context.Context, c session.Claim, catalogName string, fields catalog.Fields) error
	// Hashes lists what this node holds.
	Hashes(ctx context.Context, catalogName, after string, limit int) (transfer.HashPage, error)
}

// OpenSource connects to the source of a session.
type OpenSource func(target peer.Target, s session.Session) (transfer.Source, error)

// Config are the settings of a [Service].
type Config struct {
	// NodeID is this node; Worker names this process in the sessions it holds.
	NodeID, Worker string
	// BatchSize is used where a start names none.
	BatchSize int
	// GrowBatches lets the batches of such a start become larger while they are quick.
	GrowBatches bool
	// MaxDeletes and MaxDeletePercent are the most that a start may ask to delete without approval.
	MaxDeletes, MaxDeletePercent int
	// MaxProductsPerSecond is this node's own speed limit for every session; 0 means none.
	MaxProductsPerSecond int
	// PushReaders is how many pushes read this node's products at the same time.
	PushReaders       int
	HeartbeatInterval time.Duration
	// BatchTimeout bounds one try to commit a batch, SessionTimeout a whole session that names no limit of its own.
	BatchTimeout, SessionTimeout time.Duration
	// ResumeWithin is how long after its end a session can be resumed.
	ResumeWithin time.Duration
	Limits       session.Limits
	Backoff      transfer.Backoff
	// Sizes are those of comparisons.
	Sizes transfer.Sizes
	// MaxFruitlessTakeovers is how often in a row a session is taken over without a new batch before it is FAILED.
	MaxFruitlessTakeovers int
	Logger                *slog.Logger
}

// Service is the sync service. It holds no state of its own: everything is in the database.
type Service struct {
	cfg      Config
	sessions Sessions
	peers    Peers
	queue    Queue
	targets  *Targets
}

// New returns a Service. targets are told when a push is cancelled; where it is nil, a [Confirmer] elsewhere tells them.
func New(cfg Config, sessions Sessions, peers Peers, queue Queue, targets *Targets) *Service {
	return &Service{cfg: cfg, sessions: sessions, peers: peers, queue: queue, targets: targets}
}

func (s *Service) view(row session.Session, now time.Time) session.View {
	return session.NewView(row, now, s.cfg.Limits)
}

// Get returns one session, or NotFound.
func (s *Service) Get(ctx context.Context, id string) (session.View, error) {
	row, now, err := s.sessions.GetSession(ctx, id)
	if err != nil {
		return session.View{}, err
	}
	return s.view(row, now), nil
}

// Receipt returns the account of a finished session. It returns NotFound for an unknown session, and Conflict for one
// that is still active.
func (s *Service) Receipt(ctx context.Context, id string) (session.Receipt, error) {
	row, _, err := s.sessions.GetSession(ctx, id)
	if err != nil {
		return session.Receipt{}, err
	}
	return s.ReceiptOf(ctx, row)
}

// ReceiptOf is Receipt for a session that was read just now.
func (s *Service) ReceiptOf(ctx context.Context, row session.Session) (session.Receipt, error) {
	if row.Status.Active() {
		return session.Receipt{}, fault.New(fault.Conflict, "SESSION_ACTIVE", "Sync session is not finished",
			"The session is still %s. It gets its receipt when it ends.", row.Status)
	}
	if !row.MayHaveTakeovers() {
		return session.NewReceipt(row, nil), nil
	}
	takeovers, err := s.sessions.ListTakeovers(ctx, row.ID)
	if err != nil {
		return session.Receipt{}, err
	}
	return session.NewReceipt(row, takeovers), nil
}

// List returns the sessions that q selects, newest first.
func (s *Service) List(ctx context.Context, q Query) ([]session.View, error) {
	rows, now, err := s.sessions.FindSessions(ctx, q)
	if err != nil {
		return nil, err
	}
	views := make([]session.View, len(rows))
	for i, row := range rows {
		views[i] = s.view(row, now)
	}
	return views, nil
}

// Status is how the syncs of a catalog stand; nil members are not there.
type Status struct {
	// Active writes the catalog here; where none does, it is the newest push out of it.
	Active *session.View
	// Last is the newest of the finished ones.
	Last *session.View
	// AlsoActive are the active ones besides Active, newest first.
	AlsoActive []session.View
}

// Status returns how the syncs of a catalog stand.
func (s *Service) Status(ctx context.Context, catalogName string) (st Status, err error) {
	rows, now, err := s.sessions.CatalogStatus(ctx, catalogName)
	if err != nil {
		return st, err
	}
	slices.SortFunc(rows, func(a, b session.Session) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), b.StartedAt.Compare(a.StartedAt))
	})
	for _, row := range rows {
		v := s.view(row, now)
		switch {
		case !row.Status.Active():
			st.Last = &v
		case st.Active == nil:
			st.Active = &v
		default:
			st.AlsoActive = append(st.AlsoActive, v)
		}
	}
	return st, nil
}

// rank puts what writes the catalog before what only reads it.
func rank(s session.Session) int {
	if s.Outgoing() {
		return 1
	}
	return 0
}

// inTheWay returns the active session that excludes next, nil where there is none.
func (st Status) inTheWay(next session.Session) *session.View {
	for _, v := range st.active() {
		if v.Outgoing() == next.Outgoing() && (!next.Outgoing() || v.PeerID == next.PeerID) {
			return &v
		}
	}
	return nil
}

// active returns all active sessions.
func (st Status) active() []session.View {
	if st.Active == nil {
		return nil
	}
	return append([]session.View{*st.Active}, st.AlsoActive...)
}
