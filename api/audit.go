package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/audit"
)

// auditHandlers show who did what.
type auditHandlers struct{ audit Audit }

// ListAudit lists entries of the audit log.
func (h *auditHandlers) ListAudit(ctx context.Context, r spec.ListAuditRequestObject) (spec.ListAuditResponseObject, error) {
	q := audit.Query{
		Actor: valueOr(r.Params.Actor, ""), Action: valueOr(r.Params.Action, ""), Target: valueOr(r.Params.Target, ""),
		After: valueOr(r.Params.After, time.Time{}), Before: valueOr(r.Params.Before, time.Time{}),
	}
	bound := fmt.Sprintf("%q %q %q %s %s", q.Actor, q.Action, q.Target, q.After, q.Before)
	var err error
	if q.BeforeID, err = auditBefore(valueOr(r.Params.PageToken, ""), bound); err != nil {
		return nil, err
	}
	size := pageSize(r.Params.PageSize)
	q.Limit = size + 1
	entries, err := h.audit.ListAudit(ctx, q)
	if err != nil {
		return nil, err
	}
	out := spec.ListAudit200JSONResponse{Success: true, Entries: []spec.AuditEntry{}}
	if len(entries) > size {
		entries = entries[:size]
		out.NextPageToken = optional(pageToken{kind: auditPage, bound: bound, position: strconv.FormatInt(entries[size-1].ID, 10)}.String())
	}
	for _, e := range entries {
		out.Entries = append(out.Entries, auditEntryOf(e))
	}
	return out, nil
}

// auditBefore returns the entry before which a listing goes on; 0 for the empty token.
func auditBefore(token, bound string) (id int64, err error) {
	if token == "" {
		return 0, nil
	}
	position, err := parsePageToken(token, auditPage, bound)
	if err != nil {
		return 0, err
	}
	if id, err = strconv.ParseInt(position, 10, 64); err != nil || id < 1 {
		return 0, badPageToken()
	}
	return id, nil
}

// auditEntryOf renders an entry.
func auditEntryOf(e audit.Entry) spec.AuditEntry {
	return spec.AuditEntry{
		Id: e.ID, At: e.At.UTC(), Actor: optional(e.Actor), Kind: string(e.Kind), Address: optional(e.Address), RequestId: optional(e.RequestID),
		Action: e.Action, Target: optional(e.Target), Before: auditValues(e.Before), After: auditValues(e.After),
	}
}

// auditValues returns the JSON object of an entry, nil where there is none.
func auditValues(text string) *map[string]any {
	var values map[string]any
	if json.Unmarshal([]byte(text), &values) != nil || len(values) == 0 {
		return nil
	}
	return &values
}
