package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/store"
)

func TestPeersAreKept(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		addPeer(t, s, "branch")
		addPeer(t, s, "attic")
		if err := s.AddPeer(ctx, &peer.Peer{NodeID: "branch"}); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a second branch: %v", err)
		}
		peers, err := s.ListPeers(ctx)
		if err != nil || len(peers) != 2 || peers[0].NodeID != "attic" || peers[1].CreatedAt.IsZero() {
			t.Errorf("%+v, %v", peers, err)
		}
		changed, err := s.ChangePeer(ctx, "branch", func(p *peer.Peer) error {
			p.URL, p.IsActive, p.SealedToken = "https://branch.example", false, []byte{0, 1, 255}
			return nil
		})
		if err != nil || changed.IsActive {
			t.Fatalf("%+v, %v", changed, err)
		}
		stored, err := s.GetPeer(ctx, "branch")
		if err != nil || stored.IsActive || stored.URL != "https://branch.example" || string(stored.SealedToken) != "\x00\x01\xff" {
			t.Errorf("%+v, %v", stored, err)
		}
		refused := errors.New("refused")
		if _, err := s.ChangePeer(ctx, "branch", func(p *peer.Peer) error { p.URL = "x"; return refused }); !errors.Is(err, refused) {
			t.Errorf("%v", err)
		}
		if stored, _ := s.GetPeer(ctx, "branch"); stored.URL != "https://branch.example" {
			t.Error("a refused change was written")
		}
		if _, err := s.ChangePeer(ctx, "nobody", func(*peer.Peer) error { return nil }); fault.KindOf(err) != fault.NotFound {
			t.Errorf("unknown: %v", err)
		}
	})
}

func TestPeerIsTouched(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		addPeer(t, s, "branch")
		for _, lastError := range []string{"branch does not answer", ""} {
			if err := s.TouchPeer(t.Context(), "branch", lastError); err != nil {
				t.Fatal(err)
			}
			p, err := s.GetPeer(t.Context(), "branch")
			if err != nil || p.LastError != lastError || (p.LastSeen == nil) != (lastError != "") || (p.LastSeenAgo == nil) != (lastError != "") {
				t.Errorf("%+v, %v", p, err)
			}
			if online := p.Online(time.Hour); online != (lastError == "") {
				t.Errorf("with the last error %q: online %v", lastError, online)
			}
		}
		if err := s.TouchPeer(t.Context(), "nobody", ""); err != nil {
			t.Error(err)
		}
	})
}

// TestFeedIsNotedAtAnyTime: what a feed was is kept whatever the last digits of the time of its last change, and not after another change.
func TestFeedIsNotedAtAnyTime(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		addPeer(t, s, "erp")
		for _, ms := range []int{0, 100, 120, 123} {
			changed := time.Date(2026, 1, 2, 3, 4, 5, ms*1e6, time.UTC)
			if _, err := s.SQL().ExecContext(t.Context(), "UPDATE peers SET updated_at = $1", changed); err != nil {
				t.Fatal(err)
			}
			p, err := s.GetPeer(t.Context(), "erp")
			if err != nil {
				t.Fatal(err)
			}
			seen := peer.FeedSeen{ETag: fmt.Sprint(ms)}
			if err := s.NoteFeed(t.Context(), "erp", p.UpdatedAt.Add(-time.Millisecond), peer.FeedSeen{ETag: "of before"}); err != nil {
				t.Error(err)
			}
			if err := s.NoteFeed(t.Context(), "erp", p.UpdatedAt, seen); err != nil {
				t.Error(err)
			}
			if p, err = s.GetPeer(t.Context(), "erp"); err != nil || p.FeedSeen != seen {
				t.Errorf("changed at %v: %+v, %v", changed, p.FeedSeen, err)
			}
		}
	})
}

