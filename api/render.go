package api

import (
	"context"
	"math"
	"time"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// startedOf renders the answer to a start, with a sentence to show.
func startedOf(v session.View, message string) spec.StartResponse {
	return spec.StartResponse{Success: true, SessionId: sessionID(v.ID), Message: message, Session: sessionOf(v)}
}

// location is where a session can be watched.
func location(ctx context.Context, v session.View) string {
	return underPrefix(ctx, "/api/admin/sync/full-sync/"+v.ID)
}

// sessionOf renders a session.
func sessionOf(v session.View) spec.Session {
	return spec.Session{
		SessionId:              sessionID(v.ID),
		Catalog:                v.Catalog,
		Direction:              spec.Direction(v.Direction),
		SourceNodeId:           v.SourceNodeID,
		TargetNodeId:           v.TargetNodeID,
		Method:                 v.Method,
		Status:                 spec.SessionStatus(v.Status),
		Phase:                  spec.Phase(v.Phase),
		CurrentStep:            v.CurrentStep,
		Progress:               v.Progress,
		TotalRecords:           v.TotalRecords,
		TransferredRecords:     v.TransferredRecords,
		Created:                v.Created,
		Updated:                v.Updated,
		Unchanged:              v.Unchanged,
		Deleted:                v.Deleted,
		Rejected:               v.Rejected,
		TransferredBytes:       v.TransferredBytes,
		TransferSpeed:          rounded(v.TransferSpeed, 1),
		RecordsPerSecond:       rounded(v.RecordsPerSecond, 10),
		EstimatedTimeRemaining: wholeSeconds(v.EstimatedTimeRemaining),
		StartedAt:              v.StartedAt.UTC(),
		StartedBy:              v.StartedBy,
		LastHeartbeatAt:        inUTC(v.LastHeartbeatAt),
		LastCommitAt:           inUTC(v.LastCommitAt),
		LastSourceAt:           inUTC(v.LastSourceAt),
		CompletedAt:            inUTC(v.CompletedAt),
		ErrorMessage:           optional(v.ErrorMessage),
		ErrorCode:              optional(v.ErrorCode),
		CancelledBy:            optional(v.CancelledBy),
		CancelReason:           optional(v.CancelReason),
		Attempts:               v.Attempts,
		Worker:                 optional(v.Worker),
		ResumedFrom:            optionalSessionID(v.ResumedFrom),
		ResumedRecords:         v.ResumedRecords,
		Options:                optionsOf(v.Options),
		Outcome:                outcomeOf(v.Outcome),
		DeletesWithheld:        v.DeletesWithheld,
		Repaired:               v.Repaired,
		ReadWhole:              optional(v.ReadWhole),
		Incoming:               v.Incoming,
		TargetConfirmed:        v.TargetConfirmed,
		RevertOf:               optionalSessionID(v.RevertOf),
		RevertedBy:             optionalSessionID(v.RevertedBy),
		PlanId:                 optionalSessionID(v.PlanID),
		KeepFields:             keptOf(v.KeepFields),
		ChangesKept:            v.KeepsChanges(),
		ChangesKeptUntil:       inUTC(v.ChangesKeptUntil),
		Health:                 healthOf(v),
	}
}

// keptOf renders a session's list of kept fields; nil where it keeps none.
func keptOf(fields catalog.Fields) *[]string {
	if len(fields) == 0 {
		return nil
	}
	return (*[]string)(&fields)
}

func optionsOf(o session.Options) spec.SessionOptions {
	return spec.SessionOptions{
		BatchSize:            o.BatchSize,
		MaxProductsPerSecond: o.MaxProductsPerSecond,
		VerifyAfterSync:      o.VerifyAfterSync,
		CompressionEnabled:   o.CompressionEnabled,
		TimeoutSeconds:       o.TimeoutSeconds,
		ReadEverything:       o.ReadEverything,
		DeleteMissing:        o.DeleteMissing,
		MaxDeletes:           o.MaxDeletes,
		MaxDeletePercent:     o.MaxDeletePercent,
		DryRun:               o.DryRun,
		ApprovedDeletes:      optionalSessionID(o.ApprovedDeletes),
	}
}

func healthOf(v session.View) spec.Health {
	return spec.Health{Verdict: spec.HealthVerdict(v.Health.Verdict), Reason: v.Health.Reason}
}

// certificatesOf returns nil where there are none.
func certificatesOf(text string) *spec.Certificates {
	kept, ok := session.ParseCertificates(text)
	if !ok {
		return nil
	}
	one := func(c *session.Certificate) *spec.Certificate {
		if c == nil {
			return nil
		}
		return &spec.Certificate{Sha256: c.SHA256, Products: c.Products}
	}
	return &spec.Certificates{Source: one(kept.Source), Target: one(kept.Target)}
}

// outcomeOf returns nil where there is none.
func outcomeOf(o session.Outcome) *spec.Outcome {
	if o == "" {
		return nil
	}
	shown := spec.Outcome(o)
	return &shown
}

// rounded returns a speed in parts of one, nil for nil.
func rounded(speed *float64, parts float64) *float64 {
	if speed == nil {
		return nil
	}
	shown := math.Round(*speed*parts) / parts
	return &shown
}

// wholeSeconds rounds up: something that is not over yet never shows as 0.
func wholeSeconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	seconds := int64(math.Ceil(d.Seconds()))
	return &seconds
}

// inUTC returns the time in UTC, nil for nil.
func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// optional returns nil for the empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// optionalSessionID returns nil for the empty id.
func optionalSessionID(id string) *spec.SessionID {
	if id == "" {
		return nil
	}
	parsed := sessionID(id)
	return &parsed
}

// milliseconds returns a time span in seconds, to the millisecond.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000
}
