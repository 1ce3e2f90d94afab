package store

import (
	"context"
	"runtime"
	"sync"
)

// together lets everybody who asks the same thing at the same time share one reading of it: many pages poll the status of
// the same sync. Nobody gets an answer that is older than the question, because a reading is only shared by those who asked
// before it began. While one runs, the others who come wait together for the next.
type together[T any] struct {
	mu sync.Mutex
	// running and next are the readings of a key that have begun, and those that will begin when they end.
	running, next map[string]*reading[T]
}

// reading is one answer for all who wait for done.
type reading[T any] struct {
	done   chan struct{}
	answer T
	err    error
	// given is false if whoever was to read gave up; the others then ask again.
	given bool
}

// ask returns what read returns. The answer is shared, so nobody may change it.
func (t *together[T]) ask(ctx context.Context, key string, read func(context.Context) (T, error)) (answer T, err error) {
	for {
		mine, before, leads := t.join(key)
		if leads {
			return t.lead(ctx, key, mine, before, read)
		}
		select {
		case <-mine.done:
			if mine.given {
				return mine.answer, mine.err
			}
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
}

// join returns the next reading of key. The first to join it leads it: it has to wait until the one before ends (nil where
// none is running) and to read for all.
func (t *together[T]) join(key string) (mine, before *reading[T], leads bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if waiting := t.next[key]; waiting != nil {
		return waiting, nil, false
	}
	if t.running == nil {
		t.running, t.next = map[string]*reading[T]{}, map[string]*reading[T]{}
	}
	mine = &reading[T]{done: make(chan struct{})}
	t.next[key] = mine
	return mine, t.running[key], true
}

func (t *together[T]) lead(ctx context.Context, key string, mine, before *reading[T], read func(context.Context) (T, error)) (answer T, err error) {
	defer t.end(key, mine)
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
	// Whoever is about to ask as well, because the same answer woke them or they came at the same moment, joins.
	runtime.Gosched()
	t.begin(key, mine)
	answer, err = read(ctx)
	mine.answer, mine.err = answer, err
	mine.given = err == nil || ctx.Err() == nil
	return answer, err
}

// begin says that nobody may join the reading any more.
func (t *together[T]) begin(key string, mine *reading[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.next, key)
	t.running[key] = mine
}

// end tells those who joined the reading that it has ended, or will not begin.
func (t *together[T]) end(key string, mine *reading[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, readings := range []map[string]*reading[T]{t.running, t.next} {
		if readings[key] == mine {
			delete(readings, key)
		}
	}
	close(mine.done)
}
