package api

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"fullsync/api/spec"
	"fullsync/internal/session"
	"fullsync/internal/webhook"
)

// Webhooks manages the webhooks of this node; [webhook.Book] is one.
type Webhooks interface {
	List(ctx context.Context) ([]webhook.Webhook, error)
	Get(ctx context.Context, id string) (webhook.Webhook, error)
	Add(ctx context.Context, n webhook.New) (w webhook.Webhook, secret string, err error)
	Change(ctx context.Context, id string, c webhook.Change) (webhook.Webhook, error)
	Rotate(ctx context.Context, id string) (w webhook.Webhook, secret string, err error)
	Remove(ctx context.Context, id string) error
	Test(ctx context.Context, id, by string) (webhook.Delivery, error)
	Deliveries(ctx context.Context, id string, limit int) ([]webhook.Delivery, error)
}

// EncodeSession renders a session as its route does.
func EncodeSession(v session.View) (json.RawMessage, error) { return json.Marshal(sessionOf(v)) }

// webhookHandlers manage the webhooks of this node.
type webhookHandlers struct{ webhooks Webhooks }

// ListWebhooks lists all webhooks.
func (h *webhookHandlers) ListWebhooks(ctx context.Context, _ spec.ListWebhooksRequestObject) (spec.ListWebhooksResponseObject, error) {
	all, err := h.webhooks.List(ctx)
	if err != nil {
		return nil, err
	}
	out := spec.ListWebhooks200JSONResponse{Success: true, Webhooks: []spec.Webhook{}}
	for _, w := range all {
		out.Webhooks = append(out.Webhooks, webhookOf(w))
	}
	return out, nil
}

// AddWebhook adds a webhook and shows its secret.
func (h *webhookHandlers) AddWebhook(ctx context.Context, r spec.AddWebhookRequestObject) (spec.AddWebhookResponseObject, error) {
	w, secret, err := h.webhooks.Add(ctx, webhook.New{
		Name: valueOr(r.Body.Name, ""), URL: r.Body.Url, Types: webhookTypes(valueOr(r.Body.Types, nil)), Enabled: valueOr(r.Body.Enabled, true), By: caller(ctx),
	})
	if err != nil {
		return nil, err
	}
	return spec.AddWebhook201JSONResponse{
		Headers: spec.AddWebhook201ResponseHeaders{Location: underPrefix(ctx, "/api/admin/webhooks/"+w.ID)},
		Body:    spec.WebhookSecretResponse{Success: true, Webhook: webhookOf(w), Secret: secret},
	}, nil
}

// GetWebhook shows one webhook.
func (h *webhookHandlers) GetWebhook(ctx context.Context, r spec.GetWebhookRequestObject) (spec.GetWebhookResponseObject, error) {
	w, err := h.webhooks.Get(ctx, r.WebhookId.String())
	if err != nil {
		return nil, err
	}
	return spec.GetWebhook200JSONResponse{Success: true, Webhook: webhookOf(w)}, nil
}

// ChangeWebhook changes the members that are given.
func (h *webhookHandlers) ChangeWebhook(ctx context.Context, r spec.ChangeWebhookRequestObject) (spec.ChangeWebhookResponseObject, error) {
	c := webhook.Change{Name: r.Body.Name, URL: r.Body.Url, Enabled: r.Body.Enabled}
	if r.Body.Types != nil {
		types := webhookTypes(*r.Body.Types)
		c.Types = &types
	}
	w, err := h.webhooks.Change(ctx, r.WebhookId.String(), c)
	if err != nil {
		return nil, err
	}
	return spec.ChangeWebhook200JSONResponse{Success: true, Webhook: webhookOf(w)}, nil
}

