package app_test

import (
	"fmt"
	"net/http"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

// run is one session of a story, and what was here before.
type run struct {
	id      spec.SessionID
	options spec.StartOptions
	before  held
	// touched are products that changed on either side while it ran.
	touched map[string]bool
	// cancelled and failing say that it may have ended that way; troubled says that its worker was lost or changed.
	cancelled, failing, troubled bool
	// approved are the only products that it may delete, nil for all.
	approved map[string]bool
}

// sync brings the catalog here, in as many sessions as it takes, and checks the result of each. If it is living, products change
// meanwhile.
func (s *story) sync(living bool) {
	s.Helper()
	options := s.options()
	var again *spec.SessionID
	for try := 0; ; try++ {
		r := s.begin(options, again)
		for try < 4 && !s.oneIn(3) && s.disturb(r, living) {
		}
		s.between().Reach(nil)
		end := s.ended(r)
		s.check(r, end)
		s.tell("%s: created %d, updated %d, unchanged %d, deleted %d, rejected %d, withheld %d, attempts %d", end.Status,
			end.Created, end.Updated, end.Unchanged, end.Deleted, end.Rejected, end.DeletesWithheld, end.Attempts)
		if end.Status == spec.COMPLETED {
			if end.DeletesWithheld > 0 && s.oneIn(2) {
				s.approve(r, end)
			}
			return
		}
		if again = nil; s.oneIn(2) {
			again = &end.SessionId
		}
	}
}

func (s *story) options() spec.StartOptions {
	chance := func(n int) *bool { b := s.oneIn(n); return &b }
	o := spec.StartOptions{
		BatchSize: new(1 + s.rand.IntN(50)), VerifyAfterSync: chance(2), DeleteMissing: chance(2), ReadEverything: chance(5),
		CompressionEnabled: chance(2), MaxDeletePercent: new(10 + s.rand.IntN(91)),
	}
	if len(s.lying) > 0 {
		*o.VerifyAfterSync = true
	}
	if s.oneIn(4) {
		o.MaxDeletes = new(s.rand.IntN(30))
	}
	return o
}

// begin starts a session, or resumes one.
func (s *story) begin(options spec.StartOptions, resumed *spec.SessionID) *run {
	s.Helper()
	r := &run{options: options, before: s.holds(s.Main), touched: map[string]bool{}}
	if resumed != nil {
		s.tell("resume")
		r.id = s.accepted(s.lead().Call("bob", http.MethodPost, nodetest.StartPath+"/"+resumed.String()+"/resume", ""))
		return r
	}
	start := nodetest.Pull{Options: options}
	if s.push != nil {
		start.Push, start.Peer = true, nodetest.MainNode
	}
	s.tell("start %s", start.Body())
	r.id = s.lead().Pull(start).SessionId
	return r
}

func (s *story) accepted(a nodetest.Answer) spec.SessionID {
	s.Helper()
	started, err := nodetest.Decode[spec.StartResponse](a)
	if err != nil || a.Status != http.StatusAccepted {
		s.Fatalf("%d %s", a.Status, a.Body)
	}
	return started.SessionId
}

func (s *story) ended(r *run) (end spec.Session) {
	s.Helper()
	nodetest.Eventually(s, "the end of the session", func() bool {
		end = s.lead().Session(r.id)
		return nodetest.Ended(end)
	}, func() string { return nodetest.Show(end) })
	if s.push == nil {
		return end
	}
	// What was done is what the target says, which may have committed a batch whose answer never came.
	nodetest.Eventually(s, "the end of the session at its target", func() bool {
		a := s.Main.Call("alice", http.MethodGet, nodetest.StartPath+"/"+r.id.String(), "")
		there, err := nodetest.Decode[spec.SessionResponse](a)
		if a.Status == http.StatusNotFound || err != nil {
			return a.Status == http.StatusNotFound
		}
		if end.Status == spec.COMPLETED {
			s.alike(end, there.Session)
		}
		if nodetest.Ended(there.Session) {
			there.Session.Status, there.Session.ErrorCode = end.Status, end.ErrorCode
			end = there.Session
			return true
		}
		return false
	})
	return end
}

// alike checks that both ends of a push say the same.
func (s *story) alike(here, there spec.Session) {
	s.Helper()
	if there.Status != spec.COMPLETED || here.Created != there.Created || here.Updated != there.Updated || here.Unchanged != there.Unchanged ||
		here.Deleted != there.Deleted || here.Rejected != there.Rejected || here.DeletesWithheld != there.DeletesWithheld ||
		value(here.TotalRecords) != value(there.TotalRecords) || value(here.Outcome) != value(there.Outcome) {
		s.Errorf("at the pusher %s\nat the target %s", nodetest.Show(here), nodetest.Show(there))
	}
}

// disturb does something to a session while one of its requests to the source is held. It returns false if the session ended
// before that.
func (s *story) disturb(r *run, living bool) bool {
	s.Helper()
	n := 1 + s.rand.IntN(10)
	gate := s.between().HoldPage(s, "", n)
	defer gate.Open()
	held := false
	nodetest.Eventually(s, "a request or the end", func() bool {
		select {
		case <-gate.Reached:
			held = true
		default:
		}
		return held || nodetest.Ended(s.lead().Session(r.id))
	})
	if !held || nodetest.Ended(s.lead().Session(r.id)) {
		return false
	}
	s.between().Reach(nil)
	at := fmt.Sprintf("at request %d", n)
	switch what := s.rand.IntN(6); {
	case living && what < 3:
		s.change(r, at)
	case what < 2:
		s.tell("%s: cancel", at)
		s.lead().Cancel(spec.Session{SessionId: r.id}, "")
		r.cancelled = true
		return false
	case what == 2:
		s.tell("%s: restart %s", at, s.lead().NodeID())
		s.restart(s.lead())
		r.troubled = true
	case what == 3:
		s.tell("%s: the worker is lost", at)
		write(s.T, s.lead(), r.id, "fence = fence + 1, push_fence = fence + 1, last_heartbeat_at = '"+inSQL(time.Now().Add(-time.Hour))+"'")
		r.troubled = true
	case what == 4:
		other := s.Branch
		if s.push != nil {
			other = s.Main
		}
		s.tell("%s: restart %s", at, other.NodeID())
		s.restart(other)
		r.failing = true
	default:
		part := s.rand.Float64()
		s.tell("%s: cut the next answer after %.2f of it", at, part)
		s.between().OnPage("", 1, func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			nodetest.Cut(w, req, next, part)
		})
	}
	return true
}

