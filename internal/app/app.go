// Package app builds a whole node in order, starts it, and stops it in reverse. A node is a value: tests and the demo
// run several in one process.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"fullsync/api"
	"fullsync/internal/auth"
	"fullsync/internal/caller"
	"fullsync/internal/config"
	"fullsync/internal/console"
	"fullsync/internal/events"
	"fullsync/internal/jobs"
	"fullsync/internal/metrics"
	"fullsync/internal/peer"
	"fullsync/internal/schedule"
	"fullsync/internal/session"
	"fullsync/internal/source/node"
	"fullsync/internal/staging"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/telemetry"
	"fullsync/internal/token"
	"fullsync/internal/transfer"
	"fullsync/internal/user"
	"fullsync/internal/webhook"
)

// A session counts as stalled if nothing came from its source for stalledAfter, or if its live worker committed nothing for
// idleAfter.
const (
	stalledAfter = 15 * time.Second
	idleAfter    = time.Minute
)

// hashesAtOnce is how many passwords a replica hashes at the same time. Each takes 19 MiB, and sessions need some of the
// cores.
const hashesAtOnce = 2

// App is one node: a database, an API, and workers.
type App struct {
	// Peers, Users and Store are the node's own, for commands that prepare it.
	Peers *peer.Registry
	Users *user.Directory
	Store *store.Store

	cfg     config.Config
	opt     Options
	nodeID  string
	log     *slog.Logger
	keys    *auth.Keys
	ring    *keyring
	engine  *jobs.Engine
	worker  *syncer.Worker
	watch   *syncer.Watcher
	confirm *syncer.Confirmer
	check   *peer.Checker
	keeper  *schedule.Keeper
	tell    *webhook.Dispatcher
	tokens  *token.Tokens
	events  *events.Hub
	metrics *metrics.Metrics
	// tracing is nil unless the options ask for traces.
	tracing *telemetry.Tracing
	// certificate is nil where the API speaks plain HTTP.
	certificate *certificate
	// stopWatch ends the watcher and the checks of peers, and stopEvents the event streams; watching waits for the end of both.
	stopWatch, stopEvents context.CancelFunc
	// stopProvider ends the reading of an identity provider's keys; nil where there is none.
	stopProvider   context.CancelFunc
	watching       sync.WaitGroup
	server         *http.Server
	waitForStreams func(context.Context)
	listen         net.Listener
	beside         []*side
	served         chan error

	stopOnce sync.Once
	stopErr  error
}

// Options change how a node works beyond its configuration. The zero value changes nothing.
type Options struct {
	// Backoff says how to wait for trouble with a source or the database to pass. Zero means transfer.DefaultBackoff.
	Backoff transfer.Backoff
	// Sizes are the sizes of the requests that compare two catalogs; 0 means the default.
	Sizes transfer.Sizes
	// Traces sends traces to the OTLP receiver that the standard variables name.
	Traces bool
	// WrapSource, if not nil, gets every source that a session is about to read, and returns the one to read instead.
	WrapSource func(transfer.Source) transfer.Source
	// LookForSecrets is how often a replica looks for another secret of its node; 0 means every two seconds.
	LookForSecrets time.Duration
	// RefreshKeysAtMost is how often a token with an unknown key has the identity provider's keys read again; 0 means every ten seconds.
	RefreshKeysAtMost time.Duration
	// PasswordCost is what a new hash of a password costs; zero means auth.DefaultCost.
	PasswordCost auth.Cost
	// WrapEvents, if not nil, gets the source in which event streams look for changes, and returns the one to use instead.
	WrapEvents func(events.Source) events.Source
}

