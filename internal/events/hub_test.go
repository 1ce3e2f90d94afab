package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// memory keeps sessions and their transitions in memory: these tests are about the hub and run on a fake clock.
// internal/store tests that the databases keep the same promises.
type memory struct {
	mu          sync.Mutex
	sessions    map[string]session.Session
	transitions []Transition
	states      int
	looks       int
	failure     error
}

func newMemory() *memory { return &memory{sessions: map[string]session.Session{}} }

// move gives a session a status; the transition gets that number.
func (m *memory) move(seq int64, id string, status session.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, known := m.sessions[id]
	if !known {
		catalog, _, _ := strings.Cut(id, "-")
		s = session.Session{ID: id, Catalog: catalog, StartedAt: time.Now(), LastHeartbeatAt: new(time.Now()), Worker: "w"}
	}
	s.Status = status
	m.sessions[id] = s
	m.transitions = append(m.transitions, Transition{Seq: seq, SessionID: id, Catalog: s.Catalog, Status: status, At: time.Now()})
	slices.SortFunc(m.transitions, func(a, b Transition) int { return int(a.Seq - b.Seq) })
}

// change alters a session without changing its status.
func (m *memory) change(id string, alter func(*session.Session)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[id]
	alter(&s)
	m.sessions[id] = s
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

func (m *memory) counts() (states, looks int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.states, m.looks
}

func (m *memory) State(_ context.Context, recent int) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states++
	state := State{Now: time.Now()}
	for _, t := range m.transitions[max(0, len(m.transitions)-recent):] {
		state.Recent = append(state.Recent, t.Seq)
	}
	for _, s := range m.sessions {
		state.Sessions = append(state.Sessions, s)
	}
	return state, m.failure
}

func (m *memory) Changes(_ context.Context, since int64, ids []string) (Changes, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	found := Changes{Now: time.Now()}
	wanted := map[string]bool{}
	for _, t := range m.transitions {
		if t.Seq > since {
			found.Transitions = append(found.Transitions, t)
			wanted[t.SessionID] = true
		}
	}
	for id, s := range m.sessions {
		if wanted[id] || s.Status.Active() || slices.Contains(ids, id) {
			found.Sessions = append(found.Sessions, s)
		}
	}
	return found, m.failure
}

// inTime runs a test on a fake clock, with a hub that watches a memory.
func inTime(t *testing.T, test func(t *testing.T, m *memory, h *Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		h := NewHub(Config{
			Buffer: 8, Encode: describe, Logger: slog.New(slog.DiscardHandler),
			Limits: session.Limits{StaleAfter: 10 * time.Second, StalledAfter: time.Hour, IdleAfter: time.Hour},
		}, m)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.Run(ctx) }()
		test(t, m, h)
		stop()
		<-done
	})
}

// pulse is how a pulse is rendered.
const pulse = "pulse"

// describe puts an event in a few words.
func describe(e Event) []byte {
	switch e.Type {
	case TypePulse:
		return []byte(pulse)
	case TypeStatus:
		return fmt.Appendf(nil, "%s: %s %s", e.ID, e.Transition.SessionID, e.Transition.Status)
	case TypeSession:
		return fmt.Appendf(nil, "%s: %s is %s %d%% %s", e.ID, e.Session.ID, e.Session.Status, e.Session.Progress, e.Session.Health.Verdict)
	default:
		text := fmt.Appendf(nil, "%s: snapshot, resumed %v:", e.ID, e.Snapshot.Resumed)
		for _, v := range e.Snapshot.Sessions {
			text = fmt.Appendf(text, " %s %s", v.ID, v.Status)
		}
		return text
	}
}

// after waits on the fake clock.
func after(d time.Duration) { <-time.After(d) }

