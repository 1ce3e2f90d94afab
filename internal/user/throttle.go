package user

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"
)

// Limit says how failed logins slow down one subject, which is a name or an address. After Free failures every further
// login has to wait: First to begin with, then twice as long each time, up to Most. After Forget without a new failure, all
// failures are forgotten.
type Limit struct {
	Subject string
	Free    int
	First   time.Duration
	Most    time.Duration
	Forget  time.Duration
}

// ForgetAfter is how long failures are remembered. It is longer than the longest wait, so nobody gets a clean slate by
// waiting one out.
const ForgetAfter = time.Hour

// NameLimit returns the limit for a name, whether or not such a user exists. The wait is bounded so that nobody can lock a
// user out for good by guessing; that leaves about 290 guesses a day.
func NameLimit(name string) Limit {
	// People sometimes type their password into the name field, so the name is not kept as typed.
	sum := sha256.Sum256([]byte(Key(name)))
	return Limit{Subject: "name:" + hex.EncodeToString(sum[:]), Free: 5, First: time.Second, Most: 5 * time.Minute, Forget: ForgetAfter}
}

// AddressLimit returns the limit for an address, which several people may share. For IPv6 it covers the whole /64 network,
// because anyone with one address in it usually has them all.
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

// Attempts counts one subject's logins that have failed or are still being checked.
type Attempts struct {
	// Subject is [Limit.Subject].
	Subject  string `gorm:"primaryKey"`
	Failures int
	// LastAt is when the last login was admitted, and no other is admitted before WaitUntil. Both are database time.
	LastAt    time.Time
	WaitUntil time.Time
}

// TableName names the table for GORM.
func (Attempts) TableName() string { return "login_attempts" }

// Wait returns how long until another login is admitted; 0 means now.
func (a Attempts) Wait(now time.Time) time.Duration { return max(0, a.WaitUntil.Sub(now)) }

// Admit returns a with one more login, which counts as failed until it succeeds: otherwise many logins at once could get
// past the limit.
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

// wait returns how long to wait after over failures more than the free ones.
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
