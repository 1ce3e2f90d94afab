package node

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestEverythingThatComesIsASign: an answer is one, whatever it says, and so is every piece of a page.
func TestEverythingThatComesIsASign(t *testing.T) {
	t.Parallel()
	s := open(t, nowhere, nil)
	if _, err := s.Read(t.Context(), "", 10); err == nil || !s.LastSign().IsZero() {
		t.Errorf("a sign at %s from where nobody is, %v", s.LastSign(), err)
	}
	begun := time.Now()
	s = open(t, serve(t, status(http.StatusServiceUnavailable, nil)).URL, nil)
	if _, err := s.Read(t.Context(), "", 10); err == nil || s.LastSign().Before(begun) {
		t.Errorf("a sign at %s of a peer that answers with 503, %v", s.LastSign(), err)
	}

	// The page comes in pieces, each once the one before has been noticed.
	next := make(chan struct{})
	s = open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", typeNDJSON)
		for _, piece := range []string{product("a") + "\n", product("b")[:10], product("b")[10:] + "\n", end(2, "") + "\n"} {
			_, _ = io.WriteString(w, piece)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
			}
		}
	}).URL, nil)
	read := make(chan error, 1)
	go func() { _, err := s.Read(t.Context(), "", 10); read <- err }()
	before := time.Time{}
	for piece := range 4 {
		deadline, tick := time.After(30*time.Second), time.NewTicker(time.Millisecond)
		for !s.LastSign().After(before) {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("piece %d was not heard", piece)
			}
		}
		tick.Stop()
		before = time.Now() // anything after this is the next piece
		next <- struct{}{}
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}
