package config

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"fullsync/internal/fault"
)

// Load reads the settings from environ (name to value) and from flags as returned by [Bind], which override the
// environment. An empty value counts as not set. Each warning is a sentence about an unknown FULLSYNC_* variable, so that
// people notice typos.
//
// Returns Invalid with all problems at once; each one names its variable and says what a value should look like.
func Load(environ, flags map[string]string) (c Config, warnings []string, err error) {
	given := map[string]string{}
	for name, value := range environ {
		if value = strings.TrimSpace(value); strings.HasPrefix(name, prefix) && value != "" {
			given[name] = value
		}
	}
	for flag, value := range flags {
		if value = strings.TrimSpace(value); value != "" {
			given[prefix+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))] = value
		}
	}

	c, problems := parse(given)
	c.normalize()
	problems = append(problems, c.problems()...)
	return c, unknown(given), asError(problems)
}

// Environ returns the FULLSYNC_* variables in a list like that of os.Environ.
func Environ(list []string) map[string]string {
	all := env.ToMap(list)
	maps.DeleteFunc(all, func(name, _ string) bool { return !strings.HasPrefix(name, prefix) })
	return all
}

// FlagSet is where [Bind] adds flags. The flag sets of the flag and pflag packages implement it.
type FlagSet interface {
	String(name, value, usage string) *string
}

// Bind adds a flag for every variable to flags, or just for the flags named in only. Once the flags are parsed, the
// function it returns gives those that were set, for [Load].
func Bind(flags FlagSet, only ...string) (set func() map[string]string) {
	values := map[string]*string{}
	for _, v := range Variables() {
		if len(only) > 0 && !slices.Contains(only, v.Flag) {
			continue
		}
		usage := v.Meaning
		if v.Default != "" {
			usage += " (" + v.Name + ", default " + v.Default + ")"
		} else {
			usage += " (" + v.Name + ")"
		}
		values[v.Flag] = flags.String(v.Flag, "", usage)
	}
	return func() map[string]string {
		out := map[string]string{}
		for flag, value := range values {
			if *value != "" {
				out[flag] = *value
			}
		}
		return out
	}
}

// parse reads the given variables and fills in the defaults. A variable that cannot be read is reported and keeps its
// default.
func parse(given map[string]string) (Config, []problem) {
	read := func(from map[string]string) (Config, error) {
		return env.ParseAsWithOptions[Config](env.Options{Prefix: prefix, Environment: from})
	}
	c, err := read(given)
	if err == nil {
		return c, nil
	}
	var problems []problem
	good := maps.Clone(given)
	var all env.AggregateError
	if errors.As(err, &all) {
		for _, one := range all.Errors {
			var pe env.ParseError
			if !errors.As(one, &pe) {
				continue
			}
			if f, ok := reflect.TypeFor[Config]().FieldByName(pe.Name); ok {
				problems = append(problems, c.problem(f.Name, ""))
				delete(good, prefix+f.Tag.Get("env"))
			}
		}
	}
	if c, err = read(good); err != nil {
		// Only a mistake in Config's tags can lead here.
		problems = append(problems, problem{"FULLSYNC_*", "cannot be read: " + err.Error()})
	}
	return c, problems
}

// unknown returns a warning for each unknown variable.
func unknown(given map[string]string) []string {
	// Tests and clients of a running node read these; the node itself does not.
	known := []string{
		"FULLSYNC_URL", "FULLSYNC_TOKEN", "FULLSYNC_REQUIRE_POSTGRES", "FULLSYNC_REQUIRE_PGBOUNCER", "FULLSYNC_REQUIRE_BROWSER",
		"FULLSYNC_NODE_MODULES",
	}
	for _, v := range Variables() {
		known = append(known, v.Name)
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			out = append(out, name+" is set but is not a variable of fullsync; check its spelling.")
		}
	}
	return out
}

// asError joins problems into one error; nil if there are none.
func asError(problems []problem) error {
	if len(problems) == 0 {
		return nil
	}
	sentences := make([]string, len(problems))
	for i, p := range problems {
		sentences[i] = p.variable + " " + p.text + "."
	}
	out := fault.New(fault.Invalid, "INVALID_CONFIGURATION", "Invalid configuration", "%s", strings.Join(sentences, "\n"))
	for _, p := range problems {
		out = out.With(p.variable, p.text)
	}
	return out
}
