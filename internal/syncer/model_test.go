package syncer_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

// The flags of the model test. They are package state because the command line is what they belong to.
var (
	modelLong = flag.Bool("model.long", false, "run the model of the session state machine for many more steps")
	modelSeed = flag.Uint64("model.seed", 0, "seed of the model test; 0 makes one up")
)

// model is what the tables should hold, in memory, by the simplest rules that can be written down.
type model struct {
	// sessions are all there ever were, by id; active is the id of the one that is not finished, "" for none.
	sessions map[string]*modelled
	order    []string
	active   string
	// products are what the catalog holds, as the name of the session and batch that wrote each.
	products map[string]string
}

// modelled is one session.
type modelled struct {
	status  session.Status
	fence   int64
	seq     int64
	claimed bool
	silent  bool
	created int64
	updated int64
	// progress is the highest that was seen.
	progress  int
	attempts  int
	takeovers int
	// finished is the row as it was at its end; nothing may change it any more.
	finished *session.Session
}

// actor is a worker with what it remembers of its last claim, however outdated.
type actor struct {
	name string
	row  session.Session
}

// play is one run of the model against a database.
type play struct {
	*watched
	t      *testing.T
	rand   *rand.Rand
	model  model
	actors []*actor
	// trail is what was done, for when it goes wrong.
	trail   []string
	service *syncer.Service
}

// TestModelOfTheStateMachine plays random interleavings of everything that several actors can do to the sessions of one
// catalog, predicts every outcome, and checks the invariants after each step.
func TestModelOfTheStateMachine(t *testing.T) {
	steps := 600
	switch {
	case *modelLong:
		steps = 20_000
	case testing.Short():
		steps = 150
	}
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	onBoth(t, func(t *testing.T, w *watched) {
		p := &play{
			watched: w, t: t, rand: rand.New(rand.NewPCG(seed, 1)),
			model:   model{sessions: map[string]*modelled{}, products: map[string]string{}},
			actors:  []*actor{{name: "main-1"}, {name: "main-2"}, {name: "main-3"}},
			service: syncer.New(syncer.Config{Logger: w.cfg.Logger, ResumeWithin: time.Hour}, w.Store, nil, w.queue, nil),
		}
		for n := range steps {
			p.step()
			if t.Failed() {
				t.Fatalf("step %d with -model.seed=%d, after:\n%v", n, seed, p.trail[max(0, len(p.trail)-25):])
			}
		}
		ends := map[session.Status]int{}
		takeovers := 0
		for _, m := range p.model.sessions {
			ends[m.status]++
			takeovers += m.takeovers
		}
		t.Logf("%d steps with -model.seed=%d: %d sessions %v, %d takeovers", steps, seed, len(p.model.order), ends, takeovers)
	})
}

// step does one random thing and checks everything. What moves a session on is likelier than what ends it.
func (p *play) step() {
	p.t.Helper()
	a := p.actors[p.rand.IntN(len(p.actors))]
	for range p.rand.IntN(6) { // the one that holds the session has the most to do
		if _, holds := p.holds(a); holds {
			break
		}
		a = p.actors[p.rand.IntN(len(p.actors))]
	}
	moves := []struct {
		weight int
		name   string
		do     func(*actor)
	}{
		{12, "start", p.start}, {1, "replace", p.replace}, {14, "claim", p.claim}, {24, "advance", p.advance}, {50, "commit", p.commit},
		{8, "heartbeat", p.heartbeat}, {4, "held", p.held}, {4, "wait", p.wait}, {14, "stale", p.stale}, {20, "take over", p.takeOver},
		{6, "release", p.release}, {2, "fail", p.fail}, {8, "finish", p.finish}, {1, "fail lost", p.failLost},
		{1, "cancel", p.cancel}, {1, "cancel one that ended", p.cancelAny}, {2, "enqueue again", p.reenqueue}, {2, "resume", p.resume},
	}
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	pick := p.rand.IntN(total)
	for _, m := range moves {
		if pick -= m.weight; pick < 0 {
			p.trail = append(p.trail, fmt.Sprintf("%s %s (session %s fence %d)\n", a.name, m.name, a.row.ID, a.row.Fence))
			m.do(a)
			break
		}
	}
	p.check()
}

