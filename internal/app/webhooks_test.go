package app_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

const webhooksPath = "/api/admin/webhooks"

// hookMessage is a message that a receiver got.
type hookMessage struct {
	ID, Timestamp, Signature string
	Body                     []byte
	Type                     string
	Data                     spec.Session
}

// hookReceiver is a webhook receiver that answers as a test wants.
type hookReceiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []hookMessage
	answer func(w http.ResponseWriter, r *http.Request)
}

func newHookReceiver(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *hookReceiver {
	t.Helper()
	rec := &hookReceiver{answer: answer}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		m := hookMessage{ID: r.Header.Get("webhook-id"), Timestamp: r.Header.Get("webhook-timestamp"), Signature: r.Header.Get("webhook-signature"), Body: body}
		var envelope struct {
			Type string
			Data spec.Session
		}
		_ = json.Unmarshal(body, &envelope)
		m.Type, m.Data = envelope.Type, envelope.Data
		rec.mu.Lock()
		rec.got = append(rec.got, m)
		rec.mu.Unlock()
		if rec.answer != nil {
			rec.answer(w, r)
		}
	}))
	t.Cleanup(rec.Close)
	return rec
}

// messages returns what came so far of a type, all for the empty one.
func (r *hookReceiver) messages(kind string) []hookMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.got), func(m hookMessage) bool { return kind != "" && m.Type != kind })
}

