package api_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"fullsync/internal/webhook"
)

const webhookA = "7b0e1c52-5d0f-4b7e-9d0a-6a1d1f6f7c21"

// webhooks are one webhook, for which everything goes well.
type webhooks struct{ *services }

func onCall() webhook.Webhook {
	return webhook.Webhook{
		ID: webhookA, Name: "On call", URL: "https://hooks.example.com/x?y=1", Types: []webhook.Type{webhook.SessionFailed}, Enabled: true,
		SealedSecret: []byte("sealed-secret"), LastError: "The receiver answered 503.", CreatedBy: "alice", CreatedAt: at(0), UpdatedAt: at(1),
	}
}

func delivery() webhook.Delivery {
	next := at(9)
	return webhook.Delivery{
		ID: sessionA, WebhookID: webhookA, Type: webhook.SessionFailed, SessionID: sessionA, Body: "{}", State: webhook.Pending, NextAt: &next, CreatedAt: at(0),
		Attempts: []webhook.Attempt{{At: at(1), DurationMS: 15000, Problem: "No."}, {At: at(2), Status: 503, DurationMS: 3, Problem: "The receiver answered 503."}},
	}
}

func (s webhooks) List(context.Context) ([]webhook.Webhook, error) {
	return []webhook.Webhook{onCall()}, nil
}
func (s webhooks) Get(_ context.Context, id string) (webhook.Webhook, error) {
	if id != webhookA {
		return webhook.Webhook{}, webhook.Unknown()
	}
	return onCall(), nil
}
func (s webhooks) Add(_ context.Context, n webhook.New) (webhook.Webhook, string, error) {
	return s.addWebhook(n)
}
func (s webhooks) Change(context.Context, string, webhook.Change) (webhook.Webhook, error) {
	return onCall(), nil
}
func (s webhooks) Rotate(context.Context, string) (webhook.Webhook, string, error) {
	return onCall(), "whsec_bmV3", nil
}
func (s webhooks) Remove(context.Context, string) error { return nil }
func (s webhooks) Test(context.Context, string, string) (webhook.Delivery, error) {
	return delivery(), nil
}
func (s webhooks) Deliveries(context.Context, string, int) ([]webhook.Delivery, error) {
	return []webhook.Delivery{delivery()}, nil
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	n := setup(t)
	const path = "/api/admin/webhooks"
	const shown = `{"id":"` + webhookA + `","name":"On call","url":"https://hooks.example.com/x?y=1","types":["session.failed"],"enabled":true,"disabledReason":null,"previousSecretUntil":null,` +
		`"lastError":"The receiver answered 503.","lastSuccessAt":null,"createdBy":"alice","createdAt":"2026-01-31T10:00:00Z","updatedAt":"2026-01-31T10:00:01Z"}`
	const told = `{"id":"` + sessionA + `","type":"session.failed","sessionId":"` + sessionA + `","state":"pending","attempts":[{"at":"2026-01-31T10:00:01Z","status":null,"durationMs":15000,"problem":"No."},` +
		`{"at":"2026-01-31T10:00:02Z","status":503,"durationMs":3,"problem":"The receiver answered 503."}],"nextAttemptAt":"2026-01-31T10:00:09Z","createdAt":"2026-01-31T10:00:00Z","deliveredAt":null}`
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", path, "", `{"success":true,"webhooks":[` + shown + `]}`},
		{"GET", path + "/" + webhookA, "", `{"success":true,"webhook":` + shown + `}`},
		{"PATCH", path + "/" + webhookA, `{"types":["session.stalled"]}`, `{"success":true,"webhook":` + shown + `}`},
		{"POST", path + "/" + webhookA + "/rotate-secret", "", `{"success":true,"webhook":` + shown + `,"secret":"whsec_bmV3"}`},
		{"POST", path + "/" + webhookA + "/test", "", `{"success":true,"delivery":` + told + `}`},
		{"GET", path + "/" + webhookA + "/deliveries", "", `{"success":true,"deliveries":[` + told + `]}`},
		{"DELETE", path + "/" + webhookA, "", `{"success":true,"message":"Webhook removed successfully"}`},
	} {
		if a := n.call(c.method, c.path, c.body); strings.TrimSpace(a.body) != c.want {
			t.Errorf("%s %s: got  %s\nwant %s", c.method, c.path, a.body, c.want)
		}
	}
	var added webhook.New
	n.addWebhook = func(w webhook.New) (webhook.Webhook, string, error) {
		added = w
		return onCall(), "whsec_c2VjcmV0", nil
	}
	a := n.call("POST", path, `{"url":"https://hooks.example.com","types":["session.failed"]}`)
	if a.status != 201 || a.header.Get("Location") != path+"/"+webhookA || a.member("secret") != "whsec_c2VjcmV0" || strings.Contains(a.body, "sealed") ||
		!reflect.DeepEqual(added, webhook.New{URL: "https://hooks.example.com", Types: []webhook.Type{webhook.SessionFailed}, Enabled: true, By: "alice"}) {
		t.Errorf("%d %s: %+v", a.status, a.body, added)
	}
	for _, body := range []string{`{}`, `{"url":""}`, `{"url":"https://x","types":[]}`, `{"url":"https://x","types":["session.sold"]}`, `{"url":"https://x","secret":"mine"}`} {
		if a := n.call("POST", path, body); a.status != 400 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := n.call("GET", path+"/"+sessionA, ""); a.status != 404 || a.member("code") != "WEBHOOK_NOT_FOUND" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
