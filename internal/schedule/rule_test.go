package schedule_test

import (
	"strings"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/schedule"
)

// TestRunsWhenClocksChange writes down in the local time of each zone what comes after a moment.
func TestRunsWhenClocksChange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, cron, zone, after, want string }{
		{"plain", "15 3 * * *", "Europe/Berlin", "2026-01-31T09:00:00Z", "2026-02-01 03:15 CET, 2026-02-02 03:15 CET, 2026-02-03 03:15 CET"},
		{"itself does not count", "15 3 * * *", "UTC", "2026-01-31T03:15:00Z", "2026-02-01 03:15 UTC, 2026-02-02 03:15 UTC, 2026-02-03 03:15 UTC"},
		{"left out in spring", "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-28 02:30 CET, 2026-03-29 03:00 CEST, 2026-03-30 02:30 CEST"},
		{"and only once", "0,30 2 * * *", "Europe/Berlin", "2026-03-28T20:00:00Z", "2026-03-29 03:00 CEST, 2026-03-30 02:00 CEST, 2026-03-30 02:30 CEST"},
		{"with one right after", "30 2,3 * * *", "Europe/Berlin", "2026-03-28T20:00:00Z", "2026-03-29 03:00 CEST, 2026-03-29 03:30 CEST, 2026-03-30 02:30 CEST"},
		{"the jump itself", "0 3 * * *", "Europe/Berlin", "2026-03-28T20:00:00Z", "2026-03-29 03:00 CEST, 2026-03-30 03:00 CEST, 2026-03-31 03:00 CEST"},
		{"twice in autumn", "30 2 * * *", "Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25 02:30 CEST, 2026-10-26 02:30 CET, 2026-10-27 02:30 CET"},
		{"begun between the two", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26 02:30 CET, 2026-10-27 02:30 CET, 2026-10-28 02:30 CET"},
		{"every hour in spring", "0 * * * *", "Europe/Berlin", "2026-03-28T23:59:00Z", "2026-03-29 01:00 CET, 2026-03-29 03:00 CEST, 2026-03-29 04:00 CEST"},
		{"every hour in autumn", "0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25 02:00 CEST, 2026-10-25 02:00 CET, 2026-10-25 03:00 CET"},
		{"every half hour in autumn", "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25 02:30 CEST, 2026-10-25 02:00 CET, 2026-10-25 02:30 CET"},
		{"in the west", "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01 01:30 EDT, 2026-11-02 01:30 EST, 2026-11-03 01:30 EST"},
		{"a jump at midnight", "0 0 * * *", "America/Asuncion", "2022-10-01T12:00:00Z", "2022-10-02 01:00 -03, 2022-10-03 00:00 -03, 2022-10-04 00:00 -03"},
		{"a jump of half an hour", "10 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z", "2026-10-04 02:30 +11, 2026-10-05 02:10 +11, 2026-10-06 02:10 +11"},
		{"a day that never was", "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-31 00:00 +14, 2012-12-30 12:00 +14, 2013-12-30 12:00 +14"},
		{"leap days", "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29 00:00 UTC, 2032-02-29 00:00 UTC, 2036-02-29 00:00 UTC"},
		{"names", "@weekly", "UTC", "2026-01-01T00:00:00Z", "2026-01-04 00:00 UTC, 2026-01-11 00:00 UTC, 2026-01-18 00:00 UTC"},
		{"weekdays", "0 6 * * mon-fri", "UTC", "2026-01-02T07:00:00Z", "2026-01-05 06:00 UTC, 2026-01-06 06:00 UTC, 2026-01-07 06:00 UTC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rule, err := schedule.ParseRule(c.cron, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			after, err := time.Parse(time.RFC3339, c.after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, at := range rule.Following(after) {
				got = append(got, at.In(zone).Format("2006-01-02 15:04 MST"))
			}
			if text := strings.Join(got, ", "); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

// TestEveryDayHasItsRun walks through three years in zones with and without daylight saving.
func TestEveryDayHasItsRun(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata", "America/Santiago"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, cron := range []string{"0 0 * * *", "15 0 * * *", "45 1 * * *", "30 2 * * *", "0 3 * * *"} {
			rule, err := schedule.ParseRule(cron, name)
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2025, 1, 1, 12, 0, 0, 0, zone)
			for range 3 * 365 {
				next := rule.Next(at)
				day := time.Date(at.In(zone).Year(), at.In(zone).Month(), at.In(zone).Day()+1, 12, 0, 0, 0, zone)
				if !next.After(at) || next.In(zone).YearDay() != day.YearDay() {
					t.Fatalf("%s in %s: after %s comes %s", cron, name, at.In(zone), next.In(zone))
				}
				at = next
			}
		}
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cron, zone, field string }{
		{"", "UTC", "cron"}, {"* * * *", "UTC", "cron"}, {"* * * * * *", "UTC", "cron"}, {"60 * * * *", "UTC", "cron"}, {"a * * * *", "UTC", "cron"},
		{"0 0 30 2 *", "UTC", "cron"}, {"@every 1s", "UTC", "cron"}, {"@never", "UTC", "cron"}, {"TZ=UTC 0 0 * * *", "UTC", "cron"},
		{"CRON_TZ=UTC 0 0 * *", "UTC", "cron"}, {"0 0 * * *" + strings.Repeat(",1", 200), "UTC", "cron"},
		{"0 0 * * *", "", "timezone"}, {"0 0 * * *", "Local", "timezone"}, {"0 0 * * *", "Mars/Olympus", "timezone"}, {"0 0 * * *", "../../etc/passwd", "timezone"},
	} {
		_, err := schedule.ParseRule(c.cron, c.zone)
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), c.field+" ") {
			t.Errorf("%q in %q: %v", c.cron, c.zone, err)
		}
	}
}
