package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
	"fullsync/internal/store"
	"fullsync/internal/user"
)

// newUser is a user that is not stored yet.
func newUser(name string) user.User {
	return user.User{ID: "id-" + name, Name: name, NameKey: user.Key(name), Role: auth.RoleOperator, PasswordHash: "hash", Generation: 1}
}

func addUser(t *testing.T, s *store.Store, name string) user.User {
	t.Helper()
	u := newUser(name)
	if err := s.AddUser(t.Context(), &u); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUsersAreKept(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		addUser(t, s, "bob")
		addUser(t, s, "Alice")
		again := newUser("aLiCe")
		again.ID = "other"
		if err := s.AddUser(ctx, &again); fault.CodeOf(err) != "USER_EXISTS" {
			t.Errorf("the same name in another case: %v", err)
		}
		users, err := s.ListUsers(ctx)
		if err != nil || len(users) != 2 || users[0].Name != "Alice" || users[0].CreatedAt.IsZero() || users[0].LastLoginAt != nil {
			t.Errorf("%+v, %v", users, err)
		}
		changed, err := s.ChangeUser(ctx, "ALICE", func(u *user.User) error {
			u.Role, u.Disabled, u.PasswordHash, u.Generation = auth.RoleViewer, true, "other", 2
			return nil
		})
		if err != nil || !changed.Disabled {
			t.Fatalf("%+v, %v", changed, err)
		}
		found, err := s.FindUser(ctx, "alice")
		if err != nil || found.Name != "Alice" || found.Role != auth.RoleViewer || !found.Disabled || found.PasswordHash != "other" || found.Generation != 2 {
			t.Errorf("%+v, %v", found, err)
		}
		refused := errors.New("refused")
		if _, err := s.ChangeUser(ctx, "alice", func(u *user.User) error { u.Disabled = false; return refused }); !errors.Is(err, refused) {
			t.Errorf("%v", err)
		}
		if found, _ := s.FindUser(ctx, "alice"); !found.Disabled {
			t.Error("a refused change was written")
		}
		_, findErr := s.FindUser(ctx, "nobody")
		_, changeErr := s.ChangeUser(ctx, "nobody", func(*user.User) error { return nil })
		_, _, tokenErr := s.TokenUser(ctx, "nobody", "token")
		for _, err := range []error{findErr, changeErr, tokenErr} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("unknown: %v", err)
			}
		}
	})
}

// TestOneFirstUser: of replicas that start at once on an empty database, one makes the first user.
func TestOneFirstUser(t *testing.T) {
	onMigrated(t, func(t *testing.T, s *store.Store) {
		var made atomic.Int32
		var all sync.WaitGroup
		for _, id := range []string{"1", "2", "3", "4"} {
			all.Go(func() {
				u := newUser("admin")
				u.ID = id
				if ok, err := s.AddFirstUser(t.Context(), &u); err != nil {
					t.Error(err)
				} else if ok {
					made.Add(1)
				}
			})
		}
		all.Wait()
		if users, err := s.ListUsers(t.Context()); made.Load() != 1 || len(users) != 1 || err != nil {
			t.Errorf("%d first users made, %d there, %v", made.Load(), len(users), err)
		}
		late := newUser("late")
		if ok, err := s.AddFirstUser(t.Context(), &late); ok || err != nil {
			t.Errorf("a first user beside another: %v, %v", ok, err)
		}
	})
}
