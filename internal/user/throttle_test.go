package user

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWaitsGrow fails one name's logins again and again, each as soon as it is admitted.
func TestWaitsGrow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var a Attempts
	var waits []int
	for range 16 {
		a = NameLimit("alice").Admit(a, now)
		wait := a.Wait(now)
		waits = append(waits, int(wait.Seconds()))
		if a.Wait(now.Add(wait)) != 0 || wait > 0 && a.Wait(now.Add(wait-time.Millisecond)) == 0 {
			t.Errorf("the wait of %s does not end when it should", wait)
		}
		now = now.Add(wait)
	}
	if want := []int{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300}; !slices.Equal(waits, want) {
		t.Errorf("the waits are %v, want %v", waits, want)
	}
	// After an hour without failures the count starts over; after a minute less it does not.
	if a := NameLimit("alice").Admit(a, now.Add(ForgetAfter)); a.Failures != 1 {
		t.Errorf("after an hour there are %d failures", a.Failures)
	}
	last := a.LastAt
	if a := NameLimit("alice").Admit(a, last.Add(ForgetAfter-time.Minute)); a.Failures != 17 {
		t.Errorf("after less than an hour there are %d failures", a.Failures)
	}
}

func TestWhichLoginsShareALimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::1", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
		{"", "192.0.2.1", false},
	} {
		if a, b := AddressLimit(c.a).Subject, AddressLimit(c.b).Subject; (a == b) != c.same {
			t.Errorf("%s and %s: %s and %s", c.a, c.b, a, b)
		}
	}
	if NameLimit("Alice") != NameLimit("alice") || NameLimit("alice") == NameLimit("bob") {
		t.Error("different names share a limit, or case makes a difference")
	}
	// A password typed into the name field must not be kept.
	if strings.Contains(NameLimit("hunter2").Subject, "hunter2") {
		t.Error("the name is kept as it was typed")
	}
}
