package syncer_test

import (
	"errors"
	"fmt"
	"time"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/transfer"
)

func (p *play) fresh() session.Session {
	return session.Session{
		ID: fmt.Sprintf("s%d", len(p.model.order)+1), Catalog: "main", PeerID: "branch", SourceNodeID: "branch",
		Status: session.Preparing, Phase: session.PhaseQueued,
	}
}

// begun adds a session to the model.
func (p *play) begun(id string) {
	p.model.sessions[id] = &modelled{status: session.Preparing}
	p.model.order = append(p.model.order, id)
	p.model.active = id
}

func (p *play) start(*actor) {
	row := p.fresh()
	c, err := p.CreateSession(p.t.Context(), row, syncer.Creation{Enqueue: p.queue.Enqueue})
	p.expect("start", c.OK, err, p.model.active == "")
	if c.OK {
		p.begun(row.ID)
	}
}

func (p *play) replace(*actor) {
	row := p.fresh()
	c, err := p.CreateSession(p.t.Context(), row, syncer.Creation{Enqueue: p.queue.Enqueue, Replace: &syncer.Cancellation{By: "alice"}})
	p.expect("replace", c.OK, err, true)
	if was := p.model.active; was != "" {
		if c.Replaced == nil || c.Replaced.ID != was {
			p.t.Errorf("replaced %+v, want %s", c.Replaced, was)
		}
		p.ended(was, session.Cancelled)
	}
	p.begun(row.ID)
}

// claim tries the fence that is current, or sometimes one that is not.
func (p *play) claim(a *actor) {
	id := p.any()
	if id == "" {
		return
	}
	m := p.model.sessions[id]
	fence := max(0, m.fence-int64(p.rand.IntN(4)/3))
	row, ok, err := p.ClaimSession(p.t.Context(), id, fence, a.name)
	p.expect("claim", ok, err, m.status.Active() && fence == m.fence)
	if ok {
		m.fence++
		m.attempts++
		m.claimed, m.silent = true, false
		a.row = row
	}
}

// holds says whether an actor's claim is the one that counts.
func (p *play) holds(a *actor) (*modelled, bool) {
	m := p.model.sessions[a.row.ID]
	return m, m != nil && m.status.Active() && m.fence == a.row.Fence
}

func claimOf(a *actor) session.Claim {
	return session.Claim{SessionID: a.row.ID, Fence: a.row.Fence}
}

func (p *play) advance(a *actor) {
	m, holds := p.holds(a)
	total := int64(60)
	if p.rand.IntN(5) == 0 { // only to another phase
		p.fenced("advance", p.Advance(p.t.Context(), claimOf(a), session.Progressed{Phase: session.PhaseVerifying, Total: &total}), holds)
		return
	}
	err := p.Advance(p.t.Context(), claimOf(a), session.Progressed{Status: session.Transferring, Phase: session.PhaseTransferring, Total: &total})
	// Also where the session is in that state already: the reply to an earlier try may have been lost.
	p.fenced("advance", err, holds)
	if holds {
		m.status = session.Transferring
		a.row.Status, a.row.TotalRecords = session.Transferring, &total
	}
}

// commit writes three products, under a claim that may be outdated, and with a memory that may be too.
func (p *play) commit(a *actor) {
	m, holds := p.holds(a)
	before := a.row
	batch := catalog.Batch{Bytes: 10, Cursor: catalog.Cursor{NodeID: "branch", Catalog: "main", After: fmt.Sprint(before.BatchSeq)}}
	name := fmt.Sprintf("%s-%d-%d", before.ID, before.Fence, before.BatchSeq)
	first := p.rand.IntN(60)
	for i := range 3 {
		product, err := catalog.Parse(fmt.Appendf(nil, `{"id":"p-%03d","name":%q}`, first+i, name))
		if err != nil {
			p.t.Fatal(err)
		}
		batch.Products = append(batch.Products, product)
	}
	if before.ID == "" {
		return
	}
	err := p.CommitBatch(p.t.Context(), &a.row, batch)
	allowed := holds && m.status == session.Transferring && m.seq == before.BatchSeq
	switch {
	case holds && m.seq == before.BatchSeq+1:
		p.t.Errorf("the actor %s forgot what it committed: %+v", a.name, before)
	case !allowed && holds:
		// Its own session, in a state in which nothing is committed: refused as well.
		p.fenced("commit", err, false)
	default:
		p.fenced("commit", err, allowed)
	}
	if err != nil {
		a.row = before
		return
	}
	m.seq++
	m.silent = false // a commit is a sign of life
	for i := range batch.Products {
		id := batch.Products[i].ID
		if _, known := p.model.products[id]; known {
			m.updated++
		} else {
			m.created++
		}
		p.model.products[id] = name
	}
}

func (p *play) heartbeat(a *actor) {
	m, holds := p.holds(a)
	p.fenced("heartbeat", p.Heartbeat(p.t.Context(), claimOf(a), session.Pulse{}), holds)
	if holds {
		m.silent = false
	}
}

func (p *play) held(a *actor) {
	_, holds := p.holds(a)
	p.fenced("held", p.Held(p.t.Context(), claimOf(a)), holds)
}

