package api_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fullsync/internal/audit"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/events"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/schedule"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/token"
	"fullsync/internal/user"
	"fullsync/internal/webhook"
)

// services is every service behind the door, each operation a function that a test may replace.
type services struct {
	start          func(syncer.StartRequest) (syncer.Started, error)
	resume         func(id, by string) (session.View, error)
	revert         func(syncer.RevertRequest) (syncer.Started, error)
	get            func(id string) (session.View, error)
	list           func(syncer.Query) ([]session.View, error)
	status         func(catalogName string) (syncer.Status, error)
	cancel         func(ctx context.Context, id string, by syncer.Cancellation) (session.View, bool, error)
	stuck          func(syncer.StuckRequest) ([]syncer.Stuck, error)
	receipt        func(id string) (session.Receipt, error)
	rejects        func(id string, after int64, limit int) ([]session.Reject, error)
	deletes        func(id string, states []session.DeleteState, after string, limit int) ([]session.Delete, error)
	changes        func(q session.ChangeQuery) ([]session.Change, error)
	changesReached *session.ChangePosition
	history        func(catalogName, id string, skip, limit int) ([]session.Made, error)
	approve        func(id string, count int64, by string) (session.View, error)
	addPeer        func(peer.New) (peer.Peer, error)
	changePeer     func(nodeID string, c peer.Change) (peer.Peer, error)
	removePeer     func(nodeID string) error
	addSchedule    func(schedule.New) (schedule.View, error)
	addWebhook     func(webhook.New) (webhook.Webhook, string, error)
	changeSchedule func(schedule.Change) (schedule.View, error)
	checkPeer      func(nodeID string) (peer.CheckResult, error)
	signIn         func(user.Credentials) (string, auth.Principal, error)
	signOut        func(auth.Principal) error
	// user is the one that there is, userFailure is what changing it ends with, and userChanged is told how.
	user        user.User
	userFailure error
	userChanged func(user.Change)
	apiToken    token.Token
	auditLog    func(audit.Query) []audit.Entry
	edit        func(catalogName string, edits []catalog.Edit) ([]catalog.Edited, error)
	deleteAll   func(catalogName, by string, expected int64) (int64, error)
	// first counts what goes first right now, wentFirst all that ever did.
	first, wentFirst atomic.Int32
	// holds is what a second look at a token finds, nil where it still holds.
	holds    error
	products []catalog.Stored
	// readFailure ends every reading of a page after failAfter lines.
	readFailure error
	failAfter   int
	// countFailure is what counting ends with.
	countFailure error
	// readEnded is told how each reading of a page ended.
	readEnded func(error)
	ready     func(ctx context.Context) error
	// commit takes batches of pushes, nil where each goes well.
	commit    func(id, by string, fence, seq int64, b catalog.Batch, known int64) (syncer.Standing, error)
	subscribe func(context.Context, events.Want) (*events.Subscription, error)
}

type syncs struct{ *services }

func (s syncs) Start(_ context.Context, r syncer.StartRequest) (syncer.Started, error) {
	return s.start(r)
}
func (s syncs) Resume(_ context.Context, id, by string) (session.View, error) {
	return s.resume(id, by)
}
func (s syncs) Get(_ context.Context, id string) (session.View, error) { return s.get(id) }
func (s syncs) List(_ context.Context, q syncer.Query) ([]session.View, error) {
	return s.list(q)
}
func (s syncs) Status(_ context.Context, name string) (syncer.Status, error) {
	return s.status(name)
}
func (s syncs) Revert(_ context.Context, r syncer.RevertRequest) (syncer.Started, error) {
	return s.revert(r)
}
func (s syncs) Cancel(ctx context.Context, id string, by syncer.Cancellation) (syncer.Cancelled, error) {
	v, already, err := s.cancel(ctx, id, by)
	return syncer.Cancelled{Session: v, Already: already}, err
}
func (s syncs) CancelStuck(_ context.Context, r syncer.StuckRequest) ([]syncer.Stuck, error) {
	return s.stuck(r)
}
func (s syncs) Receipt(_ context.Context, id string) (session.Receipt, error) {
	return s.receipt(id)
}

