package session

import (
	"math"
	"time"
)

// Tally adds up the sessions that ended in the same hour with the same status, direction and peer. It can also stand for a
// single active session; Ended is then 0.
type Tally struct {
	// Hour is the hour in which they ended. For older sessions it is only accurate to the day, and for the oldest it is
	// some earlier time.
	Hour      time.Time
	Status    Status
	Direction Direction
	PeerID    string
	// Kept is how many of them are still in the history, and Ended how many there were.
	Kept, Ended int64
	// Processed and Rejected count products; Pending counts those that an active session has yet to handle.
	Processed, Rejected, Pending int64
	Bytes                        int64
}

// Figures are totals over all sessions.
type Figures struct {
	At time.Time
	// ByStatus is how many sessions in the history have each status.
	ByStatus map[Status]int64
	// These count the products of all sessions that ever ran, including those deleted from the history.
	Processed, Rejected, Pending int64
	// LastDay is the last 24 hours, starting on a full hour.
	LastDay Period
	// Days are the last few days in UTC, today first.
	Days []Period
}

// Period adds up the sessions that ended in a period of time.
type Period struct {
	// Begin is the start of the period.
	Begin time.Time
	// Sessions is how many ended; Completed and Failed are how many of those ended that way.
	Sessions, Completed, Failed int64
	// These count products. Received and Sent include refused ones; Processed and Rejected split the same total
	// differently.
	Received, Sent, Processed, Rejected int64
	Bytes                               int64
	// Peers is how many peers took part.
	Peers int

	peers map[string]bool
}

// figureDays is how many single days are shown.
const figureDays = 7

// Summarise adds up tallies as of now, which must be the time of the database that holds them.
func Summarise(tallies []Tally, now time.Time) Figures {
	now = now.UTC()
	f := Figures{At: now, ByStatus: map[Status]int64{}, LastDay: Period{Begin: now.Truncate(time.Hour).Add(-24 * time.Hour)}}
	for i := range figureDays {
		f.Days = append(f.Days, Period{Begin: time.Date(now.Year(), now.Month(), now.Day()-i, 0, 0, 0, 0, time.UTC)})
	}
	for _, t := range tallies {
		f.ByStatus[t.Status.Current()] += t.Kept
		f.Processed, f.Rejected, f.Pending = f.Processed+t.Processed, f.Rejected+t.Rejected, f.Pending+t.Pending
		if t.Ended == 0 {
			continue
		}
		if !t.Hour.Before(f.LastDay.Begin) {
			f.LastDay.add(t)
		}
		for i := range f.Days {
			if !t.Hour.Before(f.Days[i].Begin) {
				f.Days[i].add(t)
				break
			}
		}
	}
	return f
}

func (p *Period) add(t Tally) {
	p.Sessions += t.Ended
	switch t.Status {
	case Completed:
		p.Completed += t.Ended
	case Failed:
		p.Failed += t.Ended
	}
	switch products := t.Processed + t.Rejected; t.Direction {
	case Pull:
		p.Received += products
	case Push:
		p.Sent += products
	}
	p.Processed, p.Rejected, p.Bytes = p.Processed+t.Processed, p.Rejected+t.Rejected, p.Bytes+t.Bytes
	if p.peers == nil {
		p.peers = map[string]bool{}
	}
	if t.PeerID != "" {
		p.peers[t.PeerID] = true
	}
	p.Peers = len(p.peers)
}

// Health is the percentage of ended sessions that completed, leaving out cancelled ones. It is 100 if there were none.
func (p *Period) Health() float64 { return percent(p.Completed, p.Failed) }

// Success is the percentage of products that were not refused. It is 100 if there were none.
func (p *Period) Success() float64 { return percent(p.Processed, p.Rejected) }

// percent returns the share of good in both, to a tenth. It is 100 only if there was nothing bad.
func percent(good, bad int64) float64 {
	if bad <= 0 {
		return 100
	}
	return math.Floor(1000*float64(good)/float64(good+bad)) / 10
}
