package peer

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"
)

// endless always has a check to hand out.
type endless struct{}

func (endless) DuePeer(context.Context, time.Duration, time.Duration) (string, bool, error) {
	return "branch-2", true, nil
}

// hanging is a Prober that never answers.
type hanging struct {
	at, most atomic.Int64
	begun    chan struct{}
}

func (h *hanging) Probe(ctx context.Context, _ Target) (Answer, error) {
	now := h.at.Add(1)
	defer h.at.Add(-1)
	for most := h.most.Load(); now > most && !h.most.CompareAndSwap(most, now); most = h.most.Load() {
	}
	h.begun <- struct{}{}
	<-ctx.Done()
	return Answer{}, ctx.Err()
}

// TestChecksAreBounded: however many due peers are silent, only so many are checked at once, and a checker that is told to
// stop does not wait for them.
func TestChecksAreBounded(t *testing.T) {
	t.Parallel()
	h := &hanging{begun: make(chan struct{}, 100)}
	r, _, _ := testRegistry(t)
	r.prober = h
	mustAdd(t, r, "token")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		NewChecker(r, endless{}, time.Minute, slog.New(slog.DiscardHandler)).Run(ctx)
		close(ended)
	}()
	for range checksAtOnce {
		select {
		case <-h.begun:
		case <-time.After(time.Minute):
			t.Fatal("the checks do not start")
		}
	}
	stop()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the checker does not end")
	}
	if most := h.most.Load(); most != checksAtOnce || h.at.Load() != 0 {
		t.Errorf("%d checks at once, want %d", most, checksAtOnce)
	}
}

// TestCheckWithoutTokenIsRecorded: a peer that cannot even be asked is not online, and LastError says why.
func TestCheckWithoutTokenIsRecorded(t *testing.T) {
	t.Parallel()
	r, m, _ := testRegistry(t)
	mustAdd(t, r, "")
	found, err := r.Check(t.Context(), "branch-2")
	if err != nil || found.Problem == "" || len(m.touched) != 1 || m.touched[0] != "branch-2: "+found.Problem {
		t.Errorf("%+v, %v, kept %q", found, err, m.touched)
	}
}

func TestOnline(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *time.Duration { return &d }
	for _, c := range []struct {
		p     Peer
		every time.Duration
		want  bool
	}{
		{Peer{LastSeenAgo: ago(2 * time.Second)}, time.Second, true},
		{Peer{LastSeenAgo: ago(2*time.Second + 1)}, time.Second, false},
		{Peer{LastSeenAgo: ago(0), LastError: "It does not answer."}, time.Second, false},
		{Peer{}, time.Second, false},
		{Peer{LastSeenAgo: ago(time.Minute)}, 0, true},
		{Peer{LastSeenAgo: ago(time.Minute + 1)}, 0, false},
	} {
		if got := c.p.Online(c.every); got != c.want {
			t.Errorf("%+v with %s: %v", c.p, c.every, got)
		}
	}
}
