package session

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// shownStep returns the current step to show. While there is trouble, that replaces the step, because old clients show it
// nowhere else.
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

// waitingStep says what a worker is waiting for, and why. The reason is usually a sentence about the peer, otherwise about
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
