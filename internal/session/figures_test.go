package session_test

import (
	"testing"
	"time"

	"fullsync/internal/session"
)

// TestFiguresByPeriod: a tally's hour decides which periods it counts for, and days are UTC days.
func TestFiguresByPeriod(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 1, 30, 0, 0, time.FixedZone("CET", 3600)) // 00:30 in UTC
	hours := func(n int) time.Time {
		return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour)
	}
	ended := func(hour time.Time, status session.Status, peerID string, processed, rejected int64) session.Tally {
		return session.Tally{
			Hour: hour, Status: status, Direction: session.Pull, PeerID: peerID, Kept: 1, Ended: 1, Processed: processed, Rejected: rejected, Bytes: 10,
		}
	}
	f := session.Summarise([]session.Tally{
		ended(hours(0), session.Completed, "a", 1, 1),
		ended(hours(-1), session.Failed, "b", 10, 0),
		ended(hours(-24), session.Completed, "b", 100, 0),
		ended(hours(-25), session.Cancelled, "b", 1000, 0),
		ended(hours(-6*24), session.Completed, "a", 10_000, 0),
		ended(hours(-6*24-1), session.Completed, "a", 100_000, 0),
		{Hour: time.Unix(0, 0), Status: session.Completed, Kept: -2, Ended: 3, Processed: 1_000_000, Bytes: 30},
		{Hour: hours(0), Status: session.Validating, Direction: "push", PeerID: "c", Kept: 1, Processed: 5, Pending: 7},
		{Hour: hours(0), Status: session.Completed, Direction: "push", PeerID: "c", Kept: 1, Ended: 1, Processed: 4},
	}, now)
	if len(f.Days) != 7 || !f.Days[0].Begin.Equal(hours(0)) || !f.Days[6].Begin.Equal(hours(-6*24)) || !f.At.Equal(now) {
		t.Fatalf("%+v", f)
	}
	for i, want := range []session.Period{
		{Sessions: 2, Completed: 2, Received: 2, Sent: 4, Processed: 5, Rejected: 1, Bytes: 10, Peers: 2},
		{Sessions: 2, Completed: 1, Failed: 1, Received: 110, Processed: 110, Bytes: 20, Peers: 1},
		{Sessions: 1, Received: 1000, Processed: 1000, Bytes: 10, Peers: 1},
		{}, {}, {},
		{Sessions: 1, Completed: 1, Received: 10_000, Processed: 10_000, Bytes: 10, Peers: 1},
	} {
		if got := plain(f.Days[i]); got != plain(want) {
			t.Errorf("day %d: %+v, want %+v", i, got, plain(want))
		}
	}
	if got, want := plain(f.LastDay), plain(session.Period{
		Sessions: 4, Completed: 3, Failed: 1, Received: 112, Sent: 4, Processed: 115, Rejected: 1, Bytes: 30, Peers: 3,
	}); got != want {
		t.Errorf("the last day: %+v, want %+v", got, want)
	}
	if f.Processed != 1_111_120 || f.Rejected != 1 || f.Pending != 7 {
		t.Errorf("%d processed, %d rejected, %d pending", f.Processed, f.Rejected, f.Pending)
	}
	if f.ByStatus[session.Completed] != 3 || f.ByStatus[session.Transferring] != 1 || f.ByStatus[session.Cancelled] != 1 || len(f.ByStatus) != 4 {
		t.Errorf("%v", f.ByStatus)
	}
	if f.LastDay.Health() != 75 || f.LastDay.Success() != 99.1 || f.Days[3].Health() != 100 || f.Days[3].Success() != 100 {
		t.Errorf("health %v, success %v", f.LastDay.Health(), f.LastDay.Success())
	}
}

// plain returns the comparable part of a period.
func plain(p session.Period) [9]int64 {
	return [9]int64{p.Sessions, p.Completed, p.Failed, p.Received, p.Sent, p.Processed, p.Rejected, p.Bytes, int64(p.Peers)}
}