// restart starts one of the two nodes again.
func (s *story) restart(n *nodetest.Node) {
	if n == s.Main {
		s.RestartMain()
	} else {
		s.Pair.Branch = n.Restart()
	}
}

// change changes products under a session.
func (s *story) change(r *run, at string) {
	s.Helper()
	s.tell("%s:", at)
	var ids []string
	switch s.rand.IntN(3) {
	case 0:
		ids = s.editByAPI(s.Branch)
	case 1:
		ids = s.editBySQL(s.Branch)
	case 2:
		ids = s.editBySQL(s.Main)
		r.failing = true // verification does not accept that
	}
	for _, id := range ids {
		r.touched[id] = true
	}
}

// approve approves the deletes that a session withheld; all of them must then be deleted.
func (s *story) approve(of *run, withheld spec.Session) {
	s.Helper()
	r := &run{options: of.options, before: s.holds(s.Main), touched: map[string]bool{}, approved: map[string]bool{}}
	for _, id := range deletesOf(s.T, s.Main, withheld.SessionId)[spec.DeleteStateWithheld] {
		r.approved[id] = true
	}
	if int64(len(r.approved)) != withheld.DeletesWithheld {
		s.Errorf("%d deletes are listed: %s", len(r.approved), nodetest.Show(withheld))
	}
	s.tell("approve %d deletes", len(r.approved))
	r.id = s.accepted(approve(s.T, s.lead(), withheld.SessionId, len(r.approved)))
	s.check(r, s.ended(r))
}
