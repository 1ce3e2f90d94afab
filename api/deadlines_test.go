package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// deadlines records what a connection was told.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = append(d.read, at)
	return nil
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.write = append(d.write, at)
	return nil
}

// TestReadDeadlineIsLiftedAfterTheBody: patience with the body must not end a request that is being worked on.
func TestReadDeadlineIsLiftedAfterTheBody(t *testing.T) {
	t.Parallel()
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	body := &deadlineBody{
		ReadCloser: io.NopCloser(strings.NewReader("body")), control: http.NewResponseController(d), stall: time.Hour,
	}
	if _, err := body.Read(make([]byte, 2)); err != nil || len(d.read) != 1 || time.Until(d.read[0]) <= 0 {
		t.Errorf("%v, deadlines %v", err, d.read)
	}
	if _, err := io.ReadAll(body); err != nil || !d.read[len(d.read)-1].IsZero() {
		t.Errorf("%v, deadlines %v", err, d.read)
	}
}

func TestEveryWriteMovesTheDeadline(t *testing.T) {
	t.Parallel()
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	w := &deadlineWriter{ResponseWriter: d, control: http.NewResponseController(d), stall: time.Hour}
	w.WriteHeader(http.StatusOK)
	for range 2 {
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.write) != 3 || d.write[2].Before(d.write[0]) {
		t.Errorf("deadlines %v", d.write)
	}
}