func (s syncs) ReceiptOf(_ context.Context, row session.Session) (session.Receipt, error) {
	return s.receipt(row.ID)
}

func (s syncs) Rejects(_ context.Context, id string, after int64, limit int) ([]session.Reject, error) {
	return s.rejects(id, after, limit)
}

func (s syncs) Deletes(_ context.Context, id string, states []session.DeleteState, after string, limit int) ([]session.Delete, error) {
	return s.deletes(id, states, after, limit)
}

func (s syncs) Changes(_ context.Context, q session.ChangeQuery) ([]session.Change, *session.ChangePosition, error) {
	found, err := s.changes(q)
	return found, s.changesReached, err
}

func (s syncs) ApproveDeletes(_ context.Context, id string, count int64, by string) (session.View, error) {
	return s.approve(id, count, by)
}

// receiver is a target where everything goes well.
type receiver struct{ services *services }

func (r receiver) at(id string) (syncer.Standing, error) {
	return syncer.Standing{SessionID: id, Status: session.Transferring, Fence: 1}, nil
}
func (r receiver) Open(_ context.Context, o syncer.Opening, _ string) (syncer.Standing, bool, error) {
	at, err := r.at(o.SessionID)
	return at, true, err
}
func (r receiver) At(_ context.Context, id, _ string) (syncer.Standing, error) { return r.at(id) }
func (r receiver) Commit(_ context.Context, id, by string, fence, seq int64, b catalog.Batch, known int64) (syncer.Standing, error) {
	if r.services.commit != nil {
		return r.services.commit(id, by, fence, seq, b, known)
	}
	return r.at(id)
}
func (r receiver) Beat(_ context.Context, id, _ string, _ syncer.Beat) (syncer.Standing, error) {
	return r.at(id)
}
func (r receiver) Propose(context.Context, string, string, syncer.Proposal) (syncer.Decision, error) {
	return syncer.Decision{}, nil
}
func (r receiver) Deletes(context.Context, string, string, session.DeleteState, string, int) ([]string, error) {
	return []string{}, nil
}
func (r receiver) Changes(context.Context, string, session.ChangeQuery) ([]session.Change, error) {
	return []session.Change{}, nil
}
func (r receiver) Finish(_ context.Context, id, _ string, _ syncer.Finish) (syncer.Standing, error) {
	return r.at(id)
}
func (r receiver) Cancel(_ context.Context, id, _ string, _ *syncer.Opening, _ syncer.Cancellation) (syncer.Standing, error) {
	return r.at(id)
}

type peers struct{ *services }

// Recognise knows no history.
func (peers) Recognise(context.Context, string, string, peer.Marks) (peer.Marks, bool) {
	return peer.Marks{}, true
}

func (s peers) List(context.Context) ([]peer.Peer, error) { return []peer.Peer{branch()}, nil }
func (s peers) Get(_ context.Context, id string) (peer.Peer, error) {
	if id != "branch-2" {
		return peer.Peer{}, peer.Unknown(id)
	}
	return branch(), nil
}
func (s peers) Add(_ context.Context, n peer.New) (peer.Peer, error) { return s.addPeer(n) }
func (s peers) Change(_ context.Context, id string, c peer.Change) (peer.Peer, error) {
	return s.changePeer(id, c)
}
func (s peers) Remove(_ context.Context, id string) error { return s.removePeer(id) }
func (s peers) Check(_ context.Context, id string) (peer.CheckResult, error) {
	return s.checkPeer(id)
}

func (s peers) CheckNew(_ context.Context, n peer.New) (peer.CheckResult, error) {
	return s.checkPeer(n.NodeID)
}

// logins hold tokens for good as far as their keys do.
type logins struct {
	*services
	keys *auth.Keys
}

func (s logins) Verify(_ context.Context, text string, _ token.Use) (auth.Principal, error) {
	return s.keys.Verify(text)
}
func (s logins) SignIn(_ context.Context, c user.Credentials) (string, auth.Principal, error) {
	return s.signIn(c)
}
func (s logins) Holds(_ context.Context, p auth.Principal) (auth.Principal, error) { return p, s.holds }
func (s logins) SignOut(_ context.Context, p auth.Principal) error                 { return s.signOut(p) }