// New opens the node's database, brings it up to date and builds everything on it. Nothing runs yet. If there are several
// opt, the last one counts. The errors are sentences for the operator.
func New(ctx context.Context, cfg config.Config, log *slog.Logger, opt ...Options) (*App, error) {
	db, err := OpenDatabase(ctx, cfg)
	if err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: telemetry.Logger(log), Store: db, served: make(chan error, 1)}
	if len(opt) > 0 {
		a.opt = opt[len(opt)-1]
	}
	if err := a.build(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func (a *App) build(ctx context.Context) (err error) {
	if err := Migrate(ctx, a.Store, nil); err != nil {
		return err
	}
	if a.nodeID, err = NodeID(ctx, a.cfg, a.Store); err != nil {
		return err
	}
	secret, created, err := Secret(a.cfg)
	if err != nil {
		return err
	}
	if created {
		a.log.Info("made a secret for this node; its other replicas need the same one", "file", SecretPath(a.cfg))
	}
	if a.ring, err = openKeyring(ctx, secret, a.nodeID, secretFile(a.cfg), a.Store, a.log); err != nil {
		return err
	}
	a.keys = a.ring.keys
	a.Peers = peer.NewRegistry(a.Store, a.ring.sealers, &node.Prober{SelfNodeID: a.nodeID}, feeds{}, a.nodeID).Remembering(a.Store, a.log)
	a.check = peer.NewChecker(a.Peers, a.Store, a.cfg.PeerCheckInterval, a.log)
	hasher := auth.NewHasher(hashesAtOnce, a.opt.PasswordCost)
	a.Users = user.NewDirectory(a.Store, hasher)
	a.tokens = token.New(a.Store, a.keys)
	provider, err := a.openProvider()
	if err != nil {
		return err
	}
	logins := user.NewLogins(a.Store, hasher, a.keys, a.cfg.LoginTTL, a.log)
	if a.engine, err = jobs.New(jobs.In(a.Store), a.cfg.SyncWorkers, a.log); err != nil {
		return err
	}
	Staging(a.cfg).Sweep()
	settings := a.settings()
	a.metrics = metrics.New(Version())
	if a.opt.Traces {
		if a.tracing, err = telemetry.NewTracing(ctx, a.nodeID, Version(), a.log); err != nil {
			return err
		}
	}
	db := measured{a.Store, a.metrics}
	a.worker = syncer.NewWorker(settings, db, a.Peers, a.engine, syncer.Ends{
		Source: a.openSource, Target: a.openTarget, Input: a.openInput, Drop: a.dropInput,
		Local: func(catalogName string, asCame bool) syncer.LocalSide {
			if asCame {
				return measuredSide{a.Store.AsCame(catalogName), a.metrics}
			}
			return measuredSide{a.Store.Side(catalogName), a.metrics}
		},
	})
	a.watch = syncer.NewWatcher(settings, db, a.engine, a.engine)
	a.events = events.NewHub(events.Config{Limits: settings.Limits, Encode: api.EncodeEvent, Logger: a.log}, a.opt.wrapEvents(a.Store))
	targets := syncer.NewTargets(a.Store, a.Peers, a.openTarget)
	a.confirm = syncer.NewConfirmer(settings, targets)
	service := measuredSyncs{syncer.New(settings, db, a.Peers, a.engine, targets), a.metrics}
	a.keeper = schedule.NewKeeper(measuredRuns{a.Store, a.metrics}, a.Store, scheduled(service, a.metrics), a.log)
	schedules, webhooks := schedule.NewBook(a.Store, a.Peers, a.keeper), a.webhooks(a.ring.sealers, service, settings)
	a.metrics.Watch(metrics.Standing{
		Active: func(ctx context.Context) ([]session.View, error) {
			return service.List(ctx, syncer.Query{Statuses: session.ActiveStatuses()})
		},
		Peers: a.Peers.List, CheckedEvery: a.cfg.PeerCheckInterval, Pools: a.Store.Pools,
		Schedules: schedules.List, Webhooks: webhooks.List, Backlog: a.Store.Backlog,
	})
	page, err := console.New()
	if err != nil {
		return err
	}
	handler, err := api.New(api.Options{
		Syncs: service, Peers: a.Peers, Schedules: schedules, Webhooks: webhooks, Catalogs: a.Store, Imports: imports{a, service.Service}, Editor: syncer.NewEditor(settings, a.Store), Pages: a.Store, Sides: a.side, Figures: a.Store, Events: a.events,
		Receiver: syncer.NewReceiver(settings, measuredIncoming{db}, a.engine), Callers: caller.New(a.keys, logins, a.tokens, provider), Logins: logins, Users: a.Users, Tokens: a.tokens, Audit: a.Store,
		Console: page, Metrics: a.metrics, Tracing: a.tracing, MetricsElsewhere: a.cfg.MetricsListen != "",
		Node:            api.NodeInfo{ID: a.nodeID, Name: a.name(), Version: Version()},
		CheckPeersEvery: a.cfg.PeerCheckInterval,
		Ready:           a.ready, Answers: a.Store.Answers, CORSOrigins: a.cfg.CORSOrigins, TrustedProxies: a.cfg.TrustedProxies, Logger: a.log, Settings: a.cfg.Settings(),
	})
	if err != nil {
		return err
	}
	a.server, a.waitForStreams = handler.HTTPServer(), handler.WaitForStreams
	if a.cfg.TLSCert != "" {
		if a.certificate, err = openCertificate(a.cfg.TLSCert, a.cfg.TLSKey, a.log); err != nil {
			return err
		}
		a.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: a.certificate.get}
	}
	a.server.ErrorLog = slog.NewLogLogger(a.log.Handler(), slog.LevelWarn)
	return nil
}

