package api_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
)

func TestStart(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got syncer.StartRequest
	n.start = func(r syncer.StartRequest) (syncer.Started, error) { got = r; return started(), nil }
	defaults := session.Options{CompressionEnabled: true, MaxDeletes: 500, MaxDeletePercent: 10}
	for body, want := range map[string]syncer.StartRequest{
		`{"action":"pull","targetPeer":"branch-2"}`: {PeerID: "branch-2", By: "alice", IfRunning: syncer.Fail, Options: defaults},
		`{"action":"pull","targetPeer":{"nodeId":"branch-2","nodeName":"B","ipAddress":"10.0.0.1","port":8080,"isActive":true,"lastSeen":null,"more":[1]},
		  "options":{"method":"backup","batchSize":500,"maxProductsPerSecond":9,"verifyAfterSync":true,"compressionEnabled":false,"timeoutSeconds":604800,
		  "readEverything":true,"deleteMissing":true,"maxDeletes":0,"maxDeletePercent":100}}`: {
			PeerID: "branch-2", By: "alice", IfRunning: syncer.Fail, Method: "backup",
			Options: session.Options{BatchSize: 500, MaxProductsPerSecond: 9, VerifyAfterSync: true, TimeoutSeconds: 604800,
				ReadEverything: true, DeleteMissing: true, MaxDeletePercent: 100},
		},
		`{"action":"pull","targetPeer":"branch-2","catalog":"garden","options":null}`: {Catalog: "garden", PeerID: "branch-2", By: "alice", IfRunning: syncer.Fail, Options: defaults},
		`{"action":"pull","targetPeer":"branch-2","ifRunning":"fail","options":{"deleteMissing":false,"dryRun":false,"method":"http"}}`: {
			PeerID: "branch-2", By: "alice", IfRunning: syncer.Fail, Method: "http", Options: defaults,
		},
	} {
		want.Direction = session.Pull
		a := n.call("POST", startPath, body)
		if a.status != http.StatusAccepted || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d %s\n got %+v\nwant %+v", body, a.status, a.body, got, want)
		}
		if a.header.Get("Location") != startPath+"/"+sessionA {
			t.Errorf("Location is %q", a.header.Get("Location"))
		}
		if !strings.HasPrefix(a.body, `{"success":true,"sessionId":"`+sessionA+`","message":"Full sync pull initiated successfully","session":{"sessionId":`) {
			t.Errorf("the answer is %s", a.body)
		}
	}
}

func TestStartRefusesWhatIsNotBuilt(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.start = func(syncer.StartRequest) (syncer.Started, error) {
		t.Error("a session was started")
		return started(), nil
	}
	for member, field := range map[string]string{
		`"options":{"keepHistory":true}`:        "options.keepHistory",
		`"options":{"BatchSize":5}`:             "options.BatchSize",
		`"options":{"newOption":false}`:         "options.newOption",
		`"options":{"ifRunning":"fail"}`:        "options.ifRunning",
		`"ifrunning":"replace"`:                 "ifrunning",
		`"other":"fail"`:                        "other",
		`"options":{"other":false}`:             "options.other",
		`"deleteMissing":false`:                 "deleteMissing",
		`"batchSize":5`:                         "batchSize",
		`"` + strings.Repeat("x", 5000) + `":1`: strings.Repeat("x", 80) + "…",
	} {
		a := n.call("POST", startPath, `{"action":"pull","targetPeer":"branch-2",`+member+`}`)
		if a.status != http.StatusUnprocessableEntity || a.member("error") != "Option not available" ||
			a.member("code") != "OPTION_NOT_AVAILABLE" || a.details()[field] == "" ||
			!strings.Contains(fmt.Sprint(a.member("message")), field) {
			t.Errorf("%.80s: %d %s", member, a.status, a.body)
		}
	}
}

func TestStartOfAPush(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got syncer.StartRequest
	n.start = func(r syncer.StartRequest) (syncer.Started, error) {
		got = r
		pushed := started()
		pushed.Session.Direction = session.Push
		return pushed, nil
	}
	a := n.call("POST", startPath, `{"action":"push","targetPeer":"branch-2"}`)
	if a.status != http.StatusAccepted || got.Direction != session.Push || got.PeerID != "branch-2" || a.member("message") != "Full sync push initiated successfully" {
		t.Errorf("push: %d %s, asked for %+v", a.status, a.body, got)
	}
	if a := n.call("POST", startPath, `{"action":"sideways","targetPeer":"branch-2"}`); a.status != http.StatusBadRequest || a.details()["action"] == "" {
		t.Errorf("neither pull nor push: %d %s", a.status, a.body)
	}
}

