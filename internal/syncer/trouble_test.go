package syncer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
	"fullsync/internal/transfer"
)

// notes are what the list of peers is told.
type notes struct{ all []string }

func (*notes) Target(context.Context, string) (peer.Target, error) { return peer.Target{}, nil }

func (n *notes) Seen(_ context.Context, nodeID string, err error) error {
	n.all = append(n.all, nodeID+": "+fault.Sentence(err, ""))
	return nil
}

// TestTroublesAreTold to the log, and a peer's to the list of peers until they are over.
func TestTroublesAreTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	list := &notes{}
	told := &troubles{log: slog.New(slog.NewTextHandler(&log, nil)).With("session", "s-1"), peers: list, peerID: "branch"}
	busy := fault.New(fault.Unavailable, "PEER_UNAVAILABLE", "", "Peer branch is busy.")
	for _, w := range []transfer.Wait{
		{Source: true}, // nothing was noted
		{Reason: "The database does not answer; retry 1 of 7", For: time.Second, Try: 1, Err: errors.New("57P01")},
		{},
		{Reason: "Peer branch is busy", For: time.Second, Throttled: true, Source: true, Err: busy},
		{Reason: "Peer branch is busy; retry 1 of 7", For: time.Second, Try: 1, Source: true, Err: busy},
		{},             // of the database
		{Source: true}, // it answers
		{Source: true},
	} {
		told.waiting(t.Context(), w)
	}
	told.failed(t.Context(), fault.New(fault.Unavailable, "DATABASE_UNAVAILABLE", "", "The database does not answer."))
	told.failed(t.Context(), busy)
	told.answered(t.Context())
	want := "branch: Peer branch is busy.|branch: |branch: Peer branch is busy.|branch: "
	if got := strings.Join(list.all, "|"); got != want {
		t.Errorf("the list of peers was told\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{
		`level=WARN msg="waiting before another try" session=s-1 peer=branch what="The database does not answer; retry 1 of 7" try=1 wait=1s cause=57P01`,
		`level=INFO msg="waiting as long as was asked for" session=s-1 peer=branch what="Peer branch is busy" wait=1s`,
		`level=WARN msg="waiting before another try" session=s-1 peer=branch what="Peer branch is busy; retry 1 of 7" try=1 wait=1s`,
		`level=INFO msg="the trouble has passed" session=s-1 peer=branch`,
	} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log does not say %s:\n%s", line, &log)
		}
	}
}

// TestResumable: what a failure advises is true.
func TestResumable(t *testing.T) {
	t.Parallel()
	total := int64(1000)
	row := func(change func(*session.Session)) *session.Session {
		s := &session.Session{Cursor: "x", TotalRecords: &total, TransferredRecords: 290, ResumedRecords: 5}
		s.Rejected = 5
		if change != nil {
			change(s)
		}
		return s
	}
	gone := fault.New(fault.Unavailable, "PEER_UNAVAILABLE", "", "It is gone.")
	const advice = " What was committed stays: resume the sync, and it goes on behind the 300 products that it has read."
	for name, tc := range map[string]struct {
		err  error
		row  *session.Session
		says string
	}{
		"passing trouble":   {gone, row(nil), "It is gone." + advice},
		"a person must act": {fault.New(fault.Impossible, "PEER_REFUSED", "", "It is refused."), row(nil), "It is refused." + advice},
		"total unknown":     {gone, row(func(s *session.Session) { s.TotalRecords = nil }), "It is gone." + advice},
		"nothing committed": {gone, row(func(s *session.Session) { s.Cursor = "" }), "It is gone."},
		"all was read":      {gone, row(func(s *session.Session) { s.TransferredRecords = 990 }), "It is gone."},
		"says it by itself": {fault.New(fault.Conflict, transfer.CodeIncomplete, "", "Resume it."), row(nil), "Resume it."},
		"internal":          {errors.New("bug"), row(nil), "internal"},
	} {
		if got := fault.Sentence(resumable(tc.err, tc.row), "internal"); got != tc.says {
			t.Errorf("%s: %q, want %q", name, got, tc.says)
		}
	}
	if resumable(nil, row(nil)) != nil {
		t.Error("a success fails")
	}
}

// SawMark forgets.
func (*notes) SawMark(context.Context, string, string) error { return nil }

func (*notes) NoteFeed(context.Context, peer.Target, peer.FeedSeen) error { return nil }