// RotateWebhookSecret gives a webhook a new secret and shows it.
func (h *webhookHandlers) RotateWebhookSecret(ctx context.Context, r spec.RotateWebhookSecretRequestObject) (spec.RotateWebhookSecretResponseObject, error) {
	w, secret, err := h.webhooks.Rotate(ctx, r.WebhookId.String())
	if err != nil {
		return nil, err
	}
	return spec.RotateWebhookSecret200JSONResponse{Success: true, Webhook: webhookOf(w), Secret: secret}, nil
}

// RemoveWebhook forgets a webhook.
func (h *webhookHandlers) RemoveWebhook(ctx context.Context, r spec.RemoveWebhookRequestObject) (spec.RemoveWebhookResponseObject, error) {
	if err := h.webhooks.Remove(ctx, r.WebhookId.String()); err != nil {
		return nil, err
	}
	return spec.RemoveWebhook200JSONResponse{Success: true, Message: "Webhook removed successfully"}, nil
}

// TestWebhook sends a test message and says how that went.
func (h *webhookHandlers) TestWebhook(ctx context.Context, r spec.TestWebhookRequestObject) (spec.TestWebhookResponseObject, error) {
	d, err := h.webhooks.Test(ctx, r.WebhookId.String(), caller(ctx))
	if err != nil {
		return nil, err
	}
	return spec.TestWebhook200JSONResponse{Success: true, Delivery: deliveryOf(d)}, nil
}

// ListWebhookDeliveries lists the latest deliveries of a webhook.
func (h *webhookHandlers) ListWebhookDeliveries(ctx context.Context, r spec.ListWebhookDeliveriesRequestObject) (spec.ListWebhookDeliveriesResponseObject, error) {
	all, err := h.webhooks.Deliveries(ctx, r.WebhookId.String(), pageSize(r.Params.PageSize))
	if err != nil {
		return nil, err
	}
	out := spec.ListWebhookDeliveries200JSONResponse{Success: true, Deliveries: make([]spec.WebhookDelivery, len(all))}
	for i, d := range all {
		out.Deliveries[i] = deliveryOf(d)
	}
	return out, nil
}

func webhookTypes(given []spec.WebhookType) []webhook.Type {
	types := make([]webhook.Type, len(given))
	for i, t := range given {
		types[i] = webhook.Type(t)
	}
	return types
}

// webhookOf renders a webhook; its secret is never among it.
func webhookOf(w webhook.Webhook) spec.Webhook {
	out := spec.Webhook{
		Id: parsedID(w.ID), Name: w.Name, Url: w.URL, Types: make([]spec.WebhookType, len(w.Types)), Enabled: w.Enabled, DisabledReason: optional(w.DisabledReason),
		PreviousSecretUntil: inUTC(w.PreviousUntil), LastError: optional(w.LastError), LastSuccessAt: inUTC(w.LastSuccessAt),
		CreatedBy: w.CreatedBy, CreatedAt: w.CreatedAt.UTC(), UpdatedAt: w.UpdatedAt.UTC(),
	}
	for i, t := range w.Types {
		out.Types[i] = spec.WebhookType(t)
	}
	return out
}

func deliveryOf(d webhook.Delivery) spec.WebhookDelivery {
	out := spec.WebhookDelivery{
		Id: parsedID(d.ID), Type: string(d.Type), SessionId: optionalSessionID(d.SessionID), State: spec.WebhookDeliveryState(d.State),
		Attempts: make([]spec.WebhookAttempt, len(d.Attempts)), NextAttemptAt: inUTC(d.NextAt), CreatedAt: d.CreatedAt.UTC(), DeliveredAt: inUTC(d.DeliveredAt),
	}
	for i, a := range d.Attempts {
		out.Attempts[i] = spec.WebhookAttempt{At: a.At.UTC(), Status: unlessZero(a.Status), DurationMs: a.DurationMS, Problem: optional(a.Problem)}
	}
	return out
}

// parsedID returns an id as the document's type; ids in the database are UUIDs.
func parsedID(id string) uuid.UUID {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil
	}
	return parsed
}
