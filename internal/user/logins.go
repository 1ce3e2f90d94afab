package user

import (
	"context"
	"log/slog"
	"math"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
)

// LoginStore keeps what logins need. Every method may also return Unavailable when the database does not answer.
type LoginStore interface {
	// AdmitLogin counts a login against every limit (see [Limit.Admit]) in one transaction, by the database's clock, unless
	// one of them says to wait: then it counts nothing and returns the longest wait.
	AdmitLogin(ctx context.Context, limits ...Limit) (wait time.Duration, err error)
	// TakeBack undoes one count of each subject, and shortens no wait.
	TakeBack(ctx context.Context, subjects ...string) error
	// SignedIn records a login: it sets LastLoginAt, forgets the failures of forget and takes one of takeBack back.
	SignedIn(ctx context.Context, userID, forget, takeBack string) error
	// FindUser is [Store]'s.
	FindUser(ctx context.Context, name string) (User, error)
	// TokenUser returns the user of that id, as far as tokens depend on it (ID, Name, Role, Disabled, Generation), and whether the token of that id has ended. Returns NotFound for an unknown user.
	TokenUser(ctx context.Context, userID, tokenID string) (u User, ended bool, err error)
	// EndToken keeps the token of that id as ended until it would have expired. Doing it twice is no error.
	EndToken(ctx context.Context, tokenID string, expiresAt time.Time) error
}

// Logins signs people in and out and knows whose tokens hold. It is safe for concurrent use.
type Logins struct {
	store  LoginStore
	hasher *auth.Hasher
	keys   *auth.Keys
	ttl    time.Duration
	log    *slog.Logger
}

// NewLogins returns the logins of the node with these keys; tokens live for ttl.
func NewLogins(store LoginStore, hasher *auth.Hasher, keys *auth.Keys, ttl time.Duration, log *slog.Logger) *Logins {
	return &Logins{store: store, hasher: hasher, keys: keys, ttl: ttl, log: log}
}

// Credentials are what somebody signs in with, and from where.
type Credentials struct {
	Name, Password string
	// Address is the caller's IP address.
	Address string
}

// SignIn returns a token for whoever these credentials are of, and the principal it speaks for. Returns Unauthenticated,
// one and the same error after the same work, for an unknown name, a wrong password and a disabled user; TooMany, with
// the time to wait, while logins of this name or from this address are slowed; Invalid for a name that no user can have;
// Unavailable when too many sign in at once.
func (l *Logins) SignIn(ctx context.Context, c Credentials) (token string, p auth.Principal, err error) {
	if err := CheckName(c.Name); err != nil {
		return "", p, err
	}
	address, name := AddressLimit(c.Address), NameLimit(c.Name)
	wait, err := l.store.AdmitLogin(ctx, address, name)
	if err != nil {
		return "", p, err
	}
	if wait > 0 {
		return "", p, throttled(wait)
	}
	u, right, err := l.authenticate(ctx, c)
	if err != nil {
		// Nothing was learned by this login, so it does not count.
		if err := l.store.TakeBack(context.WithoutCancel(ctx), address.Subject, name.Subject); err != nil {
			l.log.WarnContext(ctx, "a login that was not decided counts as failed", "error", err)
		}
		return "", p, err
	}
	if !right {
		l.log.WarnContext(ctx, "login failed", "name", loggable(u), "disabled", u.Disabled, "address", c.Address)
		return "", p, failed()
	}
	token, p, err = l.keys.IssueTo(auth.Principal{Subject: u.Name, Role: u.Role, UserID: u.ID, Generation: u.Generation}, l.ttl)
	if err != nil {
		return "", auth.Principal{}, err
	}
	if err := l.store.SignedIn(ctx, u.ID, name.Subject, address.Subject); err != nil {
		return "", auth.Principal{}, err
	}
	l.log.InfoContext(ctx, "signed in", "name", u.Name, "role", u.Role, "address", c.Address)
	return token, p, nil
}

// authenticate says whether the credentials are right. The work is the same whether there is such a user or not.
func (l *Logins) authenticate(ctx context.Context, c Credentials) (u User, right bool, err error) {
	u, err = l.store.FindUser(ctx, c.Name)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return User{}, false, err
	}
	matches, err := l.hasher.Matches(ctx, u.PasswordHash, c.Password)
	return u, matches && !u.Disabled, err
}

// loggable is the name of u. A name that nobody has is not logged: it may be a password in the wrong field.
func loggable(u User) string {
	if u.ID == "" {
		return "(unknown)"
	}
	return u.Name
}

// Verify returns who the token speaks for. Returns what [auth.Keys.Verify] returns, and also Unauthenticated for the token
// of a login when it was signed out, or its user is disabled or has got another password or role since.
func (l *Logins) Verify(ctx context.Context, token string) (auth.Principal, error) {
	p, err := l.keys.Verify(token)
	if err != nil {
		return p, err
	}
	return l.Holds(ctx, p)
}

// Holds looks again at somebody whose token was verified before, and returns them with the role they have now. Returns
// Unauthenticated as [Logins.Verify] does; a token that did not come from a login holds until it expires.
func (l *Logins) Holds(ctx context.Context, p auth.Principal) (auth.Principal, error) {
	if p.UserID == "" {
		return p, nil
	}
	u, ended, err := l.store.TokenUser(ctx, p.UserID, p.TokenID)
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil:
		return auth.Principal{}, over()
	case err != nil:
		return auth.Principal{}, err
	case ended || u.Disabled || u.Generation != p.Generation:
		return auth.Principal{}, over()
	}
	p.Role = u.Role // what the token says may be older than a change made with SQL
	return p, nil
}

// SignOut ends the token of p, on every replica at once. Returns Impossible for a token that did not come from a login.
func (l *Logins) SignOut(ctx context.Context, p auth.Principal) error {
	if p.UserID == "" {
		return fault.New(fault.Impossible, "NOT_A_LOGIN", "Not a login",
			"This token was made by fullsync token, not by a login; it lives until it expires. Simply forget it.")
	}
	if err := l.store.EndToken(ctx, p.TokenID, p.ExpiresAt); err != nil {
		return err
	}
	l.log.InfoContext(ctx, "signed out", "name", p.Subject)
	return nil
}

func failed() *fault.Error {
	return fault.New(fault.Unauthenticated, "LOGIN_FAILED", "Wrong name or password",
		"The name or the password is wrong. Check both and try again.")
}

func throttled(wait time.Duration) *fault.Error {
	return fault.New(fault.TooMany, "LOGIN_THROTTLED", "Too many failed logins",
		"Too many logins with this name or from this address have failed. Wait %.0f seconds and try again.",
		math.Ceil(wait.Seconds())).After(wait)
}

func over() *fault.Error {
	return fault.New(fault.Unauthenticated, "UNAUTHORIZED", "Unauthorized",
		"The login that this token came from has ended; sign in again.")
}
