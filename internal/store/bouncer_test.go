package store_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/postgrestest"
	"fullsync/internal/store"
)

// TestPgBouncerInSessionMode works like PostgreSQL itself, also where PgBouncer drops what it does not know when a connection
// is opened, and where it hands over what the last client left behind.
func TestPgBouncerInSessionMode(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"plain":                {},
		"ignores parameters":   {"ignore_startup_parameters = lock_timeout,idle_in_transaction_session_timeout,extra_float_digits"},
		"does not tidy up":     {"server_reset_query ="},
		"hands out in a round": {"server_round_robin = 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := postgrestest.NewDatabase(t)
			bounced := postgrestest.Bounce(t, address, append(settings, "pool_mode = session", "default_pool_size = 60")...)
			for range 2 { // the second time on the sessions that the first one leaves
				s, err := store.Open(t.Context(), store.Options{URL: bounced, Workers: 2})
				if err != nil {
					t.Fatal(err)
				}
				migrate(t, s)
				for pool, held := range s.Settings(t.Context(), t) {
					if pool != "read" && held["idle_in_transaction_session_timeout"] != "1s" || held["client_encoding"] != "UTF8" {
						t.Errorf("%s connections have %v", pool, held)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s := openStore(t, store.Options{URL: bounced, Workers: 2})
			row := transferring(t, s, "s-1")
			if err := s.CommitBatch(t.Context(), &row, batch(t, 0, 5, "Größe")); err != nil || count(t, s, "main") != 5 {
				t.Errorf("a batch through PgBouncer: %v", err)
			}
			checkFrozenHolder(t, s, row.ID)
		})
	}
}

// checkFrozenHolder cancels a session whose row a transaction holds that nobody goes on with. The cancel waits for the row for
// five seconds at most, so it succeeds only where the server ends such transactions before.
func checkFrozenHolder(t *testing.T, s *store.Store, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := s.Work().WithContext(t.Context()).Transaction(func(frozen *gorm.DB) error {
		if err := frozen.Exec("UPDATE sync_sessions SET progress = progress WHERE id = ?", id).Error; err != nil {
			return err
		}
		ok, err := s.CancelSession(ctx, id, by("it hangs"))
		if err != nil || !ok {
			t.Errorf("a cancel beside a frozen transaction: %v, %v", ok, err)
		}
		return nil
	})
	if err == nil {
		t.Error("the frozen transaction was committed in the end")
	}
}

// TestPgBouncerThatSharesSessionsIsRefused: whichever session it would hand out next, and also while it is told to ignore
// what it does not know.
func TestPgBouncerThatSharesSessionsIsRefused(t *testing.T) {
	t.Parallel()
	ignoring := "ignore_startup_parameters = lock_timeout,idle_in_transaction_session_timeout,extra_float_digits,search_path"
	for name, settings := range map[string][]string{
		"transaction":                 {"pool_mode = transaction"},
		"transaction, ignoring":       {"pool_mode = transaction", ignoring},
		"transaction, in a round":     {"pool_mode = transaction", ignoring, "server_round_robin = 1", "min_pool_size = 10"},
		"transaction, always resets":  {"pool_mode = transaction", ignoring, "server_reset_query_always = 1"},
		"transaction, one connection": {"pool_mode = transaction", "default_pool_size = 1"},
		"statement":                   {"pool_mode = statement"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bounced := postgrestest.Bounce(t, postgrestest.NewDatabase(t), settings...)
			// Others have been here: the pool holds several sessions to pick from.
			for range 4 {
				if _, err := connect(t, bounced).Exec(t.Context(), "SELECT 1"); err != nil {
					t.Fatal(err)
				}
			}
			refused(t, store.Options{URL: bounced}, "POOLER_MODE", "session mode", "pool_mode = session")
		})
	}
}

// TestPgBouncerWithoutASecondSession has a pool of one, in session mode.
func TestPgBouncerWithoutASecondSession(t *testing.T) {
	t.Parallel()
	bounced := postgrestest.Bounce(t, postgrestest.NewDatabase(t), "pool_mode = session", "default_pool_size = 1")
	refused(t, store.Options{URL: bounced, ConnectTimeout: patience}, "POOL_TOO_SMALL", "default_pool_size")
}

// patience is short, and long enough for a connection.
const patience = 2 * time.Second
