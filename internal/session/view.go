package session

import "time"

// View is a session as shown to people, with what follows from its row and the database's time.
type View struct {
	Session
	Health Health
	// TransferSpeed is in bytes per second and RecordsPerSecond in products handled per second: those of the last seconds, and
	// of a finished session those of the whole transfer. They are nil while nobody knows, and 0 when nothing moves.
	TransferSpeed    *float64
	RecordsPerSecond *float64
	// EstimatedTimeRemaining goes by the speed. It is nil while it cannot be said: the total is unknown, or nothing moves.
	EstimatedTimeRemaining *time.Duration
}

// NewView derives a View at the database's time now.
func NewView(s Session, now time.Time, limits Limits) View {
	s = s.Current()
	v := View{Session: s, Health: Judge(s, now, limits)}
	v.CurrentStep = shownStep(&s, now, limits, v.Health.Verdict)
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