func (p *play) wait(a *actor) {
	_, holds := p.holds(a)
	p.fenced("wait", p.Waiting(p.t.Context(), claimOf(a), transfer.Wait{Reason: "trouble", For: time.Duration(p.rand.IntN(2)) * time.Second}, session.PhaseTransferring), holds)
}

// stale makes the last heartbeat of the active session an hour old.
func (p *play) stale(*actor) {
	if m := p.current(); m != nil && m.claimed {
		p.silence(p.t)
		m.silent = true
	}
}

// look finds the active session as a watcher sees it, if its worker is silent.
func (p *play) look() (seen session.Session, ok bool) {
	stale, err := p.StaleSessions(p.t.Context(), time.Minute)
	m := p.current()
	p.expect("find stale sessions", len(stale.Sessions) == 1, err, m != nil && m.claimed && m.silent)
	if len(stale.Sessions) == 0 {
		return seen, false
	}
	return stale.Sessions[0], true
}

// takeOver looks, lets somebody be quicker now and then, and takes over.
func (p *play) takeOver(a *actor) {
	seen, ok := p.look()
	if !ok {
		return
	}
	m := p.current()
	still := true
	switch p.rand.IntN(4) {
	case 0:
		still = p.Heartbeat(p.t.Context(), session.Claim{SessionID: seen.ID, Fence: seen.Fence}, session.Pulse{}) != nil
		m.silent = false
	case 1:
		seen.Fence--
		still = false
	}
	p.fenced("take over", p.TakeOver(p.t.Context(), seen, p.queue.Enqueue), still)
	if still {
		m.fence++
		m.takeovers++
		m.claimed = false
	}
}

func (p *play) failLost(*actor) {
	if seen, ok := p.look(); ok {
		p.fenced("fail a lost one", p.FailLost(p.t.Context(), seen, session.Failure(errors.New("lost"))), true)
		p.ended(seen.ID, session.Failed)
	}
}

func (p *play) reenqueue(*actor) {
	m := p.current()
	if m != nil && !m.claimed {
		p.silence(p.t)
	}
	waiting, err := p.WaitingSessions(p.t.Context(), time.Minute)
	p.expect("find waiting sessions", len(waiting) == 1, err, m != nil && !m.claimed)
	for _, seen := range waiting {
		p.fenced("enqueue again", p.Reenqueue(p.t.Context(), seen, p.queue.Enqueue), true)
	}
}

func (p *play) release(a *actor) {
	m, holds := p.holds(a)
	p.fenced("release", p.ReleaseSession(p.t.Context(), claimOf(a), p.queue.Enqueue), holds)
	if holds {
		m.fence++
		m.attempts--
		m.claimed = false
	}
}

func (p *play) fail(a *actor) {
	_, holds := p.holds(a)
	p.fenced("fail", p.FinishSession(p.t.Context(), claimOf(a), session.Failure(errors.New("broken"))), holds)
	if holds {
		p.ended(a.row.ID, session.Failed)
	}
}

func (p *play) finish(a *actor) {
	m, holds := p.holds(a)
	allowed := holds && m.status != session.Preparing
	was := p.model.sessions[a.row.ID]
	again := was != nil && was.status == session.Completed && was.fence == a.row.Fence // as if the first answer had been lost
	p.fenced("finish", p.FinishSession(p.t.Context(), claimOf(a), session.Completion("done", session.Refusals{}, 0)), allowed || again)
	if allowed {
		p.ended(a.row.ID, session.Completed)
	}
}

func (p *play) cancel(*actor) {
	if id := p.model.active; id != "" {
		done, err := p.service.Cancel(p.t.Context(), id, syncer.Cancellation{By: "alice"})
		p.expect("cancel", !done.Already, err, true)
		p.ended(id, session.Cancelled)
	}
}

func (p *play) cancelAny(*actor) {
	id := p.any()
	if id == "" || id == p.model.active {
		return
	}
	done, err := p.service.Cancel(p.t.Context(), id, syncer.Cancellation{By: "bob", Reason: "late"})
	if p.model.sessions[id].status == session.Cancelled {
		p.expect("cancel again", done.Already, err, true)
		return
	}
	var finished *syncer.FinishedError
	if !errors.As(err, &finished) {
		p.t.Errorf("cancel of an ended session: %v", err)
	}
}

// resume starts a session from the cursor of one that failed or was cancelled, as the service does.
func (p *play) resume(*actor) {
	id := p.any()
	if id == "" {
		return
	}
	old, _, err := p.GetSession(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	if old.Status.Active() || old.Status == session.Completed {
		if _, err := p.service.Resume(p.t.Context(), id, "alice"); err == nil {
			p.t.Errorf("a %s session was resumed", old.Status)
		}
		return
	}
	row := p.fresh()
	row.ResumedFrom, row.ResumedRecords, row.Cursor = old.ID, old.Handled(), old.Cursor
	c, err := p.CreateSession(p.t.Context(), row, syncer.Creation{Enqueue: p.queue.Enqueue})
	p.expect("resume", c.OK, err, p.model.active == "")
	if c.OK {
		p.begun(row.ID)
	}
}