// TestInProgress compares the 409 of the contract byte by byte.
func TestInProgress(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.start = func(syncer.StartRequest) (syncer.Started, error) {
		return syncer.Started{}, fmt.Errorf("start: %w", &syncer.RunningError{Running: running()})
	}
	a := n.call("POST", startPath, `{"action":"pull","targetPeer":"branch-2"}`)
	const want = `{"error":"Full sync already in progress","sessionId":"5245ddc7-7ac1-4b5a-8e0a-f50ea1e6d186",` +
		`"currentStep":"Transferring 1067 products","progress":71,"code":"SYNC_IN_PROGRESS",` +
		`"message":"Catalog main is being synced from branch-2 since 2026-01-31T10:00:00Z. Wait for it to finish, or cancel it.",` +
		`"status":"TRANSFERRING","startedAt":"2026-01-31T10:00:00Z","startedBy":"alice",` +
		`"health":{"verdict":"healthy","reason":"working normally"},"cancelUrl":"/api/admin/sync/full-sync/cancel"}`
	if a.status != http.StatusConflict || strings.TrimSpace(a.body) != want {
		t.Errorf("%d\n got %s\nwant %s", a.status, a.body, want)
	}
}

func TestUnknownPeer(t *testing.T) {
	t.Parallel()
	n := setup(t)
	n.start = func(r syncer.StartRequest) (syncer.Started, error) { return syncer.Started{}, peer.Unknown(r.PeerID) }
	a := n.call("POST", startPath, `{"action":"pull","targetPeer":"nobody"}`)
	if a.status != http.StatusNotFound || a.member("error") != "Peer not found" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestIfRunning(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got syncer.StartRequest
	attached := false
	n.start = func(r syncer.StartRequest) (syncer.Started, error) {
		got = r
		return syncer.Started{Session: running(), Attached: attached}, nil
	}
	for name, want := range map[string]syncer.IfRunning{"fail": syncer.Fail, "attach": syncer.Attach, "replace": syncer.Replace} {
		for _, attached = range []bool{false, true} {
			a := n.call("POST", startPath, `{"action":"pull","targetPeer":"branch-2","ifRunning":"`+name+`"}`)
			status, message := http.StatusAccepted, "Full sync pull initiated successfully"
			if attached {
				status, message = http.StatusOK, "Full sync already running; attached to it"
			}
			if a.status != status || a.member("message") != message || got.IfRunning != want || got.Key != nil {
				t.Errorf("%s, attached %t: %d %s, asked for %+v", name, attached, a.status, a.body, got)
			}
			if a.header.Get("Location") != startPath+"/"+sessionA || a.member("sessionId") != sessionA {
				t.Errorf("%s, attached %t: at %q %s", name, attached, a.header.Get("Location"), a.body)
			}
		}
	}
}

// TestIdempotencyKey: the same request, however it is written, has the same key; another one, or another caller, has not.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	n := setup(t)
	var got *syncer.StartKey
	n.start = func(r syncer.StartRequest) (syncer.Started, error) { got = r.Key; return started(), nil }
	send := func(body string, headers ...string) syncer.StartKey {
		t.Helper()
		got = nil
		a := n.call("POST", startPath, body, append([]string{"Idempotency-Key", "key 1"}, headers...)...)
		if a.status != http.StatusAccepted || got == nil {
			t.Fatalf("%s: %d %s", body, a.status, a.body)
		}
		return *got
	}
	const plain = `{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true}}`
	first := send(plain)
	if first.Subject != "alice" || first.Key != "key 1" || len(first.RequestHash) != 64 {
		t.Errorf("the key is %+v", first)
	}
	for _, same := range []string{
		plain,
		`{"options": {"verifyAfterSync": true, "batchSize": 100}, "targetPeer": "branch-2", "action": "pull"}`,
		`{"action":"pull","targetPeer":"branch-2","catalog":"main","ifRunning":"fail","options":{"batchSize":100,"verifyAfterSync":true,"compressionEnabled":true,"dryRun":false}}`,
		`{"action":"pull","targetPeer":{"nodeId":"branch-2","lastSeen":"2026-01-31T09:00:00Z"},"options":{"method":"http","batchSize":100,"verifyAfterSync":true}}`,
	} {
		if key := send(same); key != first {
			t.Errorf("%s: the key is %+v, not %+v", same, key, first)
		}
	}
	hashes := map[string]string{first.RequestHash: plain}
	for _, other := range []string{
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true,"readEverything":true}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true,"deleteMissing":true}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true,"deleteMissing":true,"maxDeletes":7}}`,
		`{"action":"pull","targetPeer":"branch-3","options":{"batchSize":100,"verifyAfterSync":true}}`,
		`{"action":"pull","targetPeer":"branch-2","catalog":"garden","options":{"batchSize":100,"verifyAfterSync":true}}`,
		`{"action":"pull","targetPeer":"branch-2","ifRunning":"attach","options":{"batchSize":100,"verifyAfterSync":true}}`,
		`{"action":"pull","targetPeer":"branch-2","ifRunning":"replace","options":{"batchSize":100,"verifyAfterSync":true}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":101,"verifyAfterSync":true}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true,"compressionEnabled":false}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true,"maxProductsPerSecond":100}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true,"timeoutSeconds":100}}`,
		`{"action":"pull","targetPeer":"branch-2","options":{"batchSize":100,"verifyAfterSync":true,"method":"backup"}}`,
	} {
		hash := send(other).RequestHash
		if hashes[hash] != "" {
			t.Errorf("%s has the hash of %s", other, hashes[hash])
		}
		hashes[hash] = other
	}
	bob, err := n.keys.Issue("bob", auth.RoleOperator, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if key := send(plain, "Authorization", "Bearer "+bob); key.Subject != "bob" || key.RequestHash != first.RequestHash {
		t.Errorf("bob's key is %+v", key)
	}
	if key := send(plain, "Idempotency-Key", strings.Repeat("~", 255)); len(key.Key) != 255 {
		t.Errorf("a long key is %+v", key)
	}
	if n.call("POST", startPath, plain); got != nil {
		t.Errorf("without the header the key is %+v", got)
	}
}

