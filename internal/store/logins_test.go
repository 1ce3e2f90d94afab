package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fullsync/internal/store"
	"fullsync/internal/user"
)

// admitted says whether a login with these limits may go on.
func admitted(t *testing.T, s *store.Store, limits ...user.Limit) bool {
	t.Helper()
	wait, err := s.AdmitLogin(t.Context(), limits...)
	if err != nil {
		t.Fatal(err)
	}
	return wait == 0
}

// waitOut lets all waits be over, by the database's clock, without waiting.
func waitOut(t *testing.T, s *store.Store) {
	t.Helper()
	if _, err := s.SQL().ExecContext(t.Context(), "UPDATE login_attempts SET wait_until = last_at"); err != nil {
		t.Fatal(err)
	}
}

func TestFailedLoginsAreSlowed(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		name, address := user.NameLimit("alice"), user.AddressLimit("192.0.2.1")
		for i := range name.Free {
			if !admitted(t, s, address, name) {
				t.Fatalf("login %d is not admitted", i+1)
			}
		}
		wait, err := s.AdmitLogin(t.Context(), address, name)
		if err != nil || wait <= 0 || wait > time.Second {
			t.Errorf("after the free failures the wait is %s, %v", wait, err)
		}
		if !admitted(t, s, address, user.NameLimit("bob")) {
			t.Error("another name has to wait, too")
		}
		// Each further one waits twice as long, and one that waits counts nothing.
		for i, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
			waitOut(t, s)
			if !admitted(t, s, address, name) {
				t.Errorf("wait %d does not end", i+1)
			}
			for range 3 {
				if wait, err := s.AdmitLogin(t.Context(), address, name); err != nil || wait <= want/2 || wait > want {
					t.Errorf("wait %d is %s, %v; want %s", i+2, wait, err, want)
				}
			}
		}
		// From another address the name waits all the same; and what waits leaves no trace.
		if admitted(t, s, user.AddressLimit("192.0.2.9"), name) {
			t.Error("from another address the name does not wait")
		}
		var n int
		if err := s.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM login_attempts").Scan(&n); err != nil || n != 3 {
			t.Errorf("%d rows, %v; want those of alice, bob and the address", n, err)
		}

		if err := s.ForgetAttempts(t.Context(), name.Subject); err != nil || !admitted(t, s, address, name) {
			t.Errorf("forgotten failures count, %v", err)
		}
	})
}

// TestManyLoginsAtOnce: a burst gets no more through than may fail.
func TestManyLoginsAtOnce(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		var through atomic.Int32
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() {
				if wait, err := s.AdmitLogin(t.Context(), user.AddressLimit("192.0.2.1"), user.NameLimit("alice")); err != nil {
					t.Error(err)
				} else if wait == 0 {
					through.Add(1)
				}
			})
		}
		all.Wait()
		// One may get through after the first wait of a second.
		if free := int32(user.NameLimit("").Free); through.Load() < free || through.Load() > free+3 {
			t.Errorf("%d of 30 got through, want %d", through.Load(), free)
		}
	})
}

// TestNoLoginIsLost: each of many at once is counted, in the rows of both its subjects.
func TestNoLoginIsLost(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		name, address := user.NameLimit("alice"), user.AddressLimit("192.0.2.1")
		const logins = 100
		name.Free, address.Free = 2*logins, 2*logins // so that none has to wait
		admitted(t, s, address, name)
		var all sync.WaitGroup
		for range logins - 1 {
			all.Go(func() {
				if wait, err := s.AdmitLogin(t.Context(), address, name); err != nil || wait != 0 {
					t.Errorf("%s, %v", wait, err)
				}
			})
		}
		all.Wait()
		if got := failures(t, s, address, name); got != [2]int{logins, logins} {
			t.Errorf("of %d logins at once %v were counted", logins, got)
		}
	})
}

func TestALoginThatSucceedsOrIsNotDecided(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		name, address := user.NameLimit("alice"), user.AddressLimit("192.0.2.1")
		u := addUser(t, s, "alice")
		// Not decided: as if it had not been.
		for range 3 * name.Free {
			if !admitted(t, s, address, name) {
				waitOut(t, s) // only the fifth at once would wait
				continue
			}
			if err := s.TakeBack(t.Context(), address.Subject, name.Subject); err != nil {
				t.Fatal(err)
			}
		}
		if got := failures(t, s, address, name); got != [2]int{0, 0} {
			t.Errorf("after undecided logins: %v failures", got)
		}
		for range 3 {
			admitted(t, s, address, name)
		}
		if err := s.SignedIn(t.Context(), u, name.Subject, address.Subject); err != nil {
			t.Fatal(err)
		}
		// The name begins anew, the address has failed twice.
		if got := failures(t, s, address, name); got != [2]int{2, 0} {
			t.Errorf("after a login: %v failures", got)
		}
		if u, err := s.FindUser(t.Context(), "ALICE"); err != nil || u.LastLoginAt == nil {
			t.Errorf("%+v, %v", u, err)
		}
	})
}

// failures returns the failures of both subjects.
func failures(t *testing.T, s *store.Store, limits ...user.Limit) (n [2]int) {
	t.Helper()
	for i, limit := range limits {
		query := "SELECT COALESCE(max(failures), 0) FROM login_attempts WHERE subject = '" + limit.Subject + "'"
		if err := s.SQL().QueryRowContext(t.Context(), query).Scan(&n[i]); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestTokensThatHaveEnded(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		u := addUser(t, s, "alice")
		for range 2 {
			if err := s.EndToken(ctx, "ended", time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		for token, want := range map[string]bool{"ended": true, "other": false} {
			got, ended, err := s.TokenUser(ctx, u.ID, token)
			if err != nil || ended != want || got.Name != "alice" || got.Generation != 1 {
				t.Errorf("%s: %+v, ended %v, %v", token, got, ended, err)
			}
		}
	})
}

func TestLoginsArePruned(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		u := addUser(t, s, "alice")
		now := time.Now()
		for token, end := range map[string]time.Time{"old": now.Add(-2 * time.Hour), "recent": now.Add(-30 * time.Minute), "lives": now.Add(time.Hour)} {
			if err := s.EndToken(ctx, token, end); err != nil {
				t.Fatal(err)
			}
		}
		old, recent := user.NameLimit("old"), user.NameLimit("recent")
		admitted(t, s, old)
		admitted(t, s, recent)
		if _, err := s.SQL().ExecContext(ctx, "UPDATE login_attempts SET last_at = '2020-01-01 00:00:00.000+00:00' WHERE subject = '"+old.Subject+"'"); err != nil {
			t.Fatal(err)
		}
		if err := s.PruneLogins(ctx); err != nil {
			t.Fatal(err)
		}
		for token, kept := range map[string]bool{"old": false, "recent": true, "lives": true} {
			if _, ended, err := s.TokenUser(ctx, u.ID, token); err != nil || ended != kept {
				t.Errorf("token %s: kept %v, %v", token, ended, err)
			}
		}
		if got := failures(t, s, old, recent); got != [2]int{0, 1} {
			t.Errorf("failures after pruning: %v", got)
		}
	})
}
