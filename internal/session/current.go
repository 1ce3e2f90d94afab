package session

// Current returns the session as this version shows it, whatever version wrote its row: during a rolling update, and in
// the history, there are rows of the previous one.
func (s Session) Current() Session {
	s.Status = s.Status.Current() // the previous version writes the phase as well
	if s.Status == Completed && s.Outcome == "" {
		e := Completion(s.CurrentStep, Refusals{Count: s.Rejected}, s.Handled())
		s.Outcome, s.CurrentStep, s.ErrorMessage = e.Outcome, e.Step, e.Message
	}
	return s
}
