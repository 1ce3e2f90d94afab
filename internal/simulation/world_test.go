package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/internal/store"
)

// world is one story.
type world struct {
	*testing.T
	seed uint64
	// rand is the people's and the weather's; nobody else draws from it, so that it does not depend on who is scheduled first.
	rand  *rand.Rand
	nodes []*node
	// ctx ends the watchers, ended everything else.
	ctx        context.Context
	ended      chan struct{}
	background sync.WaitGroup

	mu     sync.Mutex
	begun  time.Time
	story  []string
	counts map[string]uint64
	booted int
	cut    map[*node]bool
	quiet  bool
	claims []claim
	// sent is the highest number of a batch that each push has sent.
	sent map[string]int64
}

func (w *world) noteSent(id string, seq int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent[id] = max(w.sent[id], seq)
}

// hasSent says whether a push itself has sent a batch of that number.
func (w *world) hasSent(id string, seq int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent[id] >= seq
}

// claim is what an answer has promised about a session at its target.
type claim struct {
	session  string
	at       *node
	lastLine int64
	what     promise
}

// promise is what does not happen any more.
type promise int

const (
	// everything: not even the opening.
	everything promise = iota
	// batches: an opening that is late occupies the catalog, and its lease runs out; a target that was away ends the session late.
	batches
)

// template makes a database that every node of every story begins with a copy of.
func template(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Options{SQLitePath: filepath.Join(dir, "node.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), func(context.Context) error { return nil }, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.SQL().ExecContext(t.Context(), diarySchema+"PRAGMA wal_checkpoint(TRUNCATE);"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newNode opens a node's database; nothing runs on it yet.
func (w *world) newNode(from, id string) {
	dir := w.TempDir()
	for _, name := range []string{"node.db", "fullsync.reserve"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if name == "fullsync.reserve" {
			err = os.Link(filepath.Join(from, name), filepath.Join(dir, name))
		} else if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	db, err := store.Open(w.Context(), store.Options{SQLitePath: filepath.Join(dir, "node.db")})
	if err != nil {
		w.Fatal(err)
	}
	n := &node{world: w, id: id, db: db, diary: newDiary(), batches: map[batch]int64{}}
	n.engine = &engine{node: n}
	w.nodes = append(w.nodes, n)
}

func (w *world) node(id string) *node {
	for _, n := range w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// fate is what becomes of one event: by the seed, by what it is, and by how often there was one like it.
func (w *world) fate(what string) *rand.Rand {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, what, w.counts[what])
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

func (w *world) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, fmt.Sprintf("%8.3f ", time.Since(w.begun).Seconds())+fmt.Sprintf(format, args...))
}

// wrong ends the story as a failure, once.
func (w *world) wrong(format string, args ...any) {
	w.tell("WRONG: "+format, args...)
	w.Fail()
}

func (w *world) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.story, "\n")
}

func (w *world) over() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func (w *world) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ended:
	}
}

func (w *world) calm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.quiet
}

// isCut says whether one of two nodes is cut off from the network.
func (w *world) isCut(a, b *node) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[a] || w.cut[b]
}