// users are alice alone, and whatever is done goes well.
type users struct{ *services }

func (s users) List(context.Context) ([]user.User, error) { return []user.User{s.user}, nil }
func (s users) Add(_ context.Context, name string, role auth.Role, _ string) (user.User, error) {
	s.user.Name, s.user.Role = name, role
	return s.user, s.userFailure
}
func (s users) Change(_ context.Context, _ string, c user.Change) (user.User, error) {
	s.userChanged(c)
	return s.user, s.userFailure
}
func (s users) EndLogins(context.Context, string) (user.User, error) { return s.user, s.userFailure }
func (s users) Remove(context.Context, string) error                 { return s.userFailure }

// tokens are one.
type tokens struct{ *services }

func (s tokens) List(context.Context) ([]token.Token, error) { return []token.Token{s.apiToken}, nil }
func (s tokens) Create(_ context.Context, name string, role auth.Role, ttl time.Duration, by string) (string, token.Token, error) {
	s.apiToken.Name, s.apiToken.Role, s.apiToken.CreatedBy, s.apiToken.ExpiresAt = name, role, by, s.apiToken.CreatedAt.Add(ttl)
	return "the-token", s.apiToken, nil
}
func (s tokens) Revoke(_ context.Context, id, by string) (token.Token, error) {
	if id != s.apiToken.ID {
		return token.Token{}, token.Unknown()
	}
	s.apiToken.RevokedAt, s.apiToken.RevokedBy = &s.apiToken.CreatedAt, by
	return s.apiToken, nil
}

// ListAudit lists what auditLog says.
func (s *services) ListAudit(_ context.Context, q audit.Query) ([]audit.Entry, error) {
	return s.auditLog(q), nil
}

// The services are also the catalogs, the pages and the counts.
func (s *services) FindProducts(_ context.Context, _ string, f catalog.Find) (found []catalog.Stored, reached *catalog.Place, err error) {
	for _, p := range s.products {
		if p.ID > f.After.ID && strings.Contains(p.Name, f.Query) && len(found) < f.Limit {
			found = append(found, p)
		}
	}
	return found, nil, nil
}

func (s *services) ProductHistory(_ context.Context, catalogName, id string, skip, limit int) ([]session.Made, error) {
	return s.history(catalogName, id, skip, limit)
}

func (s *services) GetProduct(_ context.Context, _, id string) (catalog.Stored, error) {
	for _, p := range s.products {
		if p.ID == id {
			return p, nil
		}
	}
	return catalog.Stored{}, fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "Product not found", "There is none.")
}

func (s *services) CountCatalogs(context.Context) ([]catalog.Count, error) {
	if len(s.products) == 0 {
		return nil, nil
	}
	return []catalog.Count{{Catalog: "garden", Products: 3}, {Catalog: "main", Products: int64(len(s.products))}}, nil
}

func (s *services) CountUpTo(ctx context.Context, most int) ([]catalog.Count, error) {
	counts, err := s.CountCatalogs(ctx)
	for i := range counts {
		counts[i].Products = min(counts[i].Products, int64(most))
	}
	return counts, err
}

func (s *services) Edit(_ context.Context, catalogName string, edits []catalog.Edit) ([]catalog.Edited, error) {
	return s.edit(catalogName, edits)
}

func (s *services) DeleteCatalog(_ context.Context, catalogName, by string, expected int64) (int64, error) {
	return s.deleteAll(catalogName, by, expected)
}

