package app_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/events"
	"fullsync/internal/nodetest"
)

// statuses returns a session's statuses as the events report them, in order.
func statuses(t *testing.T, all []nodetest.Event, id spec.SessionID) (told []spec.SessionStatus) {
	t.Helper()
	for _, e := range all {
		if e.Type == "status" {
			if s := nodetest.EventData[spec.StatusEvent](t, e); s.SessionId == id {
				told = append(told, s.Status)
			}
		}
	}
	return told
}

// tells reports whether an event is a status of that session.
func tells(t *testing.T, id spec.SessionID, status spec.SessionStatus) func(nodetest.Event) bool {
	return func(e nodetest.Event) bool {
		return e.Type == "status" && nodetest.EventData[spec.StatusEvent](t, e).SessionId == id &&
			nodetest.EventData[spec.StatusEvent](t, e).Status == status
	}
}

// shows reports whether an event shows that session in that status.
func shows(t *testing.T, id spec.SessionID, status spec.SessionStatus) func(nodetest.Event) bool {
	return func(e nodetest.Event) bool {
		return e.Type == "session" && nodetest.EventData[spec.Session](t, e).SessionId == id &&
			nodetest.EventData[spec.Session](t, e).Status == status
	}
}

// verified are the statuses of a pull with verification.
func verified() []spec.SessionStatus {
	return []spec.SessionStatus{spec.PREPARING, spec.TRANSFERRING, spec.COMPLETED}
}

// TestEventsTellAWholeSync follows a sync from before its start until its end.
func TestEventsTellAWholeSync(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 500, nodetest.Config{})
		stream := pair.Main.Follow("", "")
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no",
		} {
			if got := stream.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		first, _ := stream.Next()
		if s := nodetest.EventData[spec.SnapshotEvent](t, first); first.Type != "snapshot" || s.Resumed || s.Sessions == nil || len(s.Sessions) > 0 {
			t.Errorf("first event of an idle node: %s %s", first.Type, first.Data)
		}
		// Hold the transfer half-way, so that a look is sure to see it.
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}})
		all := stream.Until("progress", func(e nodetest.Event) bool {
			return e.Type == "session" && nodetest.EventData[spec.Session](t, e).TransferredRecords == 200
		})
		gate.Open()
		all = append(all, stream.Until("the end", shows(t, s.SessionId, spec.COMPLETED))...)

		if told := statuses(t, all, s.SessionId); !slices.Equal(told, verified()) {
			t.Errorf("told %v, want %v", told, verified())
		}
		progress := 0
		for _, e := range all {
			if e.ID == "" {
				t.Errorf("event without id: %s %s", e.Type, e.Data)
			}
			if e.Type == "session" {
				now := nodetest.EventData[spec.Session](t, e)
				if now.Progress < progress {
					t.Errorf("progress went from %d to %d", progress, now.Progress)
				}
				progress = now.Progress
			}
		}
		last := nodetest.EventData[spec.Session](t, all[len(all)-1])
		if shown := pair.Main.Session(s.SessionId); nodetest.Show(last) != nodetest.Show(shown) || progress != 100 {
			t.Errorf("the last event shows\n%s\nand the API\n%s", nodetest.Show(last), nodetest.Show(shown))
		}
		again, _ := pair.Main.Follow("", "").Next()
		if now := nodetest.EventData[spec.SnapshotEvent](t, again); len(now.Sessions) != 1 || nodetest.Show(now.Sessions[0]) != nodetest.Show(last) {
			t.Errorf("a new stream begins with %s", again.Data)
		}
	})
}

