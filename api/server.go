// Package api is the HTTP door of a node: Echo routes generated from openapi.yaml, one file of handlers per resource,
// the one place that maps errors to status codes, and the middleware for tokens, roles, limits and validation.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"fullsync/api/spec"
	"fullsync/internal/config"
	"fullsync/internal/telemetry"
)

// Options are what a [Server] is made of.
type Options struct {
	Syncs Syncs
	Peers Peers
	// Schedules start syncs by the clock.
	Schedules Schedules
	// Webhooks tell other systems what happens.
	Webhooks Webhooks
	Catalogs Catalogs
	Imports  Imports
	Editor   Editor
	Pages    Pages
	Sides    Sides
	Figures  SessionFigures
	Events   Events
	Receiver Receiver
	Callers  Callers
	Logins   Logins
	Users    Users
	Tokens   Tokens
	Audit    Audit
	Console  Console
	Metrics  Metrics
	// Tracing is nil where nothing is traced.
	Tracing *telemetry.Tracing
	// MetricsElsewhere says that the metrics have a listener of their own; then they are not shown here.
	MetricsElsewhere bool
	Node             NodeInfo
	// Ready returns an error while the database or the jobs do not answer.
	Ready func(ctx context.Context) error
	// Answers returns Unavailable while the database does not answer.
	Answers func(ctx context.Context) error
	// CheckPeersEvery is how often switched-on peers are checked; one that was not for two of these is not online.
	CheckPeersEvery time.Duration
	// CORSOrigins are the origins (scheme://host[:port]) whose pages may call this node; none where empty.
	CORSOrigins []string
	// TrustedProxies are the networks (10.0.0.0/8) whose word is taken about the caller's address (X-Forwarded-For) and
	// about the path that the caller sees (X-Forwarded-Prefix); nobody's where empty.
	TrustedProxies []string
	Logger         *slog.Logger
	Limits         Limits
	// Settings are what the node runs with, without secrets, for administrators.
	Settings []config.Setting
}

// NodeInfo says who this node is.
type NodeInfo struct {
	ID, Name, Version string
}

// Limits bound what a request may cost. Zero members take the default.
type Limits struct {
	// BodyBytes is the largest body of a request whose operation names no limit of its own; 1 MiB.
	BodyBytes int64
	// PageBytes is the encoded size after which a page ends; 4 MiB.
	PageBytes int
	// Stall is how long a client may neither send nor take anything; 30 s.
	Stall time.Duration
	// Answer is how long anything but a node's page and an event stream may take; 60 s.
	Answer time.Duration
	// Silence is how long a request may wait before the database is asked whether it answers at all; 3.5 s.
	Silence time.Duration
	// TokenCheck is how often an event stream makes sure that its token still holds; 15 s.
	TokenCheck time.Duration
	// KeepCount is for how long people are told the same number of products at least, where there are many; 5 s.
	KeepCount time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.BodyBytes == 0 {
		l.BodyBytes = 1 << 20
	}
	if l.PageBytes == 0 {
		l.PageBytes = 4 << 20
	}
	if l.Stall == 0 {
		l.Stall = 30 * time.Second
	}
	if l.Answer == 0 {
		l.Answer = time.Minute
	}
	if l.Silence == 0 {
		l.Silence = 3500 * time.Millisecond
	}
	if l.TokenCheck == 0 {
		l.TokenCheck = 15 * time.Second
	}
	if l.KeepCount == 0 {
		l.KeepCount = 5 * time.Second
	}
	return l
}

// Server answers the requests of one node. It is an [http.Handler], safe for concurrent use.
type Server struct {
	echo    *echo.Echo
	streams *streams
}

// New returns the server for opt. It returns an error when the document and the list of open routes disagree.
func New(opt Options) (*Server, error) {
	if opt.Syncs == nil || opt.Peers == nil || opt.Schedules == nil || opt.Webhooks == nil || opt.Catalogs == nil || opt.Imports == nil || opt.Editor == nil || opt.Pages == nil || opt.Sides == nil || opt.Figures == nil ||
		opt.Events == nil || opt.Receiver == nil || opt.Callers == nil || opt.Logins == nil || opt.Users == nil || opt.Tokens == nil || opt.Audit == nil || opt.Console == nil || opt.Metrics == nil || opt.Ready == nil || opt.Answers == nil || opt.Logger == nil {
		return nil, errors.New("api: a service is missing in the options")
	}
	opt.Limits = opt.Limits.withDefaults()
	access, err := newAccessTable()
	if err != nil {
		return nil, err
	}
	e := echo.New()
	if e.IPExtractor, err = callerAddress(opt.TrustedProxies); err != nil {
		return nil, err
	}
	prefix, err := withPrefix(opt.TrustedProxies)
	if err != nil {
		return nil, err
	}
	e.HTTPErrorHandler = errorWriter{log: opt.Logger}.write
	e.Use(prefix, countRequests(access, opt.Metrics))
	if opt.Tracing != nil {
		e.Use(traceRequests(access, opt.Tracing))
	}
	e.Use(requestID, recoverPanics(opt.Logger), accessLog(opt.Logger), rollingDeadlines(opt.Limits.Stall), secureHeaders)
	if len(opt.CORSOrigins) > 0 {
		e.Use(cors(opt.CORSOrigins))
	}
	e.Use(
		watchDatabase(access, opt.Answers, opt.Limits.Silence),
		limitBodies(access, opt.Limits.BodyBytes),
		authenticate(access, opt.Callers, opt.Limits.Answer),
		authorize(access),
		cancelFirst(access, opt.Events),
		withOrigin,
		limitTime(access, opt.Limits.Answer),
		validate(access),
		unpackBodies(access),
	)
	streams := newStreams()
	spec.RegisterHandlers(e, spec.NewStrictHandler(newHandlers(opt, streams), []spec.StrictMiddlewareFunc{changesByAccept}))
	serveDocs(e)
	serveConsole(e, opt.Console)
	return &Server{echo: e, streams: streams}, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Routes are found on the escaped path, always: where it is only used when it differs from the plain one, an id
	// such as "50%25" would be unescaped once or twice depending on its other characters.
	escaped, address := *r, *r.URL
	address.RawPath = r.URL.EscapedPath()
	escaped.URL = &address
	s.echo.ServeHTTP(w, &escaped)
}

