package schedule

import (
	"strings"
	"time"
	_ "time/tzdata" // so that time zones are known on machines and in containers without their own

	"github.com/robfig/cron/v3"

	"fullsync/internal/fault"
)

const (
	// maxCron is the longest expression, in characters.
	maxCron = 200
	// shownRuns is how many coming runs are shown.
	shownRuns = 3
)

// Rule says when a schedule runs: a cron expression in a time zone.
type Rule struct {
	cron *cron.SpecSchedule
	zone *time.Location
	// elapsed says that the hours or the minutes begin with a star: such runs follow the time that passes, all others the clock on the wall.
	elapsed bool
}

// parser knows the five fields of crontab(5) and names such as @daily.
var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// named are the expressions that have a name.
var named = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// ParseRule returns Invalid for an expression that is not five fields of cron or one of the names, for one that never comes true, and for
// an unknown time zone.
func ParseRule(expression, timezone string) (Rule, error) {
	zone, err := loadZone(timezone)
	if err != nil {
		return Rule{}, err
	}
	expression = strings.TrimSpace(expression)
	if long, ok := named[expression]; ok {
		expression = long
	}
	fields := strings.Fields(expression)
	if len(expression) > maxCron || len(fields) != 5 {
		return Rule{}, invalidCron()
	}
	parsed, err := parser.Parse(strings.Join(fields, " "))
	spec, ok := parsed.(*cron.SpecSchedule)
	if err != nil || !ok {
		return Rule{}, invalidCron()
	}
	r := Rule{cron: spec, zone: zone, elapsed: strings.HasPrefix(fields[0], "*") || strings.HasPrefix(fields[1], "*")}
	if r.Next(time.Unix(0, 0)).IsZero() {
		return Rule{}, invalid("cron", "never comes true; there is no such day")
	}
	return r, nil
}

func invalidCron() error {
	return invalid("cron", "must be five fields (minute, hour, day of the month, month, day of the week) such as 15 3 * * *, or one of @hourly, @daily, @weekly, @monthly and @yearly")
}

func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, invalidZone()
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, invalidZone()
	}
	return zone, nil
}

func invalidZone() error {
	return invalid("timezone", "must be the name of a time zone such as Europe/Berlin or UTC")
}

// invalid is the contract's answer to a malformed field.
func invalid(field, problem string) *fault.Error {
	return fault.New(fault.Invalid, "INVALID_REQUEST", "Invalid request", "%s %s.", field, problem).With(field, problem)
}

// Next returns the first run after a moment, in UTC; the zero time if there is none within five years.
//
// When clocks change, a run at a fixed time happens exactly once a day: one whose time is left out happens when the clocks have jumped, and
// one whose time comes twice happens the first time. A run of every hour or every few minutes goes on by the time that passes.
func (r Rule) Next(after time.Time) time.Time {
	spec := *r.cron
	if r.elapsed {
		spec.Location = r.zone
		return utc(spec.Next(after.In(r.zone)))
	}
	// Fixed times are found on the wall, where every day has 24 hours, and then looked up in the time zone.
	spec.Location = time.UTC
	for wall := onTheWall(after.In(r.zone)); ; {
		if wall = spec.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		if at := firstAt(wall, r.zone); at.After(after) {
			return utc(at)
		}
	}
}

// Following returns the next runs after a moment.
func (r Rule) Following(after time.Time) (runs []time.Time) {
	for at := r.Next(after); len(runs) < shownRuns && !at.IsZero(); at = r.Next(at) {
		runs = append(runs, at)
	}
	return runs
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// onTheWall returns what a clock shows at t, as a time without a zone.
func onTheWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// firstAt returns when a clock in the zone first shows wall, or, if it never does, when it jumps over it.
func firstAt(wall time.Time, zone *time.Location) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	begin, end := at.ZoneBounds()
	switch shown := onTheWall(at); {
	case shown.After(wall):
		return begin
	case shown.Before(wall):
		return end
	}
	if begin.IsZero() {
		return at
	}
	_, before := begin.Add(-time.Second).Zone()
	_, now := at.Zone()
	// The same time in the offset that held before: if that was still in force then, the clock showed it earlier.
	if earlier := at.Add(time.Duration(now-before) * time.Second); earlier.Before(begin) && earlier.Before(at) {
		return earlier
	}
	return at
}