func subscribe(t *testing.T, h *Hub, want Want) *Subscription {
	t.Helper()
	s, err := h.Subscribe(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// got returns what a subscription has received so far, without pulses.
func got(s *Subscription) []string {
	return slices.DeleteFunc(heard(s), func(text string) bool { return text == pulse })
}

// heard returns everything a subscription has received so far.
func heard(s *Subscription) (all []string) {
	synctest.Wait()
	for _, e := range s.First() {
		all = append(all, string(e))
	}
	for {
		select {
		case e, ok := <-s.Events():
			if !ok {
				return append(all, "end: "+string(s.Why()))
			}
			all = append(all, string(e))
		default:
			return all
		}
	}
}

func expect(t *testing.T, s *Subscription, want ...string) {
	t.Helper()
	if all := got(s); !slices.Equal(all, want) {
		t.Errorf("told\n\t%s\nwant\n\t%s", strings.Join(all, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestEveryStatusIsSentInOrder(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Preparing)
		s := subscribe(t, h, Want{})
		expect(t, s, "1: snapshot, resumed false: main-1 PREPARING")
		after(time.Second)
		expect(t, s) // nothing has changed
		m.move(2, "main-1", session.Transferring)
		m.move(3, "main-1", session.Validating) // by a replica of the previous version
		m.move(4, "main-1", session.Completed)
		after(time.Second)
		expect(t, s, "2: main-1 TRANSFERRING", "4: main-1 COMPLETED", "4: main-1 is COMPLETED 0% finished")
	})
}

// TestProgressIsSentFourTimesASecondAtMost, however often it changes, and one look serves all subscribers.
func TestProgressIsSentFourTimesASecondAtMost(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Transferring)
		var all []*Subscription
		for range 20 {
			all = append(all, subscribe(t, h, Want{}))
		}
		for _, s := range all {
			got(s)
		}
		_, before := m.counts()
		for range 100 {
			m.change("main-1", func(s *session.Session) { s.BatchSeq++ })
			after(10 * time.Millisecond)
		}
		if _, looks := m.counts(); looks-before > 4 || looks-before < 3 {
			t.Errorf("%d looks in a second", looks-before)
		}
		for _, s := range all {
			if told := got(s); len(told) > 4 || len(told) < 3 {
				t.Errorf("%d progress events in a second", len(told))
			}
		}
	})
}

// TestNoSubscribersNoQueries: the hub leaves the database alone before the first subscriber and after the last one.
func TestNoSubscribersNoQueries(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		after(time.Minute)
		if states, looks := m.counts(); states+looks != 0 {
			t.Errorf("%d looks before the first subscriber", states+looks)
		}
		s := subscribe(t, h, Want{})
		after(10 * time.Second)
		if states, looks := m.counts(); states != 1 || looks < 40 || looks > 41 {
			t.Errorf("%d and %d looks in ten seconds", states, looks)
		}
		s.Close()
		_, before := m.counts()
		after(time.Hour)
		if _, looks := m.counts(); looks != before {
			t.Errorf("%d looks after the last subscriber", looks-before)
		}
		// The next subscriber learns what happened meanwhile.
		m.move(1, "main-1", session.Failed)
		expect(t, subscribe(t, h, Want{}), "1: snapshot, resumed false: main-1 FAILED")
	})
}

// TestLateCommitsAreNotMissed: number 2 commits after 3 was sent. A subscriber that reconnects in between gets 2 as well,
// once.
func TestLateCommitsAreNotMissed(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Preparing)
		s := subscribe(t, h, Want{})
		m.move(3, "garden-1", session.Preparing)
		after(time.Second)
		expect(t, s, "1: snapshot, resumed false: main-1 PREPARING", "3.2: garden-1 PREPARING", "3.2: garden-1 is PREPARING 0% healthy")
		m.move(2, "main-1", session.Cancelled)
		after(time.Second)
		expect(t, s, "3: main-1 CANCELLED", "3: main-1 is CANCELLED 0% finished")

		seen, err := ParsePosition("3.2")
		if err != nil {
			t.Fatal(err)
		}
		expect(t, subscribe(t, h, Want{After: &seen}), "3: main-1 CANCELLED", "3: snapshot, resumed true: main-1 CANCELLED garden-1 PREPARING")
	})
}

