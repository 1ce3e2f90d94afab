package store_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"fullsync/internal/session"
	"fullsync/internal/store"
	"fullsync/internal/webhook"
)

// TestStallsAreToldOnce for each batch after which a session stalls, and only the webhooks that are switched on are told.
func TestStallsAreToldOnce(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		row := transferring(t, s, "s1") // before there was any webhook
		for _, w := range []webhook.Webhook{{ID: "on", Enabled: true}, {ID: "off"}} {
			w.Types = webhook.Types()
			if err := s.AddWebhook(t.Context(), &w, 2); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.AddWebhook(t.Context(), &webhook.Webhook{ID: "more", Types: webhook.Types()}, 2); err == nil {
			t.Error("a third one of two")
		}
		for _, batch := range []int64{3, 3, 4} {
			row.BatchSeq = batch
			if err := s.NoteStall(t.Context(), row); err != nil {
				t.Fatal(err)
			}
		}
		if ok, err := s.CancelSession(t.Context(), "s1", by("enough")); err != nil || !ok {
			t.Fatal(ok, err)
		}
		var told, enqueued []string
		address := func(e webhook.Event, of session.Session, now time.Time, hooks []webhook.Webhook) ([]webhook.Delivery, error) {
			if len(hooks) != 1 || hooks[0].ID != "on" || of.ID != "s1" || now.Before(e.At.Add(-time.Minute)) {
				t.Errorf("%+v %+v", hooks, of)
			}
			told = append(told, e.Status)
			return []webhook.Delivery{{ID: e.Status + of.ID + string(rune('a'+len(told))), WebhookID: "on", Type: webhook.SessionStalled, Body: "{}", State: webhook.Pending, Attempts: []webhook.Attempt{}, CreatedAt: now}}, nil
		}
		enqueue := func(_ context.Context, _ *sql.Tx, id string) error { enqueued = append(enqueued, id); return nil }
		for _, want := range []int{2, 1, 0} {
			if n, err := s.Dispatch(t.Context(), 2, address, enqueue); n != want || err != nil {
				t.Fatal(n, err)
			}
		}
		if !slices.Equal(told, []string{webhook.Stalled, webhook.Stalled, string(session.Cancelled)}) || len(enqueued) != 3 {
			t.Errorf("told %v, enqueued %v", told, enqueued)
		}
		if list, err := s.ListDeliveries(t.Context(), "on", 10); err != nil || len(list) != 3 {
			t.Errorf("%+v %v", list, err)
		}
		// What went with its webhook is no trouble for the job that comes for it.
		if err := s.RemoveWebhook(t.Context(), "on"); err != nil {
			t.Fatal(err)
		}
		if _, _, ok, err := s.TakeDelivery(t.Context(), enqueued[0]); ok || err != nil {
			t.Error(ok, err)
		}
	})
}
