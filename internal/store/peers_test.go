package store_test

import (
	"errors"
	"testing"

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
			if err != nil || p.LastError != lastError || (p.LastSeen == nil) != (lastError != "") {
				t.Errorf("%+v, %v", p, err)
			}
		}
		if err := s.TouchPeer(t.Context(), "nobody", ""); err != nil {
			t.Error(err)
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
