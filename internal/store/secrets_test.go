package store_test

import (
	"testing"
	"time"

	"fullsync/internal/peer"
	"fullsync/internal/store"
)

// A replica that has not heard of a new secret yet does not seal tokens with the old one again.
func TestOnlyTheSecretInUseSeals(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		addPeer(t, s, "branch")
		old, now := []byte("old"), []byte("new")
		if _, err := s.KeepSealMark(ctx, old); err != nil {
			t.Fatal(err)
		}
		with := func(token string) func(peer.Peer) ([]byte, error) {
			return func(peer.Peer) ([]byte, error) { return []byte(token), nil }
		}
		sealed := func(want string) {
			t.Helper()
			if p, err := s.GetPeer(ctx, "branch"); err != nil || string(p.SealedToken) != want {
				t.Errorf("sealed as %q, want %q: %v", p.SealedToken, want, err)
			}
		}
		if _, err := s.ChangePeer(ctx, "branch", func(p *peer.Peer) error { p.SealedToken = []byte("by old"); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.AnnounceSecret(ctx, store.SecretLink{Opener: "old", Mark: "new", Sealed: []byte("link")}); err != nil {
			t.Fatal(err)
		}
		if n, err := s.UseSecret(ctx, old, now, time.Hour, with("by new")); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if n, err := s.Reseal(ctx, old, with("by old")); n != 0 || err != nil {
			t.Errorf("the old secret sealed %d: %v", n, err)
		}
		sealed("by new")
		if n, err := s.Reseal(ctx, now, with("by new, again")); n != 1 || err != nil {
			t.Errorf("the new secret sealed %d: %v", n, err)
		}
		sealed("by new, again")
	})
}
