package user

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/google/uuid"

	"fullsync/internal/auth"
)

// Store keeps the users of a node. Every method may also return Unavailable when the database does not answer.
type Store interface {
	// AddUser inserts u and sets its times from the database's clock. Returns Conflict (see [Exists]) if the name is taken.
	AddUser(ctx context.Context, u *User) error
	// AddFirstUser is AddUser for a node without users. If there is one already it does nothing and made is false.
	AddFirstUser(ctx context.Context, u *User) (made bool, err error)
	// ListUsers returns every user, ascending by name.
	ListUsers(ctx context.Context) ([]User, error)
	// FindUser returns the user of that name, ignoring case, or NotFound (see [Unknown]).
	FindUser(ctx context.Context, name string) (User, error)
	// ChangeUser reads the user for update, calls change, and writes Role, PasswordHash, Disabled and Generation with a new
	// UpdatedAt, all in one transaction. If change fails, it rolls back and returns that error. Returns NotFound for an
	// unknown user, and Conflict (see [LastAdmin]) if nobody would be left who may administer, checked in the same transaction.
	ChangeUser(ctx context.Context, name string, change func(*User) error) (User, error)
	// RemoveUser deletes the user. Returns NotFound for an unknown one, and Conflict (see [LastAdmin]) for the last
	// administrator, checked in the same transaction.
	RemoveUser(ctx context.Context, name string) error
	// ForgetAttempts forgets the failed logins of a subject.
	ForgetAttempts(ctx context.Context, subject string) error
}

// Directory manages the users of a node. It is safe for concurrent use.
type Directory struct {
	store  Store
	hasher *auth.Hasher
}

// NewDirectory returns a directory of the users in store.
func NewDirectory(store Store, hasher *auth.Hasher) *Directory {
	return &Directory{store: store, hasher: hasher}
}

// List returns every user, ascending by name.
func (d *Directory) List(ctx context.Context) ([]User, error) { return d.store.ListUsers(ctx) }

// Find returns the user of that name, ignoring case, or NotFound.
func (d *Directory) Find(ctx context.Context, name string) (User, error) {
	return d.store.FindUser(ctx, name)
}

// Add adds a user. Returns Invalid for a name, role or password that breaks the rules, and Conflict if the name is taken.
func (d *Directory) Add(ctx context.Context, name string, role auth.Role, password string) (User, error) {
	u, err := d.newUser(ctx, name, role, password)
	if err != nil {
		return User{}, err
	}
	if err := d.store.AddUser(ctx, &u); err != nil {
		return User{}, err
	}
	return u, nil
}

// FirstName is the name of the user that [Directory.First] creates.
const FirstName = "admin"

// First creates an administrator with a random password if there are no users yet, and returns that password, which is not
// stored anywhere. It returns "" if there was a user already. When several replicas call it at once, one of them creates
// the user.
func (d *Directory) First(ctx context.Context) (password string, err error) {
	if users, err := d.store.ListUsers(ctx); err != nil || len(users) > 0 {
		return "", err
	}
	password = randomPassword()
	u, err := d.newUser(ctx, FirstName, auth.RoleAdmin, password)
	if err != nil {
		return "", err
	}
	made, err := d.store.AddFirstUser(ctx, &u)
	if err != nil || !made {
		return "", err
	}
	return password, nil
}

// randomPassword returns 100 random bits as text that can be read aloud and typed.
func randomPassword() string {
	text := strings.ToLower(rand.Text())
	return strings.Join([]string{text[0:5], text[5:10], text[10:15], text[15:20]}, "-")
}

func (d *Directory) newUser(ctx context.Context, name string, role auth.Role, password string) (User, error) {
	if err := CheckName(name); err != nil {
		return User{}, err
	}
	if _, err := ParseRole(string(role)); err != nil {
		return User{}, err
	}
	if err := CheckPassword(name, password); err != nil {
		return User{}, err
	}
	hash, err := d.hasher.Hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	return User{ID: uuid.NewString(), Name: name, NameKey: Key(name), Role: role, PasswordHash: hash, Generation: 1}, nil
}

// Change is a change to a user. Nil fields stay as they are.
type Change struct {
	Role     *auth.Role
	Disabled *bool
	Password *string
}

// Change changes a user. Another role, a new password and disabling end the user's logins at once; enabling and a new password make their failed
// logins forgotten. Returns Invalid for a role that users cannot have and for a password that breaks the rules, NotFound for an
// unknown user, and Conflict (see [LastAdmin]) if nobody would be left who may administer.
func (d *Directory) Change(ctx context.Context, name string, c Change) (User, error) {
	if c.Role != nil {
		if _, err := ParseRole(string(*c.Role)); err != nil {
			return User{}, err
		}
	}
	hash := ""
	if c.Password != nil {
		err := CheckPassword(name, *c.Password)
		if err != nil {
			return User{}, err
		}
		if hash, err = d.hasher.Hash(ctx, *c.Password); err != nil {
			return User{}, err
		}
	}
	forget := false
	u, err := d.store.ChangeUser(ctx, name, func(u *User) error {
		before := *u
		if c.Role != nil {
			u.Role = *c.Role
		}
		if c.Disabled != nil {
			u.Disabled = *c.Disabled
		}
		if c.Password != nil {
			u.PasswordHash = hash
		}
		if u.Role != before.Role || u.PasswordHash != before.PasswordHash || u.Disabled {
			u.Generation++
		}
		forget = c.Password != nil || c.Disabled != nil && !u.Disabled
		return nil
	})
	if err == nil && forget {
		err = d.store.ForgetAttempts(ctx, NameLimit(name).Subject)
	}
	return u, err
}

// SetPassword is [Directory.Change] for a new password.
func (d *Directory) SetPassword(ctx context.Context, name, password string) (User, error) {
	return d.Change(ctx, name, Change{Password: &password})
}

// SetRole is [Directory.Change] for another role.
func (d *Directory) SetRole(ctx context.Context, name string, role auth.Role) (User, error) {
	return d.Change(ctx, name, Change{Role: &role})
}

// Disable stops a user from signing in and ends their logins at once; see [Directory.Change].
func (d *Directory) Disable(ctx context.Context, name string) (User, error) {
	return d.Change(ctx, name, Change{Disabled: new(true)})
}

// Enable lets a user sign in again; their old logins stay ended. See [Directory.Change].
func (d *Directory) Enable(ctx context.Context, name string) (User, error) {
	return d.Change(ctx, name, Change{Disabled: new(false)})
}

// EndLogins ends every login of a user at once. They may sign in again. Returns NotFound for an unknown user.
func (d *Directory) EndLogins(ctx context.Context, name string) (User, error) {
	return d.store.ChangeUser(ctx, name, func(u *User) error {
		u.Generation++
		return nil
	})
}

// Remove removes a user and ends their logins at once. Returns NotFound for an unknown user, and Conflict (see [LastAdmin]) for the last
// administrator.
func (d *Directory) Remove(ctx context.Context, name string) error {
	return d.store.RemoveUser(ctx, name)
}