func TestIdempotencyKeyThatIsRefused(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const body, problem = `{"action":"pull","targetPeer":"branch-2"}`, "must be 1 to 255 printable ASCII characters"
	n.start = func(syncer.StartRequest) (syncer.Started, error) {
		t.Error("a session was started")
		return started(), nil
	}
	for _, key := range []string{strings.Repeat("k", 256), "schl\u00fcssel", "a\tb", "\x80"} {
		a := n.call("POST", startPath, body, "Idempotency-Key", key)
		if a.status != http.StatusBadRequest || a.details()["Idempotency-Key"] != problem {
			t.Errorf("%.20q: %d %s", key, a.status, a.body)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url+startPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + n.token(auth.RoleAdmin)}, "Content-Type": {"application/json"}, "Idempotency-Key": {""}}
	if a := n.do(req); a.status != http.StatusBadRequest || a.details()["Idempotency-Key"] == "" {
		t.Errorf("an empty key: %d %s", a.status, a.body)
	}
	n.start = func(syncer.StartRequest) (syncer.Started, error) {
		return syncer.Started{}, fault.New(fault.Impossible, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key reused", "Use a new key.")
	}
	a := n.call("POST", startPath, body, "Idempotency-Key", "k")
	if a.status != http.StatusUnprocessableEntity || a.member("code") != "IDEMPOTENCY_KEY_REUSED" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = startPath + "/" + sessionA + "/resume"
	const resumed = "0f0c7e6a-9b1d-4c52-8a51-3d1f7f8f2f10"
	var id, by string
	n.resume = func(i, b string) (session.View, error) {
		id, by = i, b
		v := running()
		v.ID, v.ResumedFrom, v.ResumedRecords = resumed, sessionA, 758
		return v, nil
	}
	for _, body := range []string{"", " ", "{}"} {
		id, by = "", ""
		a := n.call("POST", path, body)
		shown, _ := a.member("session").(map[string]any)
		if a.status != http.StatusAccepted || id != sessionA || by != "alice" || a.header.Get("Location") != startPath+"/"+resumed ||
			a.member("sessionId") != resumed || shown["resumedFrom"] != sessionA || shown["resumedRecords"] != 758.0 {
			t.Errorf("%q: %d %v %s, resumed %q by %q", body, a.status, a.header, a.body, id, by)
		}
	}
	for name, c := range map[string]struct {
		err         error
		status      int
		title, code string
	}{
		"unknown":      {fault.New(fault.NotFound, "SESSION_NOT_FOUND", "Sync session not found", "No."), 404, "Sync session not found", "SESSION_NOT_FOUND"},
		"impossible":   {fault.New(fault.Conflict, "CANNOT_RESUME", "Cannot resume sync", "No."), 409, "Cannot resume sync", "CANNOT_RESUME"},
		"in progress":  {&syncer.RunningError{Running: running()}, 409, "Full sync already in progress", "SYNC_IN_PROGRESS"},
		"switched off": {fault.New(fault.Impossible, "PEER_INACTIVE", "Peer is switched off", "No."), 422, "Peer is switched off", "PEER_INACTIVE"},
	} {
		n.resume = func(string, string) (session.View, error) { return session.View{}, c.err }
		a := n.call("POST", path, "")
		if a.status != c.status || a.member("error") != c.title || a.member("code") != c.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}
