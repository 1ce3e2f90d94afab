package node

import (
	"context"
	"encoding/json"
	"net/http"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// Changes implements [syncer.Target]. Errors are those of [Target.Open], and NotFound.
func (t *Target) Changes(ctx context.Context, q session.ChangeQuery) (changes []session.Change, more bool, err error) {
	params := &spec.ListNodeChangesParams{Limit: &q.Limit}
	if q.After.ProductID != "" {
		after := q.After.String()
		params.After = &after
	}
	if q.Kind != "" {
		kind := spec.ChangeKind(q.Kind)
		params.Kind = &kind
	}
	if q.Text != "" {
		params.Q = &q.Text
	}
	var out spec.NodeChanges
	err = t.ask(ctx, &out, func(ctx context.Context, edit spec.RequestEditorFn) (*http.Response, error) {
		return t.api.ListNodeChanges(ctx, t.id, params, edit)
	})
	if err != nil {
		return nil, false, err
	}
	for _, c := range out.Changes {
		one := session.Change{
			SessionID: t.id.String(), ChangePosition: session.ChangePosition{Batch: c.Batch, ProductID: c.ProductId}, Kind: session.ChangeKind(c.Kind),
			Fields: []catalog.Difference{},
		}
		if one.Compare(q.After) <= 0 || !catalog.IsID(c.ProductId) || len(changes) == q.Limit {
			return nil, false, t.protocol("lists changes in a way that makes no sense")
		}
		for _, f := range c.Fields {
			one.Fields = append(one.Fields, catalog.Difference{Field: sentence(f.Field), Before: raw(f.Before), After: raw(f.After)})
		}
		changes, q.After = append(changes, one), one.ChangePosition
	}
	return changes, out.More, nil
}

// raw returns a JSON value, nil for null.
func raw(value *json.RawMessage) json.RawMessage {
	if value == nil {
		return nil
	}
	return *value
}