// wrapEvents returns the source in which event streams look for changes.
func (o Options) wrapEvents(source events.Source) events.Source {
	if o.WrapEvents == nil {
		return source
	}
	return o.WrapEvents(source)
}

func (a *App) settings() syncer.Config {
	s := Settings(a.cfg, a.nodeID, a.log)
	s.Sizes = a.opt.Sizes
	if a.opt.Backoff != (transfer.Backoff{}) {
		s.Backoff = a.opt.Backoff
	}
	return s
}

// Settings are the sync service's part of cfg.
func Settings(cfg config.Config, nodeID string, log *slog.Logger) syncer.Config {
	return syncer.Config{
		NodeID: nodeID, Worker: workerName(), BatchSize: cfg.BatchSize, GrowBatches: cfg.BatchSize == config.DefaultBatchSize,
		PushReaders: cfg.SyncWorkers, MaxProductsPerSecond: cfg.MaxProductsPerSecond,
		HeartbeatInterval: cfg.HeartbeatInterval,
		Limits: session.Limits{
			StaleAfter: cfg.StaleAfter, TakeoverWithin: 3 * cfg.HeartbeatInterval, HeartbeatInterval: cfg.HeartbeatInterval,
			// What we know about the source is as old as the last heartbeat.
			StalledAfter: max(stalledAfter, 5*cfg.HeartbeatInterval), IdleAfter: max(idleAfter, 5*cfg.HeartbeatInterval),
			KeepChanges: cfg.KeepChanges,
		},
		Backoff: transfer.DefaultBackoff, MaxFruitlessTakeovers: cfg.MaxTakeovers,
		MaxDeletes: cfg.MaxDeletes, MaxDeletePercent: cfg.MaxDeletePercent,
		BatchTimeout: cfg.BatchTimeout, SessionTimeout: cfg.SessionTimeout, ResumeWithin: cfg.ResumeWithin, Logger: log,
	}
}

// Staging is where cfg has feeds sorted.
func Staging(cfg config.Config) staging.Area {
	return staging.Area{Dir: cfg.StagingDir, Limit: int64(cfg.StagingLimit) << 20}
}

// workerName returns a name that tells processes apart in logs and in health sentences.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