// signedWell checks a message as the specification tells receivers to, with one secret.
func signedWell(secret string, m hookMessage) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(m.ID + "." + m.Timestamp + "." + string(m.Body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return slices.Contains(strings.Split(m.Signature, " "), want)
}

func addWebhook(t *testing.T, n *nodetest.Node, url, more string) spec.WebhookSecretResponse {
	t.Helper()
	a := n.Call("alice", http.MethodPost, webhooksPath, `{"url":"`+url+`"`+more+`}`)
	added, err := nodetest.Decode[spec.WebhookSecretResponse](a)
	if a.Status != http.StatusCreated || err != nil {
		t.Fatalf("add: %d %s %v", a.Status, a.Body, err)
	}
	return added
}

func deliveriesOf(t *testing.T, n *nodetest.Node, w spec.Webhook) []spec.WebhookDelivery {
	t.Helper()
	list, err := nodetest.Decode[spec.WebhookDeliveriesResponse](n.Call("alice", http.MethodGet, webhooksPath+"/"+w.Id.String()+"/deliveries", ""))
	if err != nil {
		t.Fatal(err)
	}
	return list.Deliveries
}

// TestWebhooksAreTold: every message comes once, signed, also from a node of two replicas; and one receiver that hangs holds up nobody.
func TestWebhooksAreTold(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 10, nodetest.Config{})
		if kind == nodetest.Postgres {
			nodetest.Start(t, nodetest.Config{ID: pair.Main.NodeID(), Database: pair.Main.Database()})
		}
		hang := make(chan struct{})
		hanging := newHookReceiver(t, func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		})
		defer close(hang)
		good := newHookReceiver(t, nil)
		addWebhook(t, pair.Main, hanging.URL, "")
		w := addWebhook(t, pair.Main, good.URL+"/fullsync?shop=1", `,"name":"good","types":["session.started","session.completed","session.cancelled"]`)
		addWebhook(t, pair.Main, good.URL, `,"enabled":false`)

		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		first := pair.Main.Pull(nodetest.Pull{})
		pair.Main.Cancel(first, "enough")
		gate.Open()
		second := pair.Main.Sync(nodetest.Pull{})
		nodetest.Eventually(t, "four messages", func() bool { return len(good.messages("")) == 4 }, func() string { return "" })
		for kind, want := range map[string][]spec.SessionID{
			"session.started": {first.SessionId, second.SessionId}, "session.cancelled": {first.SessionId}, "session.completed": {second.SessionId},
		} {
			got := good.messages(kind)
			if len(got) != len(want) || slices.ContainsFunc(got, func(m hookMessage) bool { return !slices.Contains(want, m.Data.SessionId) }) {
				t.Errorf("%s: %+v", kind, got)
			}
		}
		for _, m := range good.messages("") {
			if !signedWell(w.Secret, m) || signedWell("whsec_c2VjcmV0", m) {
				t.Errorf("%+v is not signed well", m)
			}
		}
		done := good.messages("session.completed")[0].Data
		if done.Status != spec.COMPLETED || done.Created != 10 || *done.Outcome != spec.OutcomeClean {
			t.Errorf("%+v", done)
		}
		nodetest.Eventually(t, "the deliveries to be written down", func() bool {
			list := deliveriesOf(t, pair.Main, w.Webhook)
			return len(list) == 4 && !slices.ContainsFunc(list, func(d spec.WebhookDelivery) bool {
				return d.State != spec.DeliveryDelivered || len(d.Attempts) != 1 || *d.Attempts[0].Status != 200
			})
		})

		// A new secret: both hold for a day, so that a receiver can change over.
		rotated, err := nodetest.Decode[spec.WebhookSecretResponse](pair.Main.Call("alice", http.MethodPost, webhooksPath+"/"+w.Webhook.Id.String()+"/rotate-secret", ""))
		if err != nil || rotated.Secret == w.Secret || rotated.Webhook.PreviousSecretUntil == nil {
			t.Fatalf("%+v %v", rotated, err)
		}
		tested, err := nodetest.Decode[spec.WebhookDeliveryResponse](pair.Main.Call("alice", http.MethodPost, webhooksPath+"/"+w.Webhook.Id.String()+"/test", ""))
		if err != nil || tested.Delivery.State != spec.DeliveryDelivered || tested.Delivery.SessionId != nil {
			t.Errorf("%+v %v", tested, err)
		}
		if m := good.messages("webhook.test"); len(m) != 1 || !signedWell(w.Secret, m[0]) || !signedWell(rotated.Secret, m[0]) || m[0].ID != tested.Delivery.Id.String() {
			t.Errorf("%+v", m)
		}
		log := string(pair.Main.Call("alice", http.MethodGet, "/api/admin/audit?action=webhook", "").Body)
		if strings.Count(log, `"webhook.added"`) != 3 || strings.Count(log, `"webhook.secret_rotated"`) != 1 || strings.Contains(log, "whsec_") || strings.Contains(log, "shop=1") {
			t.Error(log)
		}
		if list, err := nodetest.Decode[spec.WebhookListResponse](pair.Main.Call("alice", http.MethodGet, webhooksPath, "")); err != nil || len(list.Webhooks) != 3 ||
			!slices.ContainsFunc(list.Webhooks, func(one spec.Webhook) bool { return one.Id == w.Webhook.Id && one.LastSuccessAt != nil }) {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// TestReceiversThatMisbehave: what they do is written down in plain words and never followed, and 410 is the end.
func TestReceiversThatMisbehave(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode})
	elsewhere := newHookReceiver(t, nil)
	closed := newHookReceiver(t, nil)
	closed.Close()
	for _, c := range []struct {
		name    string
		url     string
		answer  func(w http.ResponseWriter, r *http.Request)
		status  int
		problem string
	}{
		{name: "500", answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "hunter2", http.StatusInternalServerError) }, status: 500, problem: "The receiver answered 500."},
		{name: "410", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, status: 410, problem: "The receiver answered 410."},
		{name: "redirect", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, status: 307, problem: "redirect (307)"},
		{name: "closes", answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, problem: "could not be reached"},
		{name: "nobody there", url: closed.URL, problem: "could not be reached"},
		{name: "not ours to call", url: "http://localhost.invalid", problem: "could not be reached"},
		{name: "endless", answer: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1024)); err != nil {
					return
				}
			}
		}, status: 200},
	} {
		url := c.url
		if url == "" {
			rec := newHookReceiver(t, c.answer)
			rec.Config.ErrorLog = nil
			url = rec.URL
		}
		w := addWebhook(t, n, url, "")
		a := n.Call("alice", http.MethodPost, webhooksPath+"/"+w.Webhook.Id.String()+"/test", "")
		tested, err := nodetest.Decode[spec.WebhookDeliveryResponse](a)
		if err != nil || len(tested.Delivery.Attempts) != 1 {
			t.Fatalf("%s: %s %v", c.name, a.Body, err)
		}
		attempt := tested.Delivery.Attempts[0]
		if (attempt.Status == nil) != (c.status == 0) || attempt.Status != nil && *attempt.Status != c.status || (attempt.Problem == nil) != (c.problem == "") ||
			attempt.Problem != nil && !strings.Contains(*attempt.Problem, c.problem) || strings.Contains(string(a.Body), "hunter2") {
			t.Errorf("%s: %s", c.name, a.Body)
		}
	}
	if len(elsewhere.messages("")) != 0 {
		t.Error("a redirect was followed")
	}
	m := scrape(t, n)
	for result, want := range map[string]float64{"refused": 3, "unanswered": 3, "delivered": 1} {
		m.wants(t, want, "fullsync_webhook_attempt_duration_seconds", "result", result)
	}
	m.wants(t, 6, "fullsync_webhook_deliveries_total", "result", "failed")
	m.wants(t, 1, "fullsync_webhook_deliveries_total", "result", "delivered")
	m.wants(t, 6, "fullsync_webhooks", "state", "failing")
	m.wants(t, 1, "fullsync_webhooks", "state", "on")
}