// WaitForStreams returns once every event stream has ended. [http.Server.Shutdown] does not know of those that have left their requests. Those
// that have not ended when ctx ends are cut.
func (s *Server) WaitForStreams(ctx context.Context) { s.streams.wait(ctx) }

// HTTPServer returns an [http.Server] for s with the limits that only it can set. It has no ReadTimeout and no
// WriteTimeout: those would cut long exports, and the deadlines of each request roll instead.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// handlers is every operation of the document, one part per resource.
type handlers struct {
	sessionHandlers
	eventHandlers
	peerHandlers
	scheduleHandlers
	webhookHandlers
	productHandlers
	editHandlers
	importHandlers
	catalogHandlers
	nodeHandlers
	pushHandlers
	statsHandlers
	authHandlers
	userHandlers
	tokenHandlers
	auditHandlers
	settingsHandlers
	operationHandlers
}

var _ spec.StrictServerInterface = (*handlers)(nil)

func newHandlers(opt Options, streams *streams) *handlers {
	totals := newTotals(opt.Pages.CountProducts, opt.Catalogs.CountUpTo, opt.Limits.KeepCount)
	return &handlers{
		sessionHandlers:  sessionHandlers{syncs: opt.Syncs},
		eventHandlers:    eventHandlers{events: opt.Events, syncs: opt.Syncs, callers: opt.Callers, limits: opt.Limits, streams: streams},
		peerHandlers:     peerHandlers{peers: opt.Peers, checkEvery: opt.CheckPeersEvery, version: opt.Node.Version},
		scheduleHandlers: scheduleHandlers{schedules: opt.Schedules},
		webhookHandlers:  webhookHandlers{webhooks: opt.Webhooks},
		productHandlers:  productHandlers{catalogs: opt.Catalogs, pageBytes: opt.Limits.PageBytes},
		editHandlers:     editHandlers{editor: opt.Editor},
		importHandlers:   importHandlers{imports: opt.Imports},
		catalogHandlers:  catalogHandlers{editor: opt.Editor, catalogs: opt.Catalogs, pages: opt.Pages, sides: opt.Sides, syncs: opt.Syncs, totals: totals},
		nodeHandlers: nodeHandlers{node: opt.Node, peers: opt.Peers, catalogs: opt.Catalogs, pages: opt.Pages, sides: opt.Sides, totals: totals,
			encoders: newEncoders(), pageBytes: opt.Limits.PageBytes},
		pushHandlers: pushHandlers{receiver: opt.Receiver},
		statsHandlers: statsHandlers{
			peers: opt.Peers, syncs: opt.Syncs, figures: opt.Figures, totals: totals, checkEvery: opt.CheckPeersEvery,
		},
		authHandlers:      authHandlers{logins: opt.Logins, node: opt.Node},
		userHandlers:      userHandlers{users: opt.Users},
		tokenHandlers:     tokenHandlers{tokens: opt.Tokens},
		auditHandlers:     auditHandlers{audit: opt.Audit},
		settingsHandlers:  settingsHandlers{settings: opt.Settings},
		operationHandlers: operationHandlers{ready: opt.Ready, metrics: opt.Metrics, elsewhere: opt.MetricsElsewhere},
	}
}

// cors lets the pages of the given origins call this node. It comes before authentication because a preflight
// request carries no token.
func cors(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		AllowOrigins:  origins,
		AllowMethods:  []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowHeaders:  []string{echo.HeaderAuthorization, echo.HeaderContentType, echo.HeaderXRequestID, headerIdempotencyKey, headerLastEventID, headerIfMatch, headerIfNoneMatch},
		ExposeHeaders: []string{echo.HeaderLocation, echo.HeaderRetryAfter, echo.HeaderXRequestID, headerETag},
		MaxAge:        600,
	})
}

// secureHeaders forbids browsers to guess content types, and caches to keep answers that needed a token.
func secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set(echo.HeaderXContentTypeOptions, "nosniff")
		if underAPI(c.Request().URL.Path) {
			h.Set(echo.HeaderCacheControl, "no-store")
		}
		return next(c)
	}
}