func (s *services) Figures(context.Context) (session.Figures, error) {
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	return session.Summarise([]session.Tally{
		{Hour: day.Add(10 * time.Hour), Status: session.Completed, Direction: session.Pull, PeerID: "branch-2", Kept: 2, Ended: 2, Processed: 997, Rejected: 3, Bytes: 5000},
		{Hour: day.Add(9 * time.Hour), Status: session.Failed, Direction: session.Pull, PeerID: "branch-3", Kept: 1, Ended: 1},
		{Hour: day.Add(-40 * time.Hour), Status: session.Cancelled, Direction: session.Pull, PeerID: "branch-2", Kept: 1, Ended: 1, Processed: 10, Bytes: 7},
		{Hour: time.Unix(0, 0), Status: session.Cancelled, Kept: -1, Ended: 4, Processed: 100},
		{Status: session.Transferring, Direction: session.Pull, PeerID: "branch-2", Kept: 1, Processed: 758, Pending: 309},
	}, day.Add(11*time.Hour)), nil
}

func (s *services) ReadSpan(_ context.Context, _, after, through string, limit int, each func(*catalog.Product) error) (err error) {
	defer func() { s.readEnded(err) }()
	n := 0
	for _, p := range s.products {
		if p.ID <= after || through != "" && p.ID > through || n == limit {
			continue
		}
		if s.readFailure != nil && n == s.failAfter {
			return s.readFailure
		}
		if err := each(&p.Product); err != nil {
			return err
		}
		n++
	}
	return nil
}

func (s *services) ReadProducts(ctx context.Context, name string, ids []string, each func(*catalog.Product) error) error {
	return s.ReadSpan(ctx, name, "", "", len(s.products), func(p *catalog.Product) error {
		if !slices.Contains(ids, p.ID) {
			return nil
		}
		return each(p)
	})
}

func (s *services) CountProducts(context.Context, string) (int64, error) {
	return int64(len(s.products)), s.countFailure
}

func (s *services) Subscribe(ctx context.Context, want events.Want) (*events.Subscription, error) {
	return s.subscribe(ctx, want)
}

func (s *services) GoFirst() (done func()) {
	s.first.Add(1)
	s.wentFirst.Add(1)
	return func() { s.first.Add(-1) }
}

// goodServices answer everything well.
func goodServices() *services {
	return &services{
		start:  func(syncer.StartRequest) (syncer.Started, error) { return started(), nil },
		resume: func(string, string) (session.View, error) { return running(), nil },
		get:    func(string) (session.View, error) { return running(), nil },
		list:   func(syncer.Query) ([]session.View, error) { return []session.View{running()}, nil },
		status: func(string) (syncer.Status, error) { v := running(); return syncer.Status{Active: &v}, nil },
		revert: func(syncer.RevertRequest) (syncer.Started, error) { return started(), nil },
		cancel: func(context.Context, string, syncer.Cancellation) (session.View, bool, error) {
			return cancelled(), false, nil
		},
		stuck:          func(syncer.StuckRequest) ([]syncer.Stuck, error) { return nil, nil },
		receipt:        func(string) (session.Receipt, error) { return session.NewReceipt(cancelled().Session, nil), nil },
		changes:        func(session.ChangeQuery) ([]session.Change, error) { return nil, nil },
		history:        func(string, string, int, int) ([]session.Made, error) { return nil, nil },
		rejects:        func(string, int64, int) ([]session.Reject, error) { return nil, nil },
		deletes:        func(string, []session.DeleteState, string, int) ([]session.Delete, error) { return nil, nil },
		approve:        func(string, int64, string) (session.View, error) { return running(), nil },
		addPeer:        func(n peer.New) (peer.Peer, error) { return branch(), nil },
		changePeer:     func(string, peer.Change) (peer.Peer, error) { return branch(), nil },
		removePeer:     func(string) error { return nil },
		addSchedule:    func(schedule.New) (schedule.View, error) { return nightly(), nil },
		addWebhook:     func(webhook.New) (webhook.Webhook, string, error) { return onCall(), "whsec_c2VjcmV0", nil },
		changeSchedule: func(schedule.Change) (schedule.View, error) { return nightly(), nil },
		checkPeer:      func(string) (peer.CheckResult, error) { return peer.CheckResult{Problem: "It is far away."}, nil },
		signIn: func(user.Credentials) (string, auth.Principal, error) {
			return "the.new.token", auth.Principal{Subject: "alice", Role: auth.RoleOperator, UserID: "u-1", ExpiresAt: at(5).UTC()}, nil
		},
		signOut:     func(auth.Principal) error { return nil },
		user:        user.User{Name: "alice", Role: auth.RoleOperator, CreatedAt: at(0), UpdatedAt: at(1), PasswordHash: "hunter2"},
		apiToken:    token.Token{ID: sessionA, Name: "till 3", Role: auth.RoleNode, CreatedBy: "alice", CreatedAt: at(0), ExpiresAt: at(2)},
		userChanged: func(user.Change) {},
		auditLog:    func(audit.Query) []audit.Entry { return nil },
		edit:        goodEdits,
		deleteAll:   func(_, _ string, expected int64) (int64, error) { return expected, nil },
		products:    someProducts("a", "b", "c"),
		readEnded:   func(error) {},
		ready:       func(context.Context) error { return nil },
		subscribe:   endedSubscription,
	}
}