// TestMissingFromTheBeginning: a number is already missing when the first subscriber arrives.
func TestMissingFromTheBeginning(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Preparing)
		m.move(3, "garden-1", session.Preparing)
		s := subscribe(t, h, Want{SessionID: "main-1"})
		m.move(2, "main-1", session.Cancelled)
		after(time.Second)
		expect(t, s, "3.2: snapshot, resumed false: main-1 PREPARING", "3: main-1 CANCELLED", "3: main-1 is CANCELLED 0% finished")
	})
}

// TestRolledBackNumbersAreGivenUp: after ten minutes the hub stops waiting for a missing number and drops it from the ids.
// If the transition commits after all, the end of its session still shows.
func TestRolledBackNumbersAreGivenUp(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Preparing)
		s := subscribe(t, h, Want{})
		m.move(3, "garden-1", session.Cancelled)
		after(time.Second)
		got(s)
		for range 11 * 60 {
			after(time.Second)
			got(s)
		}
		m.move(2, "main-1", session.Cancelled)
		after(time.Second)
		told := got(s)
		if len(told) == 0 || told[len(told)-1] != "3: main-1 is CANCELLED 0% finished" {
			t.Errorf("told %v", told)
		}
	})
}

// TestHealthChangesByTimeAlone: the verdict changes even though nobody writes anything.
func TestHealthChangesByTimeAlone(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Transferring)
		s := subscribe(t, h, Want{})
		got(s)
		after(9 * time.Second)
		expect(t, s)
		after(1500 * time.Millisecond)
		if told := got(s); len(told) == 0 || told[0] != "1: main-1 is TRANSFERRING 0% dead" {
			t.Errorf("told %v", told)
		}
	})
}

// TestPulsesProveThatTheDatabaseAnswers: pulses come while nothing happens but not while the database is away, and do not
// pile up for a subscriber that does not read.
func TestPulsesProveThatTheDatabaseAnswers(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Completed)
		s, idle := subscribe(t, h, Want{SessionID: "main-1"}), subscribe(t, h, Want{Catalog: "garden"})
		got(s)
		got(idle)
		pulses := func(seconds int) (n int) {
			for range seconds {
				after(time.Second)
				n += len(heard(s))
			}
			return n
		}
		if n := pulses(13); n != 4 {
			t.Errorf("%d pulses in 13 seconds", n)
		}
		m.fail(errors.New("away"))
		if n := pulses(10); n != 0 {
			t.Errorf("%d pulses while the database is away", n)
		}
		m.fail(nil)
		if n := pulses(4); n == 0 {
			t.Error("no pulse once it is back")
		}
		after(10 * time.Minute)
		if all := heard(idle); !slices.Equal(all, []string{pulse}) {
			t.Errorf("a subscriber that read nothing for ten minutes has %v waiting", all)
		}
	})
}

// TestSlowSubscriberIsDropped: nobody waits for it, and when it comes back it continues where it left off.
func TestSlowSubscriberIsDropped(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Transferring)
		slow, quick := subscribe(t, h, Want{}), subscribe(t, h, Want{})
		var told []string
		for seq := int64(2); seq <= 13; seq++ {
			m.move(seq, "main-1", []session.Status{session.Preparing, session.Transferring}[seq%2])
			after(300 * time.Millisecond)
			told = append(told, got(quick)...)
		}
		if len(told) != 1+12*2 {
			t.Errorf("the quick one got %d events: %v", len(told), told)
		}
		left := got(slow)
		if len(left) != 1+8+1 || left[9] != "end: slow" || !strings.HasPrefix(left[8], "5: ") {
			t.Errorf("the slow one got %v", left)
		}
		seen := Position{High: 5}
		back := got(subscribe(t, h, Want{After: &seen}))
		if len(back) != 8+1 || back[0] != "6: main-1 PREPARING" || back[7] != "13: main-1 TRANSFERRING" {
			t.Errorf("after its return it got %v", back)
		}
	})
}

