package api

import (
	"context"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/packing"
	"fullsync/internal/telemetry"
)

// maxLoggedPath is the longest path, in bytes, that is written to the log.
const maxLoggedPath = 256

// requestID gives every answer an X-Request-Id: the caller's own where it is sane, a new one otherwise. What the request
// causes is logged with it.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !saneRequestID(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		r := c.Request()
		c.SetRequest(r.WithContext(telemetry.WithRequest(r.Context(), id)))
		return next(c)
	}
}

// countRequests tells the metrics of every request. The labels are those of the document: what callers make up must not become series.
func countRequests(access accessTable, metrics Metrics) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			began := time.Now()
			method, route, op := access.named(c)
			stream := op.route != nil && op.answers(eventStream)
			defer func() { metrics.Request(method, route, c.Response().Status, time.Since(began), stream) }()
			return next(c)
		}
	}
}

// cancelFirst lets a cancel go before the news for thousands of event streams: answering it takes a few milliseconds, writing to all of them hundreds.
// It comes after the check of who calls: nobody else may keep the news back.
func cancelFirst(access accessTable, events Events) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if _, _, op := access.named(c); op.route != nil && op.route.Operation.OperationID == "cancelFullSync" {
				defer events.GoFirst()()
			}
			return next(c)
		}
	}
}

// named returns the method and the route of a request as the document writes them, and its operation.
func (t accessTable) named(c echo.Context) (method, route string, op operation) {
	op, known := t.operations[routeKey{c.Request().Method, c.Path()}]
	if !known {
		return "other", "other", op
	}
	return op.route.Method, op.route.Path, op
}

// traceRequests makes each request a span, in the trace of its caller.
func traceRequests(access accessTable, tracing *telemetry.Tracing) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			method, route, _ := access.named(c)
			ctx, end := tracing.Root(telemetry.Caller(r.Context(), r.Header), method+" "+route)
			c.SetRequest(r.WithContext(ctx))
			err := next(c)
			telemetry.Note(ctx, attribute.Int("http.response.status_code", c.Response().Status))
			end(err)
			return err
		}
	}
}

// saneRequestID says whether id may be repeated in an answer and in the log.
func saneRequestID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// recoverPanics turns a panic into a 500. [http.ErrAbortHandler] passes: it means that the connection is to be cut.
func recoverPanics(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				switch cause := recover(); cause {
				case nil:
				case http.ErrAbortHandler:
					panic(cause)
				default:
					log.ErrorContext(c.Request().Context(), "panic", "route", c.Path(), "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
					if c.Response().Committed {
						// Half an answer is out already; only cutting the connection shows that it is not whole.
						panic(http.ErrAbortHandler)
					}
					err = fmt.Errorf("panic: %v", cause)
				}
			}()
			return next(c)
		}
	}
}

// subject is what a request turned out to be about, for its line in the log.
type subject struct{ session string }

// subjectKey is the key of the [subject] in a context.
type subjectKey struct{}

// concerns notes that the request of ctx is about the session with that id.
func concerns(ctx context.Context, sessionID string) {
	if about, ok := ctx.Value(subjectKey{}).(*subject); ok {
		about.session = sessionID
	}
}

// accessLog writes one line per request: never a header, a query or a body, which may hold secrets. It answers with
// the error, if there is one, so that the line has the status that was sent.
func accessLog(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			began, whole := time.Now(), false
			var about subject
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), subjectKey{}, &about)))
			defer func() {
				r, w := c.Request(), c.Response()
				principal, _ := auth.FromContext(r.Context())
				path := r.URL.Path
				if len(path) > maxLoggedPath {
					path = path[:maxLoggedPath]
				}
				line := [...]slog.Attr{
					slog.String("method", r.Method), slog.String("path", path), slog.Int("status", w.Status), slog.Int64("bytes", w.Size),
					slog.Duration("took", time.Since(began)), slog.Bool("whole", whole), slog.String("subject", principal.Subject),
					slog.String("remote", c.RealIP()), slog.String("session", about.session),
				}
				attrs := line[:]
				if about.session == "" {
					attrs = line[:len(line)-1]
				}
				log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
			}()
			if err := next(c); err != nil {
				c.Error(err)
			}
			whole = true
			return nil
		}
	}
}

// limitBodies refuses bodies that are too large or not JSON. A body of unknown length is cut where it gets too large.
func limitBodies(access accessTable, usual int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, limit := c.Request(), usual
			op := access.operations[routeKey{r.Method, c.Path()}]
			if op.body != nil {
				limit = op.body.MaxBytes
			}
			if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
				return next(c)
			}
			if r.ContentLength > limit {
				return bodyTooLarge(limit)
			}
			kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
			switch {
			case op.takesFile(): // its content decides what it is
				if kind != echo.MIMEMultipartForm {
					r.Header.Set(echo.HeaderContentType, fileBody)
				}
			case op.takesLines():
				if err != nil || kind != ndjson || !packing.Known(r.Header.Get(echo.HeaderContentEncoding)) {
					return fault.New(fault.Unsupported, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type",
						"Send the body as %s, plain or with Content-Encoding zstd or gzip.", ndjson)
				}
			case err != nil || kind != echo.MIMEApplicationJSON || r.Header.Get(echo.HeaderContentEncoding) != "":
				return fault.New(fault.Unsupported, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type",
					"Send the body as plain JSON, with the header Content-Type: application/json.")
			}
			r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
			return next(c)
		}
	}
}

// unpackBodies decompresses bodies of lines, of callers that may send them.
func unpackBodies(access accessTable) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if op := access.operations[routeKey{r.Method, c.Path()}]; !op.takesLines() {
				return next(c)
			}
			body, err := unpackLines(r.Body, r.Header.Get(echo.HeaderContentEncoding))
			if err != nil {
				return err
			}
			defer body.Close() //nolint:errcheck // it returns none
			r.Body = body
			return next(c)
		}
	}
}

// limitTime ends whatever takes too long, so that a hanging database becomes an answer. A node's page and an event
// stream may be long; their deadlines roll instead.
func limitTime(access accessTable, limit time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			op, known := access.operations[routeKey{r.Method, c.Path()}]
			if !known || op.streams() || op.takesFile() {
				return next(c)
			}
			ctx, cancel := context.WithTimeout(r.Context(), limit)
			defer cancel()
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// streams says whether the operation answers with a stream, of lines or of events.
func (o operation) streams() bool { return o.answers(ndjson) || o.answers(eventStream) }

// answers says whether the operation answers with that media type.
func (o operation) answers(kind string) bool {
	ok := o.route.Operation.Responses.Value("200")
	return ok != nil && ok.Value.Content[kind] != nil
}