// reach is how to reach the peer of a session.
func (a *App) reach(target peer.Target, s session.Session) node.Options {
	return node.Options{
		URL: target.URL, Token: target.Token, PeerNodeID: target.NodeID, SelfNodeID: a.nodeID, Catalog: s.Catalog,
		Compress: s.Options.CompressionEnabled, RequestTimeout: a.cfg.RequestTimeout,
		Target: func(ctx context.Context) (peer.Target, error) { return a.Peers.Target(ctx, target.NodeID) },
	}
}

func (a *App) openTarget(target peer.Target, s session.Session) (syncer.Target, error) {
	out, err := node.NewTarget(a.reach(target, s), s.ID)
	if err != nil {
		return nil, err
	}
	return &measuredTarget{Target: out, metrics: a.metrics, session: s, known: s.Counts}, nil
}

func (a *App) openSource(target peer.Target, s session.Session) (transfer.Source, error) {
	if target.IsFeed() {
		return &feedSource{target: target, area: Staging(a.cfg)}, nil
	}
	src, err := node.New(a.reach(target, s))
	if err != nil || a.opt.WrapSource == nil {
		return src, err
	}
	return a.opt.WrapSource(src), nil
}

// side returns a catalog of this node as a side of a comparison.
func (a *App) side(catalogName string, rehash bool) api.Side {
	if rehash {
		return a.Store.Side(catalogName).Anew()
	}
	return measuredSide{a.Store.Side(catalogName), a.metrics}
}

// upkeep runs at the start and every hour, on one replica.
func (a *App) upkeep(ctx context.Context) error {
	if err := a.prune(ctx); err != nil {
		return err
	}
	healed, refused, err := a.Store.HealAll(ctx)
	if healed > 0 {
		a.log.Info("read products again that something other than this version had changed", "products", healed)
	}
	if refused > 0 {
		a.log.Warn("the database has rows that are not valid products; fullsync catalog check lists them", "products", refused)
	}
	return err
}

// prune deletes finished sessions, what they changed, and leftovers of logins that nobody needs any more, and adds up tallies.
func (a *App) prune(ctx context.Context) error {
	if err := errors.Join(a.Store.PruneLogins(ctx), a.Store.PruneTokens(ctx), a.Store.PruneMarks(ctx), a.ring.upkeep(ctx), a.Store.PruneUploads(ctx)); err != nil {
		return err
	}
	if n, err := a.Store.PruneAudit(ctx, a.cfg.KeepAudit); err != nil {
		return err
	} else if n > 0 {
		a.log.Info("old entries removed from the audit log", "entries", n)
	}
	if err := a.Store.FoldTallies(ctx); err != nil {
		return err
	}
	if err := a.Store.PruneRuns(ctx, a.cfg.KeepSessionsFor); err != nil {
		return err
	}
	if err := a.Store.PruneDeliveries(ctx, keepDeliveries); err != nil {
		return err
	}
	for found := true; found; {
		var err error
		if found, err = a.Store.PruneChanges(ctx, min(a.cfg.KeepChanges, a.cfg.KeepSessionsFor)); err != nil {
			return err
		}
	}
	for {
		n, err := a.Store.PruneSessions(ctx, a.cfg.KeepSessionsFor, a.cfg.KeepSessions)
		if n > 0 {
			a.log.Info("old sessions deleted from the history", "sessions", n)
		}
		if err != nil || n == 0 {
			return err
		}
	}
}

func (a *App) name() string {
	if a.cfg.NodeName != "" {
		return a.cfg.NodeName
	}
	return a.nodeID
}

func (a *App) ready(ctx context.Context) error {
	return errors.Join(a.Store.Ready(ctx), a.engine.Ready())
}

// watchersApart is the time between the first looks of two watchers. Each begins with one, and all at once would open a connection for each of them.
const watchersApart = 20 * time.Millisecond