// TestWhatGoesFirstKeepsTheOthersWaiting: a few subscribers at a time are told, and nobody while a cancel is answered, but for GiveWay.
func TestWhatGoesFirstKeepsTheOthersWaiting(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		const all = 3*toldAtOnce + 1
		m.move(1, "main-1", session.Preparing)
		subscribers := make([]*Subscription, all)
		var joined sync.WaitGroup
		for i := range subscribers {
			joined.Go(func() { subscribers[i] = subscribe(t, h, Want{}) })
		}
		joined.Wait()
		told := func() (n int) {
			synctest.Wait()
			for _, s := range subscribers {
				n += min(1, len(s.Events()))
			}
			return n
		}
		for seq, ends := range []bool{true, false} {
			for _, s := range subscribers {
				heard(s)
			}
			done := h.GoFirst()
			m.move(int64(2+seq), "main-1", []session.Status{session.Transferring, session.Completed}[seq])
			for told() == 0 {
				after(time.Millisecond)
			}
			after(h.cfg.GiveWay / 2)
			if n := told(); n != toldAtOnce {
				t.Errorf("%d were told beside what goes first, want %d", n, toldAtOnce)
			}
			if ends {
				done()
				after(2 * time.Millisecond)
			} else {
				after(h.cfg.GiveWay)
			}
			if n := told(); n != all {
				t.Errorf("%d were told afterwards, want all %d", n, all)
			}
		}
	})
}

func TestTooFarBackOrAheadGetsTheSnapshotAlone(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		for seq := range int64(1500) {
			m.move(seq+1, "main-1", session.Transferring)
		}
		for _, c := range []struct {
			high int64
			told int
		}{{0, 1}, {499, 1}, {500, 1001}, {1499, 2}, {1500, 1}, {1501, 1}} {
			told := got(subscribe(t, h, Want{After: &Position{High: c.high}}))
			resumed := strings.Contains(told[len(told)-1], "resumed true")
			if len(told) != c.told || resumed != (c.high >= 500 && c.high <= 1500) {
				t.Errorf("after %d: %d events, last %s", c.high, len(told), told[len(told)-1])
			}
		}
	})
}

// TestDatabaseTrouble: subscribers do not notice a short outage and miss nothing; a long one ends their subscriptions, and
// anyone who subscribes during it is told at once.
func TestDatabaseTrouble(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		m.move(1, "main-1", session.Preparing)
		s := subscribe(t, h, Want{})
		got(s)
		m.fail(fault.New(fault.Unavailable, "DATABASE_UNAVAILABLE", "Database unavailable", "Try again."))
		m.move(2, "main-1", session.Transferring)
		after(5 * time.Second)
		if _, err := h.Subscribe(t.Context(), Want{}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("subscribed without a database: %v", err)
		}
		m.fail(nil)
		m.move(3, "main-1", session.Cancelled)
		after(time.Second)
		expect(t, s, "2: main-1 TRANSFERRING", "3: main-1 CANCELLED", "3: main-1 is CANCELLED 0% finished")
		m.fail(errors.New("gone"))
		after(16 * time.Second)
		expect(t, s, "end: unavailable")
	})
}

func TestStoppedHub(t *testing.T) {
	inTime(t, func(t *testing.T, m *memory, h *Hub) {
		ctx, stop := context.WithCancel(t.Context())
		other := NewHub(Config{Encode: describe, MaxSubscribers: 1, Logger: slog.New(slog.DiscardHandler)}, m)
		go other.Run(ctx)
		s := subscribe(t, other, Want{})
		if _, err := other.Subscribe(t.Context(), Want{}); fault.CodeOf(err) != "TOO_MANY_STREAMS" {
			t.Errorf("one too many: %v", err)
		}
		stop()
		expect(t, s, "0: snapshot, resumed false:", "end: shutdown")
		if _, err := other.Subscribe(t.Context(), Want{}); fault.CodeOf(err) != "STOPPING" {
			t.Errorf("after the end: %v", err)
		}
		s.Close()
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := h.Subscribe(gone, Want{}); !errors.Is(err, context.Canceled) && err != nil {
			t.Errorf("a caller that has left: %v", err)
		}
	})
}
