package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

const (
	catalogName = "main"
	heartbeat   = time.Second
	staleAfter  = 3 * time.Second
	maxDeletes  = 15
)

// node is one database and the processes on it.
type node struct {
	world  *world
	id     string
	db     *store.Store
	engine *engine
	diary  *diary

	mu        sync.Mutex
	processes []*process
	// away says that the database does not answer.
	away bool
	// batches are the fences of those that committed them.
	batches map[batch]int64
}

// state is what has become of a process.
type state int

const (
	running state = iota
	frozen
	dead
)

func (s state) String() string { return [...]string{"running", "frozen", "dead"}[s] }

// process is one replica of a node. It freezes or dies at a call to its database or to another node.
type process struct {
	node     *node
	name     string
	worker   *syncer.Worker
	service  *syncer.Service
	receiver *syncer.Receiver

	mu    sync.Mutex
	state state
	thaw  chan struct{}
	// fuse, while it is not 0, is at which call from now on the process becomes next.
	fuse int
	next state
	// ambush has the process freeze before its next batch, until that is no longer its to write.
	ambush bool
}

var errGone = errors.New("the process is gone")

// boot starts a process in place of number i, or one more.
func (n *node) boot(i int) {
	w := n.world
	w.mu.Lock()
	w.booted++
	p := &process{node: n, name: fmt.Sprintf("%s/%d", n.id, w.booted), thaw: make(chan struct{})}
	w.mu.Unlock()
	cfg := syncer.Config{
		NodeID: n.id, Worker: p.name, BatchSize: 5, MaxDeletes: maxDeletes, MaxDeletePercent: 100, PushReaders: 2,
		HeartbeatInterval: heartbeat, BatchTimeout: 5 * time.Second, SessionTimeout: 10 * time.Minute, ResumeWithin: time.Hour,
		Limits: session.Limits{
			StaleAfter: staleAfter, TakeoverWithin: 3 * heartbeat, HeartbeatInterval: heartbeat, StalledAfter: time.Minute, IdleAfter: time.Minute,
			KeepChanges: time.Hour,
		},
		Backoff: transfer.Backoff{Tries: 6, First: 200 * time.Millisecond, Most: 2 * time.Second},
		Sizes:   transfer.Sizes{Coarse: 6, Fine: 2, Window: 2}, MaxFruitlessTakeovers: 5, Logger: slog.New(slog.DiscardHandler),
	}
	ledger := &ledger{n.db, p}
	target := func(to peer.Target, s session.Session) (syncer.Target, error) {
		return &link{from: p, to: w.node(to.NodeID), id: s.ID}, nil
	}
	p.worker = syncer.NewWorker(cfg, ledger, peers{}, n.engine, syncer.Ends{
		Target: target, Local: func(name string, _ bool) syncer.LocalSide { return n.db.Side(name) },
		Source: func(to peer.Target, s session.Session) (transfer.Source, error) {
			return &link{from: p, to: w.node(to.NodeID), id: s.ID}, nil
		},
	})
	targets := syncer.NewTargets(ledger, peers{}, target)
	p.service = syncer.New(cfg, n.db, peers{}, n.engine, targets)
	p.receiver = syncer.NewReceiver(cfg, ledger, n.engine)
	n.mu.Lock()
	if i < len(n.processes) {
		n.processes[i] = p
	} else {
		n.processes = append(n.processes, p)
	}
	n.mu.Unlock()
	w.background.Go(func() { syncer.NewWatcher(cfg, ledger, n.engine, n.engine).Run(w.ctx) })
	w.background.Go(func() { syncer.NewConfirmer(cfg, targets).Run(w.ctx) })
	w.background.Go(func() {
		<-w.ctx.Done()
		_ = p.worker.Shutdown(context.Background())
	})
}

// living returns one of the processes that run, nil where there is none.
func (n *node) living(fate *rand.Rand) *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range fate.Perm(len(n.processes)) {
		if n.processes[i].is() == running {
			return n.processes[i]
		}
	}
	return nil
}

func (p *process) is() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// become changes what has become of a process; a dead one stays dead.
func (p *process) become(next state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(next)
}

func (p *process) turn(next state) {
	if p.state == dead || p.state == next {
		return
	}
	p.node.world.tell("%s is %s", p.name, next)
	p.state = next
	if next != frozen {
		close(p.thaw)
		p.thaw = make(chan struct{})
	}
}

// light has the process become next at a later call.
func (p *process) light(calls int, next state) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fuse, p.next = calls, next
}

// pass is what every call of the process goes through, before and after. A frozen one stays in it until it is thawed, and then goes on as if
// nothing had happened: it has not noticed yet that its time is over. A dead one never returns.
func (p *process) pass(ctx context.Context) (context.Context, error) {
	slept := false
	for {
		state, thaw := p.arrive()
		switch {
		case p.node.world.over():
			return ctx, errGone
		case state == running && slept:
			return context.WithoutCancel(ctx), nil
		case state == running:
			return ctx, nil
		case state == dead:
			<-p.node.world.ended
			return ctx, errGone
		}
		slept = true
		select {
		case <-thaw:
		case <-p.node.world.ended:
		}
	}
}

// arrive returns what has become of the process at this call, and what ends it.
func (p *process) arrive() (state, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fuse > 0 {
		if p.fuse--; p.fuse == 0 {
			p.turn(p.next)
		}
	}
	return p.state, p.thaw
}

// patienceOfAmbush is how long an ambush waits for the session to go on without the process.
const patienceOfAmbush = 20 * time.Second

// ambushed freezes a process that is about to write to a session at a node, if it was told to, and thaws it as soon as the session has gone on without
// it. So it does its best to write what is no longer its to write. Often somebody cancels the session meanwhile.
func (p *process) ambushed(at *node, held session.Session) {
	w := p.node.world
	fate := w.fate("ambush")
	p.mu.Lock()
	armed := p.ambush && fate.IntN(2) == 0 // or else at the next such place
	p.ambush = p.ambush && !armed
	p.mu.Unlock()
	if !armed || w.calm() {
		return
	}
	p.become(frozen)
	if fate.IntN(2) == 0 {
		w.cancelSoon(fate, at, held.ID)
	}
	w.background.Go(func() {
		for begun := time.Now(); time.Since(begun) < patienceOfAmbush && !w.over() && !w.calm(); w.sleep(100 * time.Millisecond) {
			row, _, err := at.db.GetSession(context.Background(), held.ID)
			if err != nil || row.Fence != held.Fence || row.PusherFence != held.PusherFence || row.BatchSeq != held.BatchSeq || !row.Status.Active() {
				break
			}
		}
		p.become(running)
	})
}

// batch is one of a session.
type batch struct {
	session string
	seq     int64
}

// committed notes who committed a batch.
func (n *node) committed(row session.Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.batches[batch{row.ID, row.BatchSeq}] = row.Fence
}

// peers knows every node.
type peers struct{}

// Target implements [syncer.Peers].
func (peers) Target(_ context.Context, nodeID string) (peer.Target, error) {
	return peer.Target{NodeID: nodeID}, nil
}

// Seen implements [syncer.Peers].
func (peers) Seen(context.Context, string, error) error { return nil }

// SawMark forgets.
func (peers) SawMark(context.Context, string, string) error { return nil }

// NoteFeed implements [syncer.Peers].
func (peers) NoteFeed(context.Context, peer.Target, peer.FeedSeen) error { return nil }
