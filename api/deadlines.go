package api

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// rollingDeadlines cuts a connection whose client neither sends its body nor takes the answer for the time stall, and
// lets one live, however long, that moves.
func rollingDeadlines(stall time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			control := http.NewResponseController(c.Response().Writer)
			r := c.Request()
			if r.Body != nil && r.Body != http.NoBody {
				r.Body = &deadlineBody{ReadCloser: r.Body, control: control, stall: stall}
			}
			c.Response().Writer = &deadlineWriter{ResponseWriter: c.Response().Writer, control: control, stall: stall}
			return next(c)
		}
	}
}

// deadlineBody moves the connection's read deadline with every read, and lifts it at the end of the body: the server
// goes on reading to notice that the client has gone, and must not take our patience for that.
type deadlineBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
}

// Read reads at most stall long.
func (b *deadlineBody) Read(p []byte) (int, error) {
	// A writer without deadlines, as in tests, has no slow clients.
	_ = b.control.SetReadDeadline(time.Now().Add(b.stall))
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// deadlineWriter moves the connection's write deadline with every write.
type deadlineWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

// WriteHeader gives the header stall to leave: an answer without a body has no Write.
func (w *deadlineWriter) WriteHeader(status int) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.stall))
	w.ResponseWriter.WriteHeader(status)
}

// Write writes at most stall long.
func (w *deadlineWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.stall))
	return w.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (w *deadlineWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
