package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Setting is what a node runs with for one variable, for people.
type Setting struct {
	Variable

	// Value is what is set, written as the variable takes it; empty if nothing is. It is empty for a secret too, except that of
	// the address of the database only the password is left out.
	Value string
	// Set says whether there is a value, also where Value must not show it.
	Set bool
	// IsDefault says whether the value is the default.
	IsDefault bool
	// Own says whether it may differ from replica to replica.
	Own bool
}

// Settings returns what every variable is set to, in the order of the documentation, without secrets.
func (c Config) Settings() []Setting {
	defaults, _ := parse(nil)
	defaults.normalize()
	variables := Variables()
	all := make([]Setting, len(variables))
	for i, v := range variables {
		value, byDefault := written(reflect.ValueOf(c).Field(i).Interface()), written(reflect.ValueOf(defaults).Field(i).Interface())
		s := Setting{
			Variable: v, Value: value, Set: value != "", IsDefault: value == byDefault,
			Own: slices.Contains(ownSettings, strings.TrimPrefix(v.Name, prefix)),
		}
		switch {
		case v.Name == prefix+"DATABASE_URL":
			s.Value, s.Secret = withoutPassword(value)
		case v.Secret:
			s.Value = ""
		case s.IsDefault:
			s.Value = v.Default // 60s rather than 1m
		}
		all[i] = s
	}
	return all
}

// written returns a value as its variable takes it.
func written(value any) string {
	switch v := value.(type) {
	case Secret:
		return string(v)
	case []string:
		return strings.Join(v, ",")
	case slog.Level:
		return strings.ToLower(v.String())
	case time.Duration:
		text := v.String()
		for _, zero := range []string{"0s", "0m"} {
			if rest, found := strings.CutSuffix(text, zero); found && strings.ContainsAny(rest[max(0, len(rest)-1):], "hm") {
				text = rest
			}
		}
		return text
	}
	return fmt.Sprint(value)
}

// withoutPassword returns the address of a database without what may be secret: its password, and its parameters, of which one can be
// a password too. It says whether nothing of the address can be shown.
func withoutPassword(address string) (shown string, secret bool) {
	if address == "" {
		return "", false
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", true
	}
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if name := u.User.Username(); name != "" {
		plain.User = url.User(name)
	}
	return plain.String(), false
}