// any is the id of a session, the active one in half of the cases.
func (p *play) any() string {
	if len(p.model.order) == 0 {
		return ""
	}
	if p.model.active != "" && p.rand.IntN(4) > 0 {
		return p.model.active
	}
	return p.model.order[p.rand.IntN(len(p.model.order))]
}

func (p *play) current() *modelled { return p.model.sessions[p.model.active] }

func (p *play) ended(id string, status session.Status) {
	m := p.model.sessions[id]
	m.status, m.claimed = status, false
	row, _, err := p.GetSession(context.Background(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	m.finished = &row
	p.model.active = ""
}

// expect compares an outcome that is no error with the one that the model predicts.
func (p *play) expect(what string, got bool, err error, want bool) {
	p.t.Helper()
	if err != nil || got != want {
		p.t.Errorf("%s: %v, %v; the model says %v", what, got, err, want)
	}
}

// fenced compares the outcome of a guarded write with the one that the model predicts: allowed, or ErrFenced.
func (p *play) fenced(what string, err error, allowed bool) {
	p.t.Helper()
	if allowed && err != nil || !allowed && !errors.Is(err, transfer.ErrFenced) {
		p.t.Errorf("%s: %v; the model says allowed %v", what, err, allowed)
	}
}

// check compares the tables with the model and looks at the invariants. Sessions that ended long ago are looked at one
// at a time, in turns.
func (p *play) check() {
	p.t.Helper()
	rows, _, err := p.FindSessions(p.t.Context(), syncer.Query{Statuses: session.ActiveStatuses()})
	if err != nil {
		p.t.Fatal(err)
	}
	switch {
	case len(rows) > 1:
		p.t.Errorf("%d active sessions", len(rows))
	case len(rows) == 0 && p.model.active != "" || len(rows) == 1 && rows[0].ID != p.model.active:
		p.t.Errorf("active: %+v; the model says %q", rows, p.model.active)
	case len(rows) == 1:
		p.same(rows[0], p.current())
	}
	if n := len(p.model.order); n > 0 {
		p.unchanged(p.model.order[p.rand.IntN(n)])
		p.unchanged(p.model.order[max(0, n-2)])
	}
	held := map[string]string{}
	err = p.ReadPage(p.t.Context(), "main", "", 1000, func(found *catalog.Product) error {
		held[found.ID] = found.Name
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if !reflect.DeepEqual(held, p.model.products) {
		p.t.Errorf("the catalog holds %v; the model says %v", held, p.model.products)
	}
}

// same compares an active session with its model.
func (p *play) same(row session.Session, m *modelled) {
	p.t.Helper()
	if row.Status != m.status || row.Fence != m.fence || row.BatchSeq != m.seq || row.Attempts != m.attempts || (row.Worker != "") != m.claimed ||
		row.Created != m.created || row.Updated != m.updated || row.TransferredRecords != 3*m.seq || row.Progress < m.progress || row.Progress == 100 {
		p.t.Errorf("the row is %+v; the model says %+v", row, m)
	}
	m.progress = row.Progress
}

// unchanged checks that nothing has touched a session since its end.
func (p *play) unchanged(id string) {
	p.t.Helper()
	m := p.model.sessions[id]
	if m.finished == nil {
		return
	}
	row, _, err := p.GetSession(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	if !reflect.DeepEqual(row, *m.finished) {
		p.t.Errorf("changed after its end: %+v, then %+v", *m.finished, row)
	}
	if row.Status != m.status || row.BatchSeq != m.seq || row.Created+row.Updated+row.Unchanged != 3*m.seq || (row.Progress == 100) != (row.Status == session.Completed) {
		p.t.Errorf("the finished row is %+v; the model says %+v", row, m)
	}
}
