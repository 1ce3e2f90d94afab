package session

import "time"

// View is a session as shown to people, with everything that follows from its row and the database's time.
type View struct {
	Session
	Health Health
	// TransferSpeed is in bytes per second, RecordsPerSecond in handled products per second. They cover the last few
	// seconds, or the whole transfer of a finished session. They are nil if unknown, and 0 if nothing is moving.
	TransferSpeed    *float64
	RecordsPerSecond *float64
	// EstimatedTimeRemaining is derived from the speed. It is nil if unknown, because the total is unknown or nothing is
	// moving.
	EstimatedTimeRemaining *time.Duration
	// ChangesKeptUntil is nil while the session is active, and where its changes are not kept.
	ChangesKeptUntil *time.Time
}

// NewView derives a View as of now, the database's time.
func NewView(s Session, now time.Time, limits Limits) View {
	s = s.Current()
	v := View{Session: s, Health: Judge(s, now, limits)}
	v.CurrentStep = shownStep(&s, now, limits, v.Health.Verdict)
	if s.CompletedAt != nil && s.KeepsChanges() {
		until := s.CompletedAt.Add(limits.KeepChanges)
		v.ChangesKeptUntil = &until
	}
	speed := speedAt(&s, now, limits)
	if speed == nil {
		return v
	}
	v.TransferSpeed, v.RecordsPerSecond = &speed.bytes, &speed.handled
	moves := s.Status == Transferring && (v.Health.Verdict == Healthy || v.Health.Verdict == Throttled)
	if moves && s.TotalRecords != nil && speed.handled > 0 {
		left := max(0, *s.TotalRecords-s.Handled())
		eta := time.Duration(float64(left) / speed.handled * float64(time.Second))
		v.EstimatedTimeRemaining = &eta
	}
	return v
}