// TestAMessageIsRepeatedUntilItIsTaken, by the same id and body, and no more after an answer 410.
func TestAMessageIsRepeatedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, nodetest.Config{ID: nodetest.MainNode})
	n.AddPeer(nodetest.Branch, "http://127.0.0.1:1", n.TokenFor("x", "node"))
	var mu sync.Mutex
	calls := 0
	rec := newHookReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	gone := newHookReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	w := addWebhook(t, n, rec.URL, `,"types":["session.failed"]`)
	g := addWebhook(t, n, gone.URL, `,"types":["session.failed"]`)
	failed := n.WaitEnd(n.Pull(nodetest.Pull{}).SessionId, spec.FAILED)
	attempts := func(n int) func() bool {
		return func() bool { return len(rec.messages("session.failed")) == n }
	}
	nodetest.Eventually(t, "the first attempt", attempts(1))
	nodetest.Eventually(t, "the second attempt, after five seconds", attempts(2))
	list := deliveriesOf(t, n, w.Webhook)
	nodetest.Eventually(t, "two attempts to be written down", func() bool {
		list = deliveriesOf(t, n, w.Webhook)
		return len(list) == 1 && len(list[0].Attempts) == 2
	})
	if d := list[0]; d.State != spec.DeliveryPending || d.NextAttemptAt == nil || d.NextAttemptAt.Sub(d.CreatedAt) < time.Minute || *d.SessionId != failed.SessionId {
		t.Errorf("%+v", d)
	}
	if m := scrape(t, n); m.value("fullsync_webhook_deliveries_pending") != 1 || m.value("fullsync_webhook_oldest_pending_seconds") < 1 {
		t.Errorf("%v messages wait, the first for %v", m["fullsync_webhook_deliveries_pending"], m["fullsync_webhook_oldest_pending_seconds"])
	}
	// Five minutes later, as the job engine sees it.
	nodetest.Eventually(t, "the message to be taken", func() bool {
		if _, err := n.Store.SQL().ExecContext(t.Context(), "UPDATE river_job SET scheduled_at = created_at, state = 'available' WHERE kind = 'webhook_delivery' AND state = 'scheduled'"); err != nil {
			t.Fatal(err)
		}
		return deliveriesOf(t, n, w.Webhook)[0].State == spec.DeliveryDelivered
	})
	got := rec.messages("")
	for _, m := range got {
		if m.ID != got[0].ID || !bytes.Equal(m.Body, got[0].Body) || !signedWell(w.Secret, m) {
			t.Errorf("%+v", m)
		}
	}
	if list := deliveriesOf(t, n, g.Webhook); len(list) != 1 || list[0].State != spec.DeliveryFailed || len(gone.messages("")) != 1 {
		t.Errorf("%+v", list)
	}
	off, err := nodetest.Decode[spec.WebhookResponse](n.Call("alice", http.MethodGet, webhooksPath+"/"+g.Webhook.Id.String(), ""))
	if err != nil || off.Webhook.Enabled || off.Webhook.DisabledReason == nil || !strings.Contains(*off.Webhook.DisabledReason, "410") {
		t.Errorf("%+v %v", off, err)
	}
	if a := n.Call("alice", http.MethodDelete, webhooksPath+"/"+g.Webhook.Id.String(), ""); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
