// Package user manages the people who may sign in to a node: the rules for their names and passwords, their directory,
// their logins and tokens, and the throttling of failed logins. Nothing here knows HTTP or a database.
package user

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fullsync/internal/audit"
	"fullsync/internal/auth"
	"fullsync/internal/fault"
)

// The length of a password, in characters. There are no rules about what it must contain: they make passwords worse.
const (
	MinPassword = 8
	MaxPassword = 200
)

// User is a person who may sign in.
type User struct {
	// ID is a UUID that never changes.
	ID string `gorm:"primaryKey"`
	// Name is the name as given. NameKey is the same in lower case, for looking users up.
	Name    string
	NameKey string
	Role    auth.Role
	// PasswordHash is a PHC string.
	PasswordHash string `json:"-"`
	Disabled     bool
	// Generation goes up whenever the user's tokens must end: at a new password, a new role, or when the user is disabled.
	// A token is good only for the generation it was made in.
	Generation int64
	// All times are database time.
	CreatedAt time.Time
	UpdatedAt time.Time
	// LastLoginAt is nil before the first login.
	LastLoginAt *time.Time
}

// TableName names the table for GORM.
func (User) TableName() string { return "users" }

// Administers reports whether the user may sign in and do everything.
func (u User) Administers() bool { return u.Role == auth.RoleAdmin && !u.Disabled }

// Audited returns what the audit log says of the user.
func (u User) Audited() audit.Values { return audit.Values{"role": u.Role, "disabled": u.Disabled} }

// Key returns the form of a name that lookups use: names that differ only in case are the same.
func Key(name string) string { return strings.ToLower(name) }

// Roles returns the roles that users can have.
func Roles() []auth.Role { return []auth.Role{auth.RoleViewer, auth.RoleOperator, auth.RoleAdmin} }

// ParseRole returns the role called text. Returns Invalid for anything else, including node, because nodes do not sign in.
func ParseRole(text string) (auth.Role, error) {
	for _, r := range Roles() {
		if text == string(r) {
			return r, nil
		}
	}
	return "", fault.New(fault.Invalid, "INVALID_ROLE", "Invalid role", "The role of a user must be viewer, operator or admin.")
}

// CheckName returns Invalid unless name is 1 to 64 letters, digits, dots, underscores, hyphens and @.
func CheckName(name string) error {
	if regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`).MatchString(name) {
		return nil
	}
	return fault.New(fault.Invalid, "INVALID_NAME", "Invalid name",
		"The name of a user must be 1 to 64 letters, digits, dots, underscores, hyphens and @.").With("name", "has the wrong shape")
}

// CheckPassword returns Invalid for a new password that is too short, too long, not text, or the name itself. The error
// never repeats the password.
func CheckPassword(name, password string) error {
	var problem string
	switch length := utf8.RuneCountInString(password); {
	case length < MinPassword:
		problem = "must have at least 8 characters"
	case length > MaxPassword:
		problem = "must have at most 200 characters"
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		problem = "must be text without control characters"
	case strings.EqualFold(password, name):
		problem = "must not be the name"
	default:
		return nil
	}
	return fault.New(fault.Invalid, "INVALID_PASSWORD", "Invalid password", "The password %s.", problem).With("password", problem)
}

// Unknown is the NotFound error for a user that does not exist.
func Unknown(name string) *fault.Error {
	return fault.New(fault.NotFound, "USER_NOT_FOUND", "User not found",
		"There is no user %s; fullsync user list shows who there is.", name)
}

// Exists is the Conflict error for a name that is taken.
func Exists(name string) *fault.Error {
	return fault.New(fault.Conflict, "USER_EXISTS", "User already exists",
		"There is a user %s already; names that differ only in upper and lower case are the same.", name)
}

// LastAdmin is the Conflict error for what would leave nobody who may sign in as an administrator.
func LastAdmin(name string) *fault.Error {
	return fault.New(fault.Conflict, "LAST_ADMIN", "Last administrator",
		"%s is the last administrator who may sign in. Make somebody else an administrator first.", name)
}
