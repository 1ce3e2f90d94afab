package frontendtest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// TestSample compiles the sample of docs/frontend.md once and makes it do everything that the document promises.
func TestSample(t *testing.T) {
	t.Parallel()
	effort.SkipUnlessHeavy(t)
	p := newProject(t, read(t, "openapi.yaml")).withSample(t)
	if said, err := p.compile(t, "tsconfig.json"); err != nil {
		t.Fatalf("docs/frontend.md does not fit openapi.yaml: %v\n%s", err, said)
	}
	for name, test := range map[string]func(*testing.T, project){
		"sign in": signIn, "no node": noNode, "a whole sync": wholeSync, "cancel": cancel, "one is running": oneIsRunning, "lost answer": lostAnswer,
		"restarted node": restartedNode, "no stream": noStream, "silence": silence, "token expires": tokenExpires, "events": events,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// application starts two nodes, and the sample as an operator of the first.
func application(t *testing.T, p project) (*nodetest.Pair, *driver) {
	t.Helper()
	pair := nodetest.NewPair(t, nodetest.SQLite, 100, nodetest.Config{})
	return pair, p.drive(t, pair.Main.URL(), pair.Main.TokenFor("alice", auth.RoleOperator))
}

// whole is the statuses of a sync that goes well.
func whole() []spec.SessionStatus {
	return []spec.SessionStatus{spec.PREPARING, spec.TRANSFERRING, spec.COMPLETED}
}

func signIn(t *testing.T, p project) {
	n := nodetest.Start(t, nodetest.Config{})
	n.AddUser("alice", auth.RoleViewer, "correct horse battery")
	d := p.drive(t, n.URL(), "")
	if f := d.fail(command{Do: "signIn", Name: "alice", Password: "wrong horse"}); f.Status != http.StatusUnauthorized ||
		f.Message != "The name or the password is wrong. Check both and try again." {
		t.Errorf("a wrong password: %+v", f)
	}
	user := as[spec.User](t, d.do(command{Do: "signIn", Name: "alice", Password: "correct horse battery"}))
	if user.Name != "alice" || user.Role != spec.UserRoleViewer {
		t.Errorf("signed in as %+v", user)
	}
	d.watch()
	if f := d.fail(command{Do: "start"}); f.Status != http.StatusForbidden {
		t.Errorf("a viewer starts: %+v", f)
	}
	d.do(command{Do: "signOut"})
	if told := d.told("token"); len(told) != 2 || !as[bool](t, told[0]) || as[bool](t, told[1]) {
		t.Errorf("token kept: %v", told)
	}
}

// noNode: a proxy in front of the node answers in its own words, or nobody answers at all.
func noNode(t *testing.T, p project) {
	n := nodetest.Start(t, nodetest.Config{})
	front := nodetest.NewWire(t, n.URL())
	front.Reach(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "<h1>Bad gateway</h1>", http.StatusBadGateway)
	})
	d := p.drive(t, front.URL, "")
	if f := d.fail(command{Do: "signIn", Name: "alice"}); f.Status != http.StatusBadGateway || !strings.HasPrefix(f.Message, "Something between this page and the node answered 502.") {
		t.Errorf("with a proxy that finds no node: %+v", f)
	}
	front.Reach(func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
	if f := d.fail(command{Do: "signIn", Name: "alice"}); f.Status != 0 || !strings.HasPrefix(f.Message, "The node does not answer.") {
		t.Errorf("with nobody there: %+v", f)
	}
}

func wholeSync(t *testing.T, p project) {
	pair, d := application(t, p)
	d.watch()
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 3)
	s := d.start("nothing")
	d.see(s.SessionId, "two batches", func(s spec.Session) bool { return s.TransferredRecords == 40 && s.Progress == 40 })
	gate.Open()
	d.seeStatus(s.SessionId, spec.COMPLETED)
	if told := d.statuses(s.SessionId); !slices.Equal(told, whole()) {
		t.Errorf("told %v", told)
	}
	progress := 0
	for _, m := range d.told("sessions") {
		for _, now := range as[[]spec.Session](t, m) {
			if now.Progress < progress {
				t.Errorf("progress went from %d to %d", progress, now.Progress)
			}
			progress = now.Progress
		}
	}
	if got, want := nodetest.Show(d.shown()[0]), nodetest.Show(pair.Main.Session(s.SessionId)); got != want || progress != 100 {
		t.Errorf("shown last: %s\nwant: %s", got, want)
	}

	late := p.drive(t, pair.Main.URL(), pair.Main.TokenFor("bob", auth.RoleViewer))
	late.watch()
	if now := late.shown(); len(now) != 1 || now[0].SessionId != s.SessionId || now[0].Status != spec.COMPLETED || len(late.statuses(s.SessionId)) != 0 {
		t.Errorf("a later viewer sees %v, and was told %v", now, late.statuses(s.SessionId))
	}
}

