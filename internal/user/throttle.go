package user

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"
)

// Limit says how the failed logins of one subject, a name or an address, are slowed: after Free failures each further
// login has to wait, First at the beginning and twice as long each time, Most at the most. Failures are forgotten when
// none is added for Forget.
type Limit struct {
	Subject string
	Free    int
	First   time.Duration
	Most    time.Duration
	Forget  time.Duration
}

// ForgetAfter is when failures are forgotten. It is longer than the longest wait, so waiting one out forgets nothing.
const ForgetAfter = time.Hour

// NameLimit is the limit of one name, whether there is such a user or not. The wait is bounded so that nobody can lock
// somebody else out for good by guessing: some 290 guesses a day remain.
func NameLimit(name string) Limit {
	// What people type into the field of the name may be a password, and is not kept as it is.
	sum := sha256.Sum256([]byte(Key(name)))
	return Limit{Subject: "name:" + hex.EncodeToString(sum[:]), Free: 5, First: time.Second, Most: 5 * time.Minute, Forget: ForgetAfter}
}

// AddressLimit is the limit of one address, which several people may share. Of IPv6 it is the first 64 bits: whoever has
// one such address has all of them.
func AddressLimit(address string) Limit {
	if ip, err := netip.ParseAddr(address); err == nil {
		ip = ip.Unmap().WithZone("")
		address = ip.String()
		if ip.Is6() {
			network := netip.PrefixFrom(ip, 64).Masked()
			address = network.String()
		}
	}
	return Limit{Subject: "address:" + address, Free: 20, First: time.Second, Most: 5 * time.Minute, Forget: ForgetAfter}
}

// Attempts are the logins of one subject that did not succeed, with those that are on their way.
type Attempts struct {
	// Subject is the limit's.
	Subject  string `gorm:"primaryKey"`
	Failures int
	// LastAt is when the last one was admitted, WaitUntil until when no other is. Both are the database's time.
	LastAt    time.Time
	WaitUntil time.Time
}

// TableName names the table for GORM.
func (Attempts) TableName() string { return "login_attempts" }

// Wait returns how long it takes until another login is admitted, 0 when it is now.
func (a Attempts) Wait(now time.Time) time.Duration { return max(0, a.WaitUntil.Sub(now)) }

// Admit returns a with one more login, which counts as failed until it has succeeded: of many at once, no more get
// through than may fail.
func (l Limit) Admit(a Attempts, now time.Time) Attempts {
	if now.Sub(a.LastAt) >= l.Forget {
		a.Failures = 0
	}
	a.Subject, a.LastAt, a.WaitUntil = l.Subject, now, now
	a.Failures++
	if over := a.Failures - l.Free; over >= 0 {
		a.WaitUntil = now.Add(l.wait(over))
	}
	return a
}

// wait returns the wait after the free failures and over more.
func (l Limit) wait(over int) time.Duration {
	wait := l.First
	for range over {
		if wait >= l.Most {
			break
		}
		wait *= 2
	}
	return min(wait, l.Most)
}
