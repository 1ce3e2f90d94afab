package app_test

import (
	"context"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/nodetest"
	"fullsync/internal/transfer"
)

// TestFrozenWorkerOfANode freezes the worker of a whole node while it holds a page that it has read, so that neither the
// engine's abort nor a missed heartbeat reaches it. The cancel does not wait for it, the next session runs beside it, and
// nothing that it brings when it thaws is written.
func TestFrozenWorkerOfANode(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		f := &freezer{at: 4, frozen: make(chan struct{}), thaw: make(chan struct{}), closed: make(chan struct{})}
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{Options: app.Options{WrapSource: f.wrap}})
		release := sync.OnceFunc(func() { close(f.thaw) })
		t.Cleanup(release) // before the nodes stop, because they wait for their workers
		size := 10
		pull := nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}}
		s := pair.Main.Pull(pull)
		nodetest.Await(t, "the worker holding page 4", f.frozen)
		s = pair.Main.WaitFor(s.SessionId, "three batches", func(s spec.Session) bool { return s.TransferredRecords == 30 })

		cancelled := pair.Main.Cancel(s, "it hangs").Session
		if cancelled.Status != spec.CANCELLED || cancelled.TransferredRecords != 30 || pair.Main.Count("main") != 30 {
			t.Fatalf("cancelled with %d products here: %s", pair.Main.Count("main"), nodetest.Show(cancelled))
		}
		next := pair.Main.Sync(pull)
		if next.Unchanged != 30 || next.Created != 70 {
			t.Errorf("the next session: %s", nodetest.Show(next))
		}
		before := pair.Main.Products("main")

		release()
		nodetest.Await(t, "the end of the released worker", f.closed)
		after := pair.Main.Products("main")
		for i := range before {
			if len(after) != len(before) || after[i] != before[i] {
				t.Fatalf("the released worker wrote: %d products, %+v; before %d, %+v", len(after), after[i], len(before), before[i])
			}
		}
		if now := pair.Main.Session(s.SessionId); nodetest.Show(now) != nodetest.Show(cancelled) {
			t.Errorf("the cancelled session changed:\n now %s\nthen %s", nodetest.Show(now), nodetest.Show(cancelled))
		}
	})
}

// freezer wraps the first source it gets: it reads page number at, and then holds it until thaw is closed, whatever happens to
// the context.
type freezer struct {
	once                 sync.Once
	at                   int
	frozen, thaw, closed chan struct{}
}

func (f *freezer) wrap(src transfer.Source) transfer.Source {
	f.once.Do(func() { src = &frozenSource{Source: src, freezer: f} })
	return src
}

type frozenSource struct {
	transfer.Source
	*freezer
	reads int
}

// Read reads a page, and holds it if it is the one to hold.
func (s *frozenSource) Read(ctx context.Context, after string, limit int) (transfer.Page, error) {
	page, err := s.Source.Read(ctx, after, limit)
	if s.reads++; s.reads == s.at {
		close(s.frozen)
		<-s.thaw
	}
	return page, err
}

// Close reports that the worker has ended.
func (s *frozenSource) Close() error {
	err := s.Source.Close()
	close(s.closed)
	return err
}
