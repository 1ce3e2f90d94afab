package session

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// shownStep is the current step as shown. Trouble takes its place for as long as it lasts, because old clients show nothing
// else of it.
func shownStep(s *Session, now time.Time, limits Limits, verdict Verdict) string {
	switch {
	case !s.Status.Active() || s.Worker == "":
		return s.CurrentStep
	case s.WaitingFor != "":
		return waitingStep(s.PeerID, s.WaitingFor)
	case verdict != Stalled:
		return s.CurrentStep
	}
	if silent := s.silence(now); silent > limits.StalledAfter {
		return fmt.Sprintf("Waiting for %s: nothing came from it for %s", s.PeerID, seconds(silent))
	}
	return fmt.Sprintf("%s; nothing was committed for %s", s.CurrentStep, seconds(now.Sub(s.busySince())))
}

// waitingStep says whom a worker waits for, and why. The reason is a sentence about the peer as a rule; otherwise it is about
// this node's database.
func waitingStep(peerID, reason string) string {
	if what, ok := strings.CutPrefix(reason, "Peer "+peerID+" "); ok {
		return "Waiting for " + peerID + ": it " + what
	}
	first, size := utf8.DecodeRuneInString(reason)
	reason = string(unicode.ToLower(first)) + reason[size:]
	if strings.Contains(reason, "peer "+peerID) {
		return "Waiting for " + peerID + ": " + reason
	}
	return "Waiting: " + reason
}