// TestReconnectMissesNoStatus cuts a stream in the middle of a sync, and reconnects after that sync has ended, the node was
// restarted, and another sync has run.
func TestReconnectMissesNoStatus(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 300, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
		stream := pair.Main.Follow("", "")
		pull := nodetest.Pull{Options: spec.StartOptions{VerifyAfterSync: new(true)}}
		one := pair.Main.Pull(pull)
		all := stream.Until("the transfer", tells(t, one.SessionId, spec.TRANSFERRING))
		stream.Close()
		gate.Open()
		pair.Main.WaitEnd(one.SessionId, spec.COMPLETED)
		pair.Wire.Reach(nil)
		pair.RestartMain()
		two := pair.Main.Sync(pull)

		stream = pair.Main.Follow("", stream.LastID)
		missed := stream.Until("the snapshot", func(e nodetest.Event) bool { return e.Type == "snapshot" })
		snapshot := nodetest.EventData[spec.SnapshotEvent](t, missed[len(missed)-1])
		if !snapshot.Resumed || len(snapshot.Sessions) != 1 || snapshot.Sessions[0].SessionId != two.SessionId {
			t.Errorf("snapshot %s", missed[len(missed)-1].Data)
		}
		all = append(all, missed...)
		three := pair.Main.Pull(pull)
		all = append(all, stream.Until("the end", shows(t, three.SessionId, spec.COMPLETED))...)
		for i, id := range []spec.SessionID{one.SessionId, two.SessionId, three.SessionId} {
			if told := statuses(t, all, id); !slices.Equal(told, verified()) {
				t.Errorf("session %d: told %v, want %v each once:%s", i+1, told, verified(), nodetest.ShowEvents(all))
			}
		}
	})
}

// TestReconnectWithoutAUsableIDBeginsAnew: the id is nonsense, or higher than any that this node has issued.
func TestReconnectWithoutAUsableIDBeginsAnew(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{})
		pair.Main.Sync(nodetest.Pull{})
		for _, id := range []string{"yesterday", "-1", "999999", "3.9"} {
			e, _ := pair.Main.Follow("", id).Next()
			if s := nodetest.EventData[spec.SnapshotEvent](t, e); e.Type != "snapshot" || s.Resumed || len(s.Sessions) != 1 {
				t.Errorf("after id %s: %s %s", id, e.Type, e.Data)
			}
		}
	})
}

func TestStreamsCanBeNarrowed(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{})
		pair.Branch.Fill("garden", 10)
		old := pair.Main.Sync(nodetest.Pull{})
		other := pair.Main.Sync(nodetest.Pull{})
		byCatalog := pair.Main.Follow("?catalog=garden", "")
		bySession := pair.Main.Follow("?sessionId="+old.SessionId.String(), "0")
		if e, _ := byCatalog.Next(); len(nodetest.EventData[spec.SnapshotEvent](t, e).Sessions) != 0 {
			t.Errorf("snapshot of catalog garden: %s", e.Data)
		}
		told := bySession.Until("the snapshot", func(e nodetest.Event) bool { return e.Type == "snapshot" })
		s := nodetest.EventData[spec.SnapshotEvent](t, told[len(told)-1])
		if len(s.Sessions) != 1 || nodetest.Show(s.Sessions[0]) != nodetest.Show(old) || len(statuses(t, told, other.SessionId)) > 0 ||
			len(statuses(t, told, old.SessionId)) != 3 {
			t.Errorf("of session %s alone: %s", old.SessionId, nodetest.ShowEvents(told))
		}
		pair.Main.Sync(nodetest.Pull{})
		garden := pair.Main.Pull(nodetest.Pull{Catalog: "garden"})
		for _, e := range byCatalog.Until("the end", shows(t, garden.SessionId, spec.COMPLETED)) {
			if !strings.Contains(string(e.Data), garden.SessionId.String()) {
				t.Errorf("of another catalog: %s %s", e.Type, e.Data)
			}
		}
		bySession.Close()
		unknown := pair.Main.Call("alice", http.MethodGet, nodetest.EventsPath+"?sessionId=5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186", "")
		if unknown.Status != http.StatusNotFound {
			t.Errorf("an unknown session: %d %s", unknown.Status, unknown.Body)
		}
	})
}

