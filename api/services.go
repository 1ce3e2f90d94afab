package api

import (
	"context"
	"time"

	"fullsync/internal/audit"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/events"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/token"
	"fullsync/internal/transfer"
	"fullsync/internal/user"
)

// Syncs starts, shows and cancels sessions; [syncer.Service] is one.
type Syncs interface {
	Start(ctx context.Context, req syncer.StartRequest) (syncer.Started, error)
	Resume(ctx context.Context, id, by string) (session.View, error)
	Get(ctx context.Context, id string) (session.View, error)
	List(ctx context.Context, q syncer.Query) ([]session.View, error)
	Status(ctx context.Context, catalogName string) (syncer.Status, error)
	Revert(ctx context.Context, req syncer.RevertRequest) (syncer.Started, error)
	Cancel(ctx context.Context, id string, by syncer.Cancellation) (syncer.Cancelled, error)
	CancelStuck(ctx context.Context, req syncer.StuckRequest) ([]syncer.Stuck, error)
	Receipt(ctx context.Context, id string) (session.Receipt, error)
	// ReceiptOf is Receipt for a session that was read just now.
	ReceiptOf(ctx context.Context, s session.Session) (session.Receipt, error)
	Rejects(ctx context.Context, id string, after int64, limit int) ([]session.Reject, error)
	Deletes(ctx context.Context, id string, states []session.DeleteState, after string, limit int) ([]session.Delete, error)
	Changes(ctx context.Context, q session.ChangeQuery) (found []session.Change, reached *session.ChangePosition, err error)
	ApproveDeletes(ctx context.Context, id string, count int64, by string) (session.View, error)
}

// Peers manages the registered peers; [peer.Registry] is one.
type Peers interface {
	List(ctx context.Context) ([]peer.Peer, error)
	Get(ctx context.Context, nodeID string) (peer.Peer, error)
	Add(ctx context.Context, n peer.New) (peer.Peer, error)
	Change(ctx context.Context, nodeID string, c peer.Change) (peer.Peer, error)
	Remove(ctx context.Context, nodeID string) error
	Check(ctx context.Context, nodeID string) (peer.CheckResult, error)
	CheckNew(ctx context.Context, n peer.New) (peer.CheckResult, error)
	Recognise(ctx context.Context, nodeID, subject string, theirs peer.Marks) (ours peer.Marks, knows bool)
}

// Catalogs reads products for people.
type Catalogs interface {
	// FindProducts returns up to limit products. A page of a search may have fewer although there are more: then reached is where it ended, otherwise nil.
	// It returns Impossible for an order in which so many cannot be sorted.
	FindProducts(ctx context.Context, catalogName string, f catalog.Find) (found []catalog.Stored, reached *catalog.Place, err error)
	// GetProduct returns NotFound for an unknown product.
	GetProduct(ctx context.Context, catalogName, id string) (catalog.Stored, error)
	// ProductHistory returns what sessions did to a product, the newest first, up to limit after the first skip of them.
	ProductHistory(ctx context.Context, catalogName, id string, skip, limit int) ([]session.Made, error)
	// CountCatalogs returns the catalogs that hold products.
	CountCatalogs(ctx context.Context) ([]catalog.Count, error)
	// CountUpTo is CountCatalogs that counts no further than to most, and so is quick.
	CountUpTo(ctx context.Context, most int) ([]catalog.Count, error)
}

// Editor changes products; [syncer.Editor] is one.
type Editor interface {
	// Edit makes edits of different products, all or none, and returns what became of each, in the same order. Returns
	// [*syncer.RunningError] and [*catalog.UnmetError].
	Edit(ctx context.Context, catalogName string, edits []catalog.Edit) ([]catalog.Edited, error)
	// DeleteCatalog deletes a catalog of that many products and returns how many it deleted, also with an error. Returns
	// [*syncer.RunningError] and [*catalog.CountError].
	DeleteCatalog(ctx context.Context, catalogName, by string, expected int64) (deleted int64, err error)
}

