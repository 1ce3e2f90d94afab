package metrics

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fullsync/internal/peer"
	"fullsync/internal/session"
)

// Without its database a node has no news of sessions, but all the rest.
func TestScrapeWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	m := New("1.2.3")
	m.Watch(Standing{
		Active: func(context.Context) ([]session.View, error) { return nil, errors.New("down") },
		Peers:  func(context.Context) ([]peer.Peer, error) { return nil, errors.New("down") },
		Pools:  func() []Pool { return []Pool{{Name: "show", Max: 4, Waits: 7, Waited: 1500 * time.Millisecond}} },
	})
	m.TakenOver()
	text, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"fullsync_database_up 0\n", "fullsync_takeovers_total 1\n", `fullsync_database_pool_max_connections{pool="show"} 4`,
		`fullsync_database_pool_waits_total{pool="show"} 7`, `fullsync_database_pool_wait_seconds_total{pool="show"} 1.5`,
		`fullsync_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "fullsync_sessions_active") || strings.Contains(string(text), "fullsync_peers") {
		t.Errorf("invented news:\n%s", text)
	}
}