func cancel(t *testing.T, p project) {
	pair, d := application(t, p)
	d.watch()
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	s := d.start("nothing")
	nodetest.Await(t, "the second page", gate.Reached)
	if kept := d.do(command{Do: "cancel", SessionID: s.SessionId.String()}); string(kept.Value) != "null" {
		t.Errorf("kept running: %s", kept.Value)
	}
	if now := pair.Main.Session(s.SessionId); now.Status != spec.TRANSFERRING || len(d.told("confirm")) != 1 {
		t.Errorf("after keeping it running: %s", nodetest.Show(now))
	}
	done := as[spec.CancelResponse](t, d.do(command{Do: "cancel", SessionID: s.SessionId.String(), Reason: new("wrong peer")}))
	if done.Message != "Sync session cancelled successfully" || done.AlreadyCancelled || *done.Session.ErrorMessage != "Cancelled by alice: wrong peer" {
		t.Errorf("cancelled: %+v", done)
	}
	d.seeStatus(s.SessionId, spec.CANCELLED)
	again := as[spec.CancelResponse](t, d.do(command{Do: "cancel", SessionID: s.SessionId.String(), Reason: new("")}))
	if !again.AlreadyCancelled {
		t.Errorf("cancelled again: %+v", again)
	}
	pair.Wire.Reach(nil)
	next := d.start("nothing")
	d.seeStatus(next.SessionId, spec.COMPLETED)
	if f := d.fail(command{Do: "cancel", SessionID: next.SessionId.String(), Reason: new("")}); f.Status != http.StatusConflict ||
		f.Message != "Sync session is already COMPLETED" {
		t.Errorf("cancelling what has completed: %+v", f)
	}
}

func oneIsRunning(t *testing.T, p project) {
	pair, d := application(t, p)
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	first := d.start("nothing")
	nodetest.Await(t, "the second page", gate.Reached)
	if nothing := d.do(command{Do: "start", Choice: "nothing"}); string(nothing.Value) != "null" {
		t.Errorf("chose nothing: %s", nothing.Value)
	}
	if s := d.start("watch"); s.SessionId != first.SessionId || s.Status != spec.TRANSFERRING {
		t.Errorf("chose to watch: %s", nodetest.Show(s))
	}
	if s := d.start("cancel"); s.SessionId != first.SessionId || s.Status != spec.TRANSFERRING {
		t.Errorf("chose to cancel, and not to confirm it: %s", nodetest.Show(s))
	}
	asked := d.told("choose")
	running := as[spec.SyncInProgress](t, asked[len(asked)-1])
	if len(asked) != 3 || running.SessionId != first.SessionId || running.Health.Verdict != spec.HealthVerdictHealthy || running.StartedBy != "alice" {
		t.Errorf("asked %d times, last about %+v", len(asked), running)
	}

	pair.Wire.Reach(nil)
	next := d.start("replace")
	if next.SessionId == first.SessionId {
		t.Errorf("replaced by itself")
	}
	pair.Main.WaitEnd(next.SessionId, spec.COMPLETED)
	if old := pair.Main.Session(first.SessionId); old.Status != spec.CANCELLED || !strings.Contains(*old.CancelReason, next.SessionId.String()) {
		t.Errorf("replaced: %s", nodetest.Show(old))
	}

	pair.Wire.HoldPage(t, nodetest.WhoPath, 1) // there is no product to read any more
	last := d.start("nothing")
	ended := as[spec.Session](t, d.do(command{Do: "start", Choice: "cancel", Reason: new("no more")}))
	if ended.SessionId != last.SessionId || ended.Status != spec.CANCELLED {
		t.Errorf("chose to cancel: %s", nodetest.Show(ended))
	}
}

// lostAnswer: the node gets the start, but its answer is lost on the way.
func lostAnswer(t *testing.T, p project) {
	pair, _ := application(t, p)
	pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
	front := nodetest.NewWire(t, pair.Main.URL())
	d := p.drive(t, front.URL, pair.Main.TokenFor("alice", auth.RoleOperator))
	var once sync.Once
	front.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		once.Do(func() { nodetest.Cut(w, r, next, 0.5) })
		next.ServeHTTP(w, r)
	})
	s := d.start("nothing")
	if tries := len(front.Exchanges(nodetest.StartPath)); tries != 2 {
		t.Errorf("%d requests, want the one whose answer was lost and one more", tries)
	}
	all, err := nodetest.Decode[spec.SessionListResponse](pair.Main.Call("alice", http.MethodGet, nodetest.StartPath, ""))
	if err != nil || len(all.Sessions) != 1 || all.Sessions[0].SessionId != s.SessionId {
		t.Errorf("%d sessions, %v; want one, %s", len(all.Sessions), err, s.SessionId)
	}
}