// Pages reads products for other nodes, ascending by id and without holding more than one at a time. An error of each ends
// the reading and is returned; both also return a [*catalog.UnreadableError], after the products before that one.
type Pages interface {
	// ReadSpan reads up to limit products whose id is greater than after and at most through, "" for the end.
	ReadSpan(ctx context.Context, catalogName, after, through string, limit int, each func(*catalog.Product) error) error
	// ReadProducts reads those of the products with these ids, which ascend, that are there.
	ReadProducts(ctx context.Context, catalogName string, ids []string, each func(*catalog.Product) error) error
	// CountProducts counts the products of a catalog.
	CountProducts(ctx context.Context, catalogName string) (int64, error)
}

// Sides returns a catalog for comparing; rehash has every hash computed anew, see [transfer.Rehasher].
type Sides func(catalogName string, rehash bool) Side

// Side is a [transfer.Side] that lists its entries one by one. One that computes every hash anew also is a [Certified].
type Side interface {
	Spans(ctx context.Context, after, through string, every, limit int) (transfer.SpanPage, error)
	Digests(ctx context.Context, after string, through []string) ([]catalog.Digest, error)
	// EachEntry calls each for the first limit entries of intervals, ascending. An error of each ends the reading and is
	// returned.
	EachEntry(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error
	// EachShort is the same with short hashes, which costs less; see [catalog.Short].
	EachShort(ctx context.Context, of []catalog.Interval, limit int, each func(catalog.Entry) error) error
}

// Certified is a [Side] that certifies what it answers for; [transfer.Certificates] is that.
type Certified interface {
	// Reached says what the certificate of everything up to an id is; After what it is by now, nil where that is not known.
	Reached(id string, certificate *catalog.Certificate)
	After(id string) *catalog.Certificate
	// Whole returns that of the whole catalog, nil where it is not known.
	Whole() *catalog.Certificate
}

// SessionFigures adds all sessions up.
type SessionFigures interface {
	// Figures costs the same however long the history is.
	Figures(ctx context.Context) (session.Figures, error)
}

// Events lets a caller follow sessions; [events.Hub] is one.
type Events interface {
	// Subscribe returns Unavailable when there can be no subscription now. The caller must close it.
	Subscribe(ctx context.Context, want events.Want) (*events.Subscription, error)
	// GoFirst keeps subscribers waiting for their news, for a moment at most, until done is called.
	GoFirst() (done func())
}

// Metrics counts requests and shows what was counted; [metrics.Metrics] is one.
type Metrics interface {
	// Request counts a request to an operation; stream says that its answer lasts as long as the caller likes.
	Request(method, route string, status int, took time.Duration, stream bool)
	Text() ([]byte, error)
}

// Callers know whom tokens speak for; [caller.Callers] is that.
type Callers interface {
	// Verify returns whom a token speaks for, and Unauthenticated for one that does not hold, or no longer.
	Verify(ctx context.Context, text string, use token.Use) (auth.Principal, error)
	// Holds looks again at somebody whose token was verified before, as Verify does.
	Holds(ctx context.Context, p auth.Principal) (auth.Principal, error)
}

// Logins sign people in and out; [user.Logins] is one.
type Logins interface {
	// SignIn returns a token and whom it speaks for. Returns Unauthenticated, and TooMany with the time to wait.
	SignIn(ctx context.Context, c user.Credentials) (token string, p auth.Principal, err error)
	// SignOut ends the token of p. Returns Impossible for one that did not come from a login.
	SignOut(ctx context.Context, p auth.Principal) error
}

// Users manages the people who may sign in; [user.Directory] is one.
type Users interface {
	List(ctx context.Context) ([]user.User, error)
	Add(ctx context.Context, name string, role auth.Role, password string) (user.User, error)
	Change(ctx context.Context, name string, c user.Change) (user.User, error)
	EndLogins(ctx context.Context, name string) (user.User, error)
	Remove(ctx context.Context, name string) error
}

// Audit reads the audit log.
type Audit interface {
	// ListAudit returns entries, the newest first.
	ListAudit(ctx context.Context, q audit.Query) ([]audit.Entry, error)
}

// Tokens manages the API tokens; [token.Tokens] is that.
type Tokens interface {
	List(ctx context.Context) ([]token.Token, error)
	// Create also returns the token itself, which is kept nowhere.
	Create(ctx context.Context, name string, role auth.Role, ttl time.Duration, by string) (text string, t token.Token, err error)
	Revoke(ctx context.Context, id, by string) (token.Token, error)
}
