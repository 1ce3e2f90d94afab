package session

// Current returns the session as this version shows it, whichever version wrote its row: during a rolling update, and in
// the history, the previous version's rows are still around.
func (s Session) Current() Session {
	s.Status = s.Status.Current() // the previous version writes the phase as well
	if s.Status == Completed && s.Outcome == "" {
		e := Completion(s.CurrentStep, Refusals{Count: s.Rejected}, s.Handled())
		s.Outcome, s.CurrentStep, s.ErrorMessage = e.Outcome, e.Step, e.Message
	}
	return s
}
