package api

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"fullsync/api/spec"
	"fullsync/internal/session"
)

// The longest texts of a reject that are shown, in characters. What a node writes down is shorter; the table may have been
// written by something else.
const (
	maxRejectID     = 255
	maxRejectReason = 500
)

// ListFullSyncRejects lists what a session refused.
func (h *sessionHandlers) ListFullSyncRejects(ctx context.Context, r spec.ListFullSyncRejectsRequestObject) (spec.ListFullSyncRejectsResponseObject, error) {
	id := r.SessionId.String()
	after, err := rejectsAfter(valueOr(r.Params.PageToken, ""), id)
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.PageSize)
	rejects, err := h.syncs.Rejects(ctx, id, after, size+1)
	if err != nil {
		return nil, err
	}
	out := spec.ListFullSyncRejects200JSONResponse{Success: true, Rejects: []spec.Reject{}}
	if len(rejects) > size {
		rejects = rejects[:size]
		position := strconv.FormatInt(rejects[size-1].Number, 10)
		out.NextPageToken = optional(pageToken{kind: rejectsPage, bound: id, position: position}.String())
	}
	for _, one := range rejects {
		out.Rejects = append(out.Rejects, rejectOf(one))
	}
	return out, nil
}

// rejectOf renders a reject.
func rejectOf(r session.Reject) spec.Reject {
	return spec.Reject{
		Number:    r.Number,
		ProductId: optional(foreign(r.ProductID, maxRejectID)),
		Reason:    foreign(r.Reason, maxRejectReason),
	}
}

// foreign returns text from a source as it may be shown: of at most limit characters, and without those that control a
// terminal or turn the direction of what stands around them.
func foreign(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