// Start listens and begins to work in the background. It returns Unavailable if the address is taken.
func (a *App) Start(ctx context.Context) error {
	open, err := listen(ctx, "FULLSYNC_LISTEN", a.cfg.Listen)
	if err != nil {
		return err
	}
	if err := a.Store.NoteSettings(ctx, a.nodeID, a.cfg.Shared()); err != nil {
		return errors.Join(err, open.Close())
	}
	if err := a.openSides(ctx); err != nil {
		return errors.Join(err, open.Close())
	}
	// Not ctx: ending it would end the workers at once, and Stop lets them hand over.
	if err := a.engine.Start(context.WithoutCancel(ctx), traced{a.worker, a.tracing}, a.upkeep); err != nil {
		return errors.Join(a.Store.Explain(err), open.Close(), a.closeSides())
	}
	// A copy of the database that is started beside the original parts from it here. Where it takes no changes yet, a check does it later.
	if _, err := a.Store.AddMark(ctx); err != nil {
		a.log.Warn("the history of the database got no mark", "error", err)
	}
	a.listen = open
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopWatch = stop
	watchers := []func(context.Context){
		a.watch.Run, a.confirm.Run, a.keeper.Run, a.tell.Run,
		func(ctx context.Context) { a.tokens.Run(ctx, a.log) },
		func(ctx context.Context) { a.ring.Run(ctx, a.opt.LookForSecrets) },
	}
	if a.cfg.PeerCheckInterval > 0 {
		watchers = append(watchers, a.check.Run)
	}
	for i, run := range watchers {
		a.watching.Go(func() {
			select {
			case <-time.After(time.Duration(i) * watchersApart):
				run(watch)
			case <-watch.Done():
			}
		})
	}
	follow, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stopEvents = stop
	a.watching.Go(func() { a.events.Run(follow) })
	go func() {
		serve := a.server.Serve
		if a.certificate != nil {
			serve = func(l net.Listener) error { return a.server.ServeTLS(l, "", "") }
		}
		if err := serve(open); !errors.Is(err, http.ErrServerClosed) {
			a.served <- err
		}
	}()
	a.log.Info("node is up", "node", a.nodeID, "url", a.URL(), "version", Version())
	return nil
}

// Failed delivers the API's error if it ever ends by itself.
func (a *App) Failed() <-chan error { return a.served }

// URL returns the base address of the running node.
func (a *App) URL() string {
	scheme := "http://"
	if a.certificate != nil {
		scheme = "https://"
	}
	return scheme + a.listen.Addr().String()
}

// NodeID returns the id of this node.
func (a *App) NodeID() string { return a.nodeID }

// Token issues a token of this node that is on no list.
func (a *App) Token(subject string, role auth.Role, ttl time.Duration) (string, error) {
	return a.keys.Issue(subject, role, ttl)
}

// Stop ends the node. Event streams end, the API accepts no more requests and finishes those it has, and meanwhile running
// sessions are handed over; then the database is closed. That takes at most ShutdownTimeout, somewhat more if ctx ends first.
// Stop is safe to call twice.
func (a *App) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, a.cfg.ShutdownTimeout)
		defer cancel()
		var errs []error
		if a.listen != nil {
			// This comes first because the server waits for its requests, and an event stream never ends by itself.
			a.stopEvents()
			// Hand sessions over while the API shuts down: an idle connection or a long answer must not keep them from
			// continuing elsewhere.
			a.stopWatch()
			handed := make(chan error, 2)
			go func() { handed <- a.engine.Stop(ctx) }() // fetches no more jobs from here on
			go func() { handed <- a.worker.Shutdown(ctx) }()
			if err := a.server.Shutdown(ctx); err != nil {
				errs = append(errs, a.server.Close())
			}
			a.waitForStreams(ctx)
			a.watching.Wait()
			errs = append(errs, <-handed, <-handed, a.closeSides())
		}
		a.tracing.Stop(ctx)
		if a.stopProvider != nil {
			a.stopProvider()
		}
		a.stopErr = errors.Join(append(errs, a.Store.Close())...)
		a.log.Info("node is down", "node", a.nodeID)
	})
	return a.stopErr
}