// TestAnotherReplicasSessionIsSeen runs a sync on one replica, the only one when it starts, and follows it on another, which has
// never worked on it. A cancel on either is seen on both.
func TestAnotherReplicasSessionIsSeen(t *testing.T) {
	t.Parallel()
	pair := nodetest.NewPair(t, nodetest.Postgres, 500, nodetest.Config{ID: "main"})
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	s := pair.Main.Pull(nodetest.Pull{})
	nodetest.Await(t, "the third page", gate.Reached)
	other := nodetest.Start(t, nodetest.Config{ID: "main", Database: pair.Main.Database()})
	here, there := pair.Main.Follow("", ""), other.Follow("", "")
	first, _ := there.Next()
	if now := nodetest.EventData[spec.SnapshotEvent](t, first).Sessions; len(now) != 1 || now[0].Status != spec.TRANSFERRING || now[0].Attempts != 1 {
		t.Errorf("the other replica begins with %s", first.Data)
	}
	gate.Open()
	for name, stream := range map[string]*nodetest.Stream{"the same": here, "the other": there} {
		all := stream.Until("the end", shows(t, s.SessionId, spec.COMPLETED))
		if told := statuses(t, all, s.SessionId); !slices.Equal(told, []spec.SessionStatus{spec.COMPLETED}) {
			t.Errorf("%s replica: told %v:%s", name, told, nodetest.ShowEvents(all))
		}
	}

	// The ids of one replica work on the other.
	here.Close()
	pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	next := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{ReadEverything: new(true)}})
	there.Until("the transfer", tells(t, next.SessionId, spec.TRANSFERRING))
	there.Close()
	pair.Main.Cancel(next, "")
	back := pair.Main.Follow("", there.LastID)
	missed := back.Until("the snapshot", func(e nodetest.Event) bool { return e.Type == "snapshot" })
	if told := statuses(t, missed, next.SessionId); !slices.Equal(told, []spec.SessionStatus{spec.CANCELLED}) {
		t.Errorf("after the change of replica: %s", nodetest.ShowEvents(missed))
	}
}

// TestStreamEndsWithItsToken: the token of an open stream expires.
func TestStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{})
	token, err := n.Token("viewer", auth.RoleViewer, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	stream := n.FollowAs(token, "", "")
	all := stream.Until("its end", func(e nodetest.Event) bool { return e.Type == "end" })
	if end := nodetest.EventData[spec.EndEvent](t, all[len(all)-1]); end.Reason != spec.EndEventReasonTokenExpired || end.Message == "" {
		t.Errorf("%+v", end)
	}
	if e, ok := stream.Next(); ok {
		t.Errorf("after the end came %s %s", e.Type, e.Data)
	}
}

// TestStopEndsStreamsFirst: a node with open streams stops as quickly as one without, long before its shutdown timeout.
func TestStopEndsStreamsFirst(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		n := nodetest.Start(t, nodetest.Config{Database: nodetest.NewDatabase(t, kind), Settings: map[string]string{"SHUTDOWN_TIMEOUT": "10m"}})
		var streams []*nodetest.Stream
		for range 20 {
			streams = append(streams, n.Follow("", ""))
		}
		stopped := make(chan struct{})
		go func() { defer close(stopped); n.Down() }()
		nodetest.Await(t, "the node to stop", stopped)
		for _, s := range streams {
			all := s.Until("its end", func(e nodetest.Event) bool { return e.Type == "end" })
			if end := nodetest.EventData[spec.EndEvent](t, all[len(all)-1]); end.Reason != spec.EndEventReasonShutdown {
				t.Errorf("%+v", end)
			}
		}
	})
}

// counted counts the looks at the database.
type counted struct {
	events.Source
	looks atomic.Int64
}

func (c *counted) Changes(ctx context.Context, since int64, ids []string) (events.Changes, error) {
	c.looks.Add(1)
	return c.Source.Changes(ctx, since, ids)
}

// TestAnyNumberOfStreamsCostsTheSameQueries: all open streams share each look.
func TestAnyNumberOfStreamsCostsTheSameQueries(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		source := &counted{}
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{Options: app.Options{WrapEvents: func(s events.Source) events.Source {
			source.Source = s
			return source
		}}})
		pair.Main.Sync(nodetest.Pull{})
		if n := source.looks.Load(); n != 0 {
			t.Errorf("%d looks at the database although nobody listens", n)
		}
		began := time.Now()
		opened := make(chan *nodetest.Stream)
		const streams = 50
		for range streams {
			go func() { opened <- pair.Main.Follow("", "") }()
		}
		var all []*nodetest.Stream
		for range streams {
			s, _ := nodetest.Await(t, "a stream", opened)
			all = append(all, s)
		}
		s := pair.Main.Pull(nodetest.Pull{})
		for _, stream := range all {
			stream.Until("the end", shows(t, s.SessionId, spec.COMPLETED))
		}
		// At most one look per 250 ms by this machine's clock, however many are listening, and one when the first came.
		if n, most := source.looks.Load(), 1+int64(time.Since(began)/(250*time.Millisecond)); n > most || n == 0 {
			t.Errorf("%d looks at the database for %d streams, at most %d are allowed", n, streams, most)
		}
		for _, stream := range all {
			stream.Close()
		}
	})
}