// goodEdits are made of products that were not there.
func goodEdits(_ string, edits []catalog.Edit) (done []catalog.Edited, err error) {
	for _, e := range edits {
		one := catalog.Edited{Effect: catalog.Created, Stored: catalog.Stored{Product: e.Product, Catalog: "main", OriginNodeID: nodeID, CreatedAt: at(0), UpdatedAt: at(0)}}
		if e.Delete {
			one.Effect = catalog.Deleted
		}
		done = append(done, one)
	}
	return done, nil
}

func at(second int) time.Time {
	return time.Date(2026, 1, 31, 11, 0, second, 0, time.FixedZone("CET", 3600))
}

func running() session.View {
	total, claimed, commit := int64(1067), at(0), at(3)
	return session.NewView(session.Session{
		ID: sessionA, Catalog: "main", Direction: session.Pull, PeerID: "branch-2", SourceNodeID: "branch-2",
		TargetNodeID: nodeID, Method: session.MethodHTTP, Status: session.Transferring, Phase: session.PhaseTransferring,
		CurrentStep: "Transferring 1067 products", Progress: 71, TotalRecords: &total, TransferredRecords: 758,
		Counts: session.Counts{Created: 758}, StartedAt: at(0), StartedBy: "alice", ClaimedAt: &claimed,
		LastHeartbeatAt: &commit, LastCommitAt: &commit, LastSourceAt: &commit, Worker: "w", Attempts: 1,
		BatchSeq: 8, Fence: 1, MarksFence: 1, Mark: session.Mark{At: &claimed},
		Options: session.Options{BatchSize: 100, CompressionEnabled: true, TimeoutSeconds: 3600},
	}, at(3), session.Limits{StaleAfter: time.Minute, StalledAfter: time.Minute, IdleAfter: time.Minute})
}

func started() syncer.Started { return syncer.Started{Session: running()} }

func cancelled() session.View {
	v := running()
	done := at(4)
	v.Status, v.Phase, v.CompletedAt = session.Cancelled, session.PhaseFinished, &done
	v.CancelledBy, v.CancelReason, v.ErrorMessage = "alice", "wrong peer", "Cancelled by alice: wrong peer"
	v.Health = session.Health{Verdict: session.Finished, Reason: v.ErrorMessage}
	v.EstimatedTimeRemaining = nil
	return v
}

func branch() peer.Peer {
	seen, ago := at(0), 61900*time.Millisecond
	return peer.Peer{
		NodeID: "branch-2", NodeName: "Branch 2", Kind: peer.KindNode, URL: "https://branch-2.example.com:8443/x",
		IsActive: true, KeepFields: catalog.Fields{"price"}, SealedToken: []byte("sealed-secret"), LastSeen: &seen, LastSeenAgo: &ago,
	}
}

func someProducts(ids ...string) (all []catalog.Stored) {
	for _, id := range ids {
		p, err := catalog.Parse([]byte(`{"id":"` + id + `","name":"<Chair> ` + id + `","price":"12.50","weight":1.0}`))
		if err != nil {
			panic(err)
		}
		all = append(all, catalog.Stored{Product: p, Catalog: "main", OriginNodeID: "branch-2", CreatedAt: at(0), UpdatedAt: at(1)})
	}
	return all
}
