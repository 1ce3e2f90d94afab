package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/telemetry"
)

// statuses is the HTTP status of every kind of fault.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.Impossible:      http.StatusUnprocessableEntity,
	fault.TooMany:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

const (
	// retryAfter is how long a client is asked to wait after a 429 or 503 that does not know better.
	retryAfter = 5 * time.Second
	// statusClientGone marks in the log what nobody waited for.
	statusClientGone = 499
)

// errorWriter answers with errors: the one place that turns them into status codes and bodies.
type errorWriter struct{ log *slog.Logger }

// write is Echo's error handler.
func (w errorWriter) write(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	r := c.Request()
	if errors.Is(r.Context().Err(), context.Canceled) && errors.Is(err, context.Canceled) && silence(r.Context()) == nil {
		c.Response().Status = statusClientGone
		return
	}
	status, body := describe(r.Context(), err)
	h := c.Response().Header()
	switch status {
	case http.StatusInternalServerError:
		id := h.Get(echo.HeaderXRequestID)
		w.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "route", c.Path(), "error", err)
		body = internalError(id, telemetry.TraceID(r.Context()))
	case http.StatusUnauthorized:
		h.Set(echo.HeaderWWWAuthenticate, challenge(r))
	case http.StatusPreconditionFailed:
		if unmet := (*preconditionError)(nil); errors.As(err, &unmet) && unmet.etag != nil {
			h.Set(headerETag, *unmet.etag)
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set(echo.HeaderRetryAfter, retryAfterOf(err))
		w.log.WarnContext(r.Context(), "request refused", "route", c.Path(), "error", err)
	}
	if err := c.JSON(status, body); err != nil {
		w.log.DebugContext(r.Context(), "error not delivered", "error", err)
	}
}

// retryAfterOf is the header Retry-After: whole seconds, rounded up.
func retryAfterOf(err error) string {
	wait := retryAfter
	var known *fault.Error
	if errors.As(err, &known) && known.RetryAfter > 0 {
		wait = known.RetryAfter
	}
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}

// describe returns the status and the body of err, for the request of ctx.
func describe(ctx context.Context, err error) (status int, body any) {
	var (
		running  *syncer.RunningError
		finished *syncer.FinishedError
		inUse    *peer.InUseError
		unmet    *preconditionError
		count    *catalog.CountError
		known    *fault.Error
		tooLarge *http.MaxBytesError
		routing  *echo.HTTPError
	)
	if body, ok := pushConflict(err); ok {
		return http.StatusConflict, body
	}
	switch {
	case errors.As(err, &running):
		concerns(ctx, running.Running.ID)
		return http.StatusConflict, inProgress(ctx, running)
	case errors.As(err, &finished):
		return http.StatusConflict, sessionFinished(finished)
	case errors.As(err, &inUse):
		return http.StatusConflict, peerInUse(inUse)
	case errors.As(err, &unmet):
		return http.StatusPreconditionFailed, errorBody(unmet.fault)
	case errors.As(err, &count):
		return http.StatusConflict, catalogChanged(count)
	case errors.As(err, &known):
		return statuses[known.Kind], errorBody(known)
	case errors.As(err, &tooLarge):
		return statuses[fault.TooLarge], errorBody(bodyTooLarge(tooLarge.Limit))
	case errors.Is(err, context.DeadlineExceeded):
		return statuses[fault.Unavailable], errorBody(fault.New(fault.Unavailable, "TIMEOUT", "Service unavailable",
			"The answer took too long, so it was given up. Try again in a few seconds."))
	case errors.As(err, &routing):
		return describeRouting(routing)
	}
	return http.StatusInternalServerError, nil
}

// describeRouting returns the status and the body of what Echo and the generated code refuse by themselves.
func describeRouting(err *echo.HTTPError) (status int, body any) {
	switch err.Code {
	case http.StatusNotFound:
		return err.Code, errorBody(fault.New(fault.NotFound, "NOT_FOUND", "Not found",
			"There is nothing at this address; %s shows what there is.", docsPath))
	case http.StatusMethodNotAllowed:
		return err.Code, errorBody(fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "Method not allowed",
			"This address does not take this method; the header Allow says which it takes."))
	case http.StatusBadRequest:
		return err.Code, errorBody(invalidRequest())
	}
	return http.StatusInternalServerError, nil
}

