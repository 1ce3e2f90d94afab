package app

import (
	"context"
	"time"

	"fullsync/api"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/syncer"
	"fullsync/internal/webhook"
)

// keepDeliveries is how long it is kept what webhooks were told.
const keepDeliveries = 30 * 24 * time.Hour

// webhooks builds what tells other systems of sessions, and returns the book of webhooks.
func (a *App) webhooks(sealer peer.Seals, syncs api.Syncs, settings syncer.Config) *webhook.Book {
	counted := measuredMail{a.Store, a.metrics}
	courier := webhook.NewCourier(counted, sealer, "fullsync/"+Version(), a.log)
	a.engine.Deliveries(courier.Deliver)
	a.tell = webhook.NewDispatcher(a.Store, webhook.Sessions{
		Active: func(ctx context.Context) ([]session.View, error) {
			return syncs.List(ctx, syncer.Query{Statuses: session.ActiveStatuses()})
		},
		Encode: api.EncodeSession, Limits: settings.Limits,
	}, a.engine.EnqueueDelivery, a.log)
	return webhook.NewBook(counted, sealer, courier)
}