// restartedNode: the node is stopped in the middle of a sync and started again at the same address.
func restartedNode(t *testing.T, p project) {
	pair, d := application(t, p)
	d.watch()
	gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 2)
	first := d.start("nothing")
	nodetest.Await(t, "the second page", gate.Reached)
	d.seeStatus(first.SessionId, spec.TRANSFERRING)
	pair.Main.Down()
	d.reach("lost")
	pair.Wire.Reach(nil)
	pair.RestartMain()
	pair.Main.WaitEnd(first.SessionId, spec.COMPLETED)
	second := pair.Main.Sync(nodetest.Pull{})
	d.seeStatus(second.SessionId, spec.COMPLETED)
	d.reach("live")
	for i, id := range []spec.SessionID{first.SessionId, second.SessionId} {
		if told := d.statuses(id); !slices.Equal(told, whole()) {
			t.Errorf("session %d: told %v, want each once", i+1, told)
		}
	}
}

// noStream: something on the way stops letting streams through, and passes only ordinary requests.
func noStream(t *testing.T, p project) {
	pair, _ := application(t, p)
	front := nodetest.NewWire(t, pair.Main.URL())
	streams, cut := context.WithCancel(t.Context())
	defer cut()
	front.Reach(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			next.ServeHTTP(w, r)
			return
		}
		if streams.Err() != nil {
			http.Error(w, "<h1>Bad gateway</h1>", http.StatusBadGateway)
			return
		}
		ctx, end := context.WithCancel(r.Context())
		defer context.AfterFunc(streams, end)()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
	d := p.drive(t, front.URL, pair.Main.TokenFor("alice", auth.RoleOperator))
	d.watch()
	cut()
	d.reach("polling")
	s := pair.Main.Sync(nodetest.Pull{})
	d.seeStatus(s.SessionId, spec.COMPLETED)
	if told := d.statuses(s.SessionId); len(told) != 0 || d.states()[1] != "lost" {
		t.Errorf("told %v without a stream; the connection was %v", told, d.states())
	}
	front.Reach(nil)
	d.reach("live")
	if told := d.statuses(s.SessionId); !slices.Equal(told, whole()) {
		t.Errorf("told %v of what happened meanwhile", told)
	}
}

// silence: a connection on which nothing arrives any more counts as lost, even if nobody closes it.
func silence(t *testing.T, p project) {
	_, d := application(t, p)
	d.do(command{Do: "watch", Silence: 1500})
	d.wait("a new connection after a silent one", func() bool {
		all := d.states()
		first, last := slices.Index(all, "live"), len(all)-1
		return first >= 0 && slices.Contains(all[first:], "lost") && all[last] == "live"
	})
}

func tokenExpires(t *testing.T, p project) {
	n := nodetest.Start(t, nodetest.Config{})
	n.AddUser("alice", auth.RoleViewer, "correct horse battery")
	token, err := n.Token("alice", auth.RoleViewer, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	d := p.drive(t, n.URL(), token)
	d.do(command{Do: "watch", Silence: 30_000})
	d.reach("ended")
	// If the machine is so busy that the token expires before the stream begins, the stream is refused instead.
	said := d.told("connection")
	last := as[connection](t, said[len(said)-1])
	if slices.Contains(d.states(), "live") && !strings.HasPrefix(last.Message, "The token has expired or was ended.") {
		t.Errorf("ended with %+v", last)
	}
	if told := d.told("token"); len(told) != 1 || as[bool](t, told[0]) {
		t.Errorf("token kept: %v", told)
	}
	d.do(command{Do: "signIn", Name: "alice", Password: "correct horse battery"})
	d.watch()
}

// events reads streams that no current node sends, in pieces of every size.
func events(t *testing.T, p project) {
	n := nodetest.Start(t, nodetest.Config{})
	d := p.drive(t, n.URL(), "")
	type event struct {
		Type, Data, ID string
	}
	got := as[[]event](t, d.do(command{Do: "parse", Text: "\ufeffretry: 2140\n\n: still here\n\n" +
		"event: status\nid: 1\ndata: {\"a\":\ndata: \"ü €\"}\n\n" +
		"event: session\r\ndata:no space\r\nid:2\r\n\r\n" +
		"data:  two spaces: and a colon\r\rdata\n\nevent: nothing\nid: 3\n\n" +
		"id: bad\x00id\nretry: soon\nnosuch: field\ndata: after\n\nevent: cut\ndata: off\n"}))
	want := []event{
		{"status", "{\"a\":\n\"ü €\"}", "1"},
		{"session", "no space", "2"},
		{"message", " two spaces: and a colon", "2"},
		{"message", "", "2"},
		{"message", "after", "3"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("read\n%q\nwant\n%q", got, want)
	}
}
