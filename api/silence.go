package api

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"fullsync/internal/fault"
)

// answerWithin is how long the database may take to answer the question whether it answers, and the pause between two of them.
const answerWithin = time.Second

// watchDatabase ends a request whose database has fallen silent, so that a person has an answer within seconds. A request
// that takes longer than patience is not ended for that: the database may have much to do. From then on it is asked every
// second whether it answers at all, and the first time it does not, the request ends with what it said. A stream has
// deadlines of its own.
func watchDatabase(access accessTable, answers func(context.Context) error, patience time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if op, known := access.operations[routeKey{r.Method, c.Path()}]; known && op.streams() {
				return next(c)
			}
			ctx, cancel := context.WithCancelCause(r.Context())
			defer cancel(nil)
			watch := time.AfterFunc(patience, func() { untilSilent(ctx, cancel, answers) })
			defer watch.Stop()
			c.SetRequest(r.WithContext(ctx))
			err := next(c)
			if silent := silence(ctx); err != nil && silent != nil && fault.KindOf(err) == fault.Internal {
				return silent
			}
			return err
		}
	}
}

// untilSilent asks the database whether it answers until it does not, which ends ctx, or until ctx ends.
func untilSilent(ctx context.Context, cancel context.CancelCauseFunc, answers func(context.Context) error) {
	tick := time.NewTicker(answerWithin)
	defer tick.Stop()
	for {
		bounded, stop := context.WithTimeout(ctx, answerWithin)
		err := answers(bounded)
		stop()
		if ctx.Err() != nil {
			return
		}
		if fault.KindOf(err) == fault.Unavailable {
			cancel(err)
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// silence returns with what a request was ended because the database did not answer, nil where it was not.
func silence(ctx context.Context) error {
	var known *fault.Error
	if cause := context.Cause(ctx); errors.As(cause, &known) {
		return cause
	}
	return nil
}
