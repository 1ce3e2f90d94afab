package user

import (
	"context"
	"log/slog"
	"math"
	"time"

	"fullsync/internal/auth"
	"fullsync/internal/fault"
)

// LoginStore stores what logins need. Every method may also return Unavailable when the database does not answer.
type LoginStore interface {
	// AdmitLogin counts a login against every limit (see [Limit.Admit]) in one transaction, by the database's clock. If any
	// limit says to wait, it counts nothing and returns the longest wait.
	AdmitLogin(ctx context.Context, limits ...Limit) (wait time.Duration, err error)
	// TakeBack undoes one count for each subject. It shortens no wait.
	TakeBack(ctx context.Context, subjects ...string) error
	// SignedIn records a login: it sets LastLoginAt, forgets all failures of the subject forget, undoes one count of
	// the subject takeBack, and writes it into the audit log.
	SignedIn(ctx context.Context, u User, forget, takeBack string) error
	// LoginFailed writes a login with a wrong name or password into the audit log.
	LoginFailed(ctx context.Context, name string) error
	// FindUser is [Store]'s.
	FindUser(ctx context.Context, name string) (User, error)
	// TokenUser returns the fields of a user that tokens depend on (ID, Name, Role, Disabled, Generation), and whether that
	// token has ended. Returns NotFound for an unknown user.
	TokenUser(ctx context.Context, userID, tokenID string) (u User, ended bool, err error)
	// EndToken marks a token as ended until it would have expired. Doing so twice is no error.
	EndToken(ctx context.Context, tokenID string, expiresAt time.Time) error
}

// Logins signs people in and out and checks their tokens. It is safe for concurrent use.
type Logins struct {
	store  LoginStore
	hasher *auth.Hasher
	keys   *auth.Keys
	ttl    time.Duration
	log    *slog.Logger
}

// NewLogins returns the logins of the node with these keys. Tokens last for ttl.
func NewLogins(store LoginStore, hasher *auth.Hasher, keys *auth.Keys, ttl time.Duration, log *slog.Logger) *Logins {
	return &Logins{store: store, hasher: hasher, keys: keys, ttl: ttl, log: log}
}

// Credentials are what a person signs in with, and where they are.
type Credentials struct {
	Name, Password string
	// Address is the caller's IP address.
	Address string
}

// SignIn checks credentials and returns a token, and the principal it stands for. An unknown name, a wrong password and a
// disabled user all get the same Unauthenticated error after the same work. Returns TooMany, with the time to wait, while
// logins with this name or from this address are slowed; Invalid for a name that no user can have; and Unavailable when too
// many people sign in at once.
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
		// The caller learned nothing about the password, so this login does not count.
		if err := l.store.TakeBack(context.WithoutCancel(ctx), address.Subject, name.Subject); err != nil {
			l.log.WarnContext(ctx, "a login that was never checked will count as failed", "error", err)
		}
		return "", p, err
	}
	if !right {
		l.log.WarnContext(ctx, "login failed", "name", loggable(u), "disabled", u.Disabled, "address", c.Address)
		if err := l.store.LoginFailed(ctx, loggable(u)); err != nil {
			l.log.WarnContext(ctx, "a failed login is not in the audit log", "error", err)
		}
		return "", p, failed()
	}
	token, p, err = l.keys.IssueTo(auth.Principal{Subject: u.Name, Role: u.Role, UserID: u.ID, Generation: u.Generation}, l.ttl)
	if err != nil {
		return "", auth.Principal{}, err
	}
	if err := l.store.SignedIn(ctx, u, name.Subject, address.Subject); err != nil {
		return "", auth.Principal{}, err
	}
	l.log.InfoContext(ctx, "signed in", "name", u.Name, "role", u.Role, "address", c.Address)
	return token, p, nil
}

// authenticate checks credentials. It does the same work whether or not the user exists.
func (l *Logins) authenticate(ctx context.Context, c Credentials) (u User, right bool, err error) {
	u, err = l.store.FindUser(ctx, c.Name)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return User{}, false, err
	}
	matches, err := l.hasher.Matches(ctx, u.PasswordHash, c.Password)
	return u, matches && !u.Disabled, err
}

// loggable returns the name of u for the log. An unknown name is not logged, because it may be a password typed into the
// wrong field.
func loggable(u User) string {
	if u.ID == "" {
		return "(unknown)"
	}
	return u.Name
}

// Holds checks whether the verified token of a login still holds, and returns its principal with the role the user has now.
// Returns Unauthenticated after a sign-out, and once the user is disabled, deleted, or has another password or role.
func (l *Logins) Holds(ctx context.Context, p auth.Principal) (auth.Principal, error) {
	u, ended, err := l.store.TokenUser(ctx, p.UserID, p.TokenID)
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil:
		return auth.Principal{}, over()
	case err != nil:
		return auth.Principal{}, err
	case ended || u.Disabled || u.Generation != p.Generation:
		return auth.Principal{}, over()
	}
	p.Role = u.Role // somebody may have changed the role with SQL, which leaves the generation alone
	return p, nil
}

// SignOut ends p's token on every replica at once. Returns Impossible for a token that did not come from a login.
func (l *Logins) SignOut(ctx context.Context, p auth.Principal) error {
	if p.UserID == "" {
		return fault.New(fault.Impossible, "NOT_A_LOGIN", "Not a login",
			"This token did not come from a login here. Whoever issued it can end it; to be rid of it here, simply forget it.")
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