// invalidRequest is the 400 whose details say what is wrong.
func invalidRequest() *fault.Error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid request",
		"The request is not as described in %s.", docsPath)
}

// invalidField is the 400 for one field, named in its message too.
func invalidField(field, problem string) *fault.Error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid request", "%s %s.", field, problem).With(field, problem)
}

func bodyTooLarge(limit int64) *fault.Error {
	return fault.New(fault.TooLarge, "BODY_TOO_LARGE", "Request body too large",
		"The body is larger than %d bytes; send less.", limit)
}

func errorBody(err *fault.Error) spec.Error {
	body := spec.Error{Error: err.Title, Code: err.Code, Message: optional(err.Message)}
	if len(err.Details) > 0 {
		details := make([]spec.ErrorDetail, len(err.Details))
		for i, d := range err.Details {
			details[i] = spec.ErrorDetail{Field: d.Field, Problem: d.Problem}
		}
		body.Details = &details
	}
	return body
}

func internalError(requestID, traceID string) spec.Error {
	return spec.Error{
		Error: "Internal error", Code: "INTERNAL", RequestId: optional(requestID), TraceId: optional(traceID),
		Message: optional("Something went wrong in this node. Its log has the details under the requestId."),
	}
}

func inProgress(ctx context.Context, err *syncer.RunningError) spec.SyncInProgress {
	v := err.Running
	what := "synced from " + v.SourceNodeID
	if v.RevertOf != "" {
		what = "put back to what it was before session " + v.RevertOf
	}
	message := fmt.Sprintf("Catalog %s is being %s since %s. %s", v.Catalog, what, v.StartedAt.UTC().Format(time.RFC3339), wayOut(v))
	if err.Deleted > 0 {
		message += fmt.Sprintf(" Before it began, %d products had been deleted.", err.Deleted)
	}
	return spec.SyncInProgress{
		Error:       err.Error(),
		SessionId:   sessionID(v.ID),
		CurrentStep: v.CurrentStep,
		Progress:    v.Progress,
		Code:        "SYNC_IN_PROGRESS",
		Message:     message,
		Status:      spec.SessionStatus(v.Status),
		StartedAt:   v.StartedAt.UTC(),
		StartedBy:   v.StartedBy,
		Health:      healthOf(v),
		CancelUrl:   underPrefix(ctx, "/api/admin/sync/full-sync/cancel"),
	}
}

// wayOut says what can be done about a session that is in the way.
func wayOut(v session.View) string {
	if v.Health.Verdict == session.Dead {
		return "Its worker gives no sign of life, and another one takes it over soon. Wait for that, or cancel it."
	}
	return "Wait for it to finish, or cancel it."
}

func sessionFinished(err *syncer.FinishedError) spec.SessionFinished {
	return spec.SessionFinished{
		Error:     "Cannot cancel sync",
		Message:   err.Error(),
		Code:      "SESSION_FINISHED",
		SessionId: sessionID(err.Finished.ID),
		Status:    spec.SessionStatus(err.Finished.Status),
	}
}

func peerInUse(err *peer.InUseError) spec.PeerInUse {
	return spec.PeerInUse{Error: "Peer is in use", Code: "PEER_IN_USE", Message: err.Error(), SessionId: sessionID(err.SessionID)}
}

// challenge tells a client how to authenticate, and whether what it sent was the trouble (RFC 6750).
func challenge(r *http.Request) string {
	if r.Header.Get(echo.HeaderAuthorization) == "" {
		return `Bearer realm="fullsync"`
	}
	return `Bearer realm="fullsync", error="invalid_token"`
}

// sessionID returns the id as the document's type; ids in the database are UUIDs.
func sessionID(id string) spec.SessionID { return parsedID(id) }
