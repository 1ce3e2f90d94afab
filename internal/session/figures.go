package session

import (
	"math"
	"time"
)

// Tally is what some sessions have in common, added up: those that ended in the same hour, in the same way, with the same peer;
// or a single active one, whose Ended is 0.
type Tally struct {
	// Hour is the full hour in which they ended. Of sessions that ended days ago it is the day, and of others some time before.
	Hour      time.Time
	Status    Status
	Direction Direction
	PeerID    string
	// Kept is how many of them the history holds, and Ended how many there were.
	Kept, Ended int64
	// Processed and Rejected are products, Pending those of an active session that are still to come.
	Processed, Rejected, Pending int64
	Bytes                        int64
}

// Figures are what all sessions come to.
type Figures struct {
	At time.Time
	// ByStatus is how many sessions the history holds.
	ByStatus map[Status]int64
	// Products of all sessions there ever were, deleted ones too.
	Processed, Rejected, Pending int64
	// LastDay is the last 24 hours, which begin with a full hour.
	LastDay Period
	// Days are the last ones in UTC, today first.
	Days []Period
}

// Period is what the sessions did that ended in it.
type Period struct {
	// Begin is its first moment.
	Begin time.Time
	// Sessions ended, Completed and Failed among them.
	Sessions, Completed, Failed int64
	// Received and Sent are products, refused ones among them; Processed and Rejected are both of them together, in another way.
	Received, Sent, Processed, Rejected int64
	Bytes                               int64
	// Peers is with how many they were.
	Peers int

	peers map[string]bool
}

// figureDays is how many days are shown by themselves.
const figureDays = 7

// Summarise adds tallies up at now, which must be the time of the database that holds them.
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
	if products := t.Processed + t.Rejected; t.Direction == Pull {
		p.Received += products
	} else {
		p.Sent += products
	}
	p.Processed, p.Rejected, p.Bytes = p.Processed+t.Processed, p.Rejected+t.Rejected, p.Bytes+t.Bytes
	if p.peers == nil {
		p.peers = map[string]bool{}
	}
	p.peers[t.PeerID] = true
	p.Peers = len(p.peers)
}

// Health is how many of the sessions that ended came to a good end, in percent; cancelled ones do not count. It is 100 where
// none did.
func (p *Period) Health() float64 { return percent(p.Completed, p.Failed) }

// Success is how many of the products were not refused, in percent; 100 where there were none.
func (p *Period) Success() float64 { return percent(p.Processed, p.Rejected) }

// percent returns the part of good in both, to a tenth. Only all of them are 100.
func percent(good, bad int64) float64 {
	if bad <= 0 {
		return 100
	}
	return math.Floor(1000*float64(good)/float64(good+bad)) / 10
}