// TestResetSealDropsTokens: whoever adopts a new secret must not be left with tokens that nothing opens.
func TestResetSealDropsTokens(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		addPeer(t, s, "branch")
		addPeer(t, s, "attic")
		if _, err := s.KeepSealMark(ctx, []byte("old")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ChangePeer(ctx, "branch", func(p *peer.Peer) error { p.SealedToken = []byte{1}; return nil }); err != nil {
			t.Fatal(err)
		}
		if n, err := s.ResetSeal(ctx, []byte("new")); n != 1 || err != nil {
			t.Errorf("%d tokens dropped, %v", n, err)
		}
		if mark, err := s.KeepSealMark(ctx, []byte("other")); string(mark) != "new" || err != nil {
			t.Errorf("mark %q, %v", mark, err)
		}
		if p, err := s.GetPeer(ctx, "branch"); err != nil || len(p.SealedToken) != 0 {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestPeerInUseStays(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		addPeer(t, s, "branch")
		transferring(t, s, "s1")
		off := func(p *peer.Peer) error { p.IsActive = false; return nil }
		_, switched := s.ChangePeer(ctx, "branch", off)
		for _, err := range []error{switched, s.RemovePeer(ctx, "branch")} {
			var inUse *peer.InUseError
			if !errors.As(err, &inUse) || inUse.SessionID != "s1" || fault.KindOf(err) != fault.Conflict {
				t.Errorf("%v", err)
			}
		}
		// Whatever else may change.
		renamed, err := s.ChangePeer(ctx, "branch", func(p *peer.Peer) error { p.NodeName = "Harbour"; return nil })
		if err != nil || !renamed.IsActive || renamed.NodeName != "Harbour" {
			t.Errorf("%+v %v", renamed, err)
		}
		if _, err := s.CancelSession(ctx, "s1", by("")); err != nil {
			t.Fatal(err)
		}
		if p, err := s.ChangePeer(ctx, "branch", off); err != nil || p.IsActive {
			t.Errorf("%+v %v", p, err)
		}
		if err := s.RemovePeer(ctx, "branch"); err != nil {
			t.Error(err)
		}
		if err := s.RemovePeer(ctx, "branch"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("twice: %v", err)
		}
	})
}

// TestNobodyStaysOnline: when nobody checks a peer any more, it does not look as if it were there.
func TestNobodyStaysOnline(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		addPeer(t, s, "branch")
		if err := s.TouchPeer(t.Context(), "branch", ""); err != nil {
			t.Fatal(err)
		}
		backdate(t, s, "peers", "last_seen", 1)
		all, err := s.ListPeers(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		changed, err := s.ChangePeer(t.Context(), "branch", func(*peer.Peer) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []peer.Peer{all[0], changed} {
			if p.Online(29*time.Minute) || !p.Online(31*time.Minute) || p.LastSeenAgo.Round(time.Minute) != time.Hour {
				t.Errorf("seen %s ago", p.LastSeenAgo)
			}
		}
	})
}

// TestEachCheckIsForOneReplica: of many that look at once, each due peer is handed to one, and only what is switched on is due.
func TestEachCheckIsForOneReplica(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		const peers = 20
		for i := range peers {
			addPeer(t, s, fmt.Sprintf("branch-%02d", i))
		}
		addPeer(t, s, "off")
		if _, err := s.ChangePeer(t.Context(), "off", func(p *peer.Peer) error { p.IsActive = false; return nil }); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		claimed := map[string]int{}
		var replicas sync.WaitGroup
		for range 4 {
			replicas.Go(func() {
				misses := 0
				for misses < 20 {
					id, ok, err := s.DuePeer(t.Context(), time.Hour, time.Hour)
					if err != nil {
						t.Error(err)
						return
					}
					if !ok {
						misses++ // another one may have been faster
						continue
					}
					mu.Lock()
					claimed[id]++
					mu.Unlock()
				}
			})
		}
		replicas.Wait()
		for id, n := range claimed {
			if n != 1 || id == "off" {
				t.Errorf("%s was handed out %d times", id, n)
			}
		}
		if len(claimed) != peers {
			t.Errorf("%d of %d peers were handed out", len(claimed), peers)
		}
		// Whoever claimed this one may have died.
		backdate(t, s, "peers", "check_at", 2)
		if _, ok, err := s.DuePeer(t.Context(), time.Hour, time.Hour); !ok || err != nil {
			t.Errorf("an hour later: %v, %v", ok, err)
		}
		// Its clock was ahead.
		backdate(t, s, "peers", "check_at", -3)
		if _, ok, err := s.DuePeer(t.Context(), time.Hour, time.Hour); !ok || err != nil {
			t.Errorf("put off by a clock that was ahead: %v, %v", ok, err)
		}
		// What was changed is asked at once.
		if _, err := s.SQL().ExecContext(t.Context(), "UPDATE peers SET is_active = (node_id = 'branch-07')"); err != nil {
			t.Fatal(err)
		}
		for {
			if _, ok, err := s.DuePeer(t.Context(), time.Hour, time.Hour); err != nil || !ok {
				break
			}
		}
		if _, err := s.ChangePeer(t.Context(), "branch-07", func(p *peer.Peer) error { p.NodeName = "X"; return nil }); err != nil {
			t.Fatal(err)
		}
		if id, ok, err := s.DuePeer(t.Context(), time.Hour, time.Hour); id != "branch-07" || !ok || err != nil {
			t.Errorf("changed: %q, %v, %v", id, ok, err)
		}
	})
}
