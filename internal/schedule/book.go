package schedule

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/session"
)

// Store keeps the schedules of this node and their runs. Every method may also return Unavailable when the database does not answer, and
// all times are the database's.
type Store interface {
	// ListSchedules returns every schedule by name, and the database's time.
	ListSchedules(ctx context.Context) ([]Schedule, time.Time, error)
	// GetSchedule returns one schedule, or NotFound (see [Unknown]), and the database's time.
	GetSchedule(ctx context.Context, id string) (Schedule, time.Time, error)
	// AddSchedule inserts s as due completes it with the time of the insert. Returns Conflict (see [Exists]) for a name that is taken.
	AddSchedule(ctx context.Context, s *Schedule, due func(*Schedule, time.Time)) error
	// ChangeSchedule reads the schedule for update, calls change with the database's time, and writes the result, all in one transaction.
	// Where change switches the schedule off, runs of it that wait are skipped. Returns the error of change, NotFound and Conflict.
	ChangeSchedule(ctx context.Context, id string, change func(*Schedule, time.Time) error) (Schedule, error)
	// RemoveSchedule deletes the schedule and its runs; sessions stay. Returns NotFound.
	RemoveSchedule(ctx context.Context, id string) error
	// ListRuns returns the latest runs of a schedule, the newest first and those of one occasion together.
	ListRuns(ctx context.Context, scheduleID string, limit int) ([]Shown, error)
	// AddRuns inserts runs that begin now, and returns them with their times.
	AddRuns(ctx context.Context, runs []Run) ([]Run, error)
	// PausedSchedules returns nil while schedules are not paused.
	PausedSchedules(ctx context.Context) (*Pause, error)
	// PauseSchedules pauses all schedules; of several pauses the first one stays.
	PauseSchedules(ctx context.Context, by string) (*Pause, error)
	// ResumeSchedules ends the pause, and sets when each schedule is due to what due makes of it, in one transaction.
	ResumeSchedules(ctx context.Context, due func(*Schedule, time.Time)) error
}

// Peers knows the registered peers.
type Peers interface {
	List(ctx context.Context) ([]peer.Peer, error)
}

// New describes a schedule to add.
type New struct {
	Name, Cron, Timezone string
	Enabled              bool
	Action               session.Direction
	TargetPeers          []string
	Catalog              string
	Options              session.Options
	IfRunning            IfRunning
	JitterSeconds        int
	By                   string
}

// Change is a change to a schedule. Nil members stay as they are.
type Change struct {
	Name, Cron, Timezone *string
	Enabled              *bool
	Action               *session.Direction
	TargetPeers          *[]string
	Catalog              *string
	Options              *session.Options
	IfRunning            *IfRunning
	JitterSeconds        *int
}

// Book manages the schedules of this node. It is safe for concurrent use.
type Book struct {
	store Store
	peers Peers
	// begin tries to begin runs at once.
	begin func(ctx context.Context, s Schedule, runs []Run)
}

// NewBook returns the book of schedules on that store. Runs that are asked for out of turn go to keeper.
func NewBook(store Store, peers Peers, keeper *Keeper) *Book {
	return &Book{store: store, peers: peers, begin: keeper.begin}
}

// List returns every schedule by name.
func (b *Book) List(ctx context.Context) ([]View, error) {
	all, now, err := b.store.ListSchedules(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]View, len(all))
	for i, s := range all {
		if views[i], err = b.view(ctx, s, now); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// Get returns one schedule, or NotFound.
func (b *Book) Get(ctx context.Context, id string) (View, error) {
	s, now, err := b.store.GetSchedule(ctx, id)
	if err != nil {
		return View{}, err
	}
	return b.view(ctx, s, now)
}

func (b *Book) view(ctx context.Context, s Schedule, now time.Time) (View, error) {
	runs, err := b.store.ListRuns(ctx, s.ID, judgedRuns(s))
	if err != nil {
		return View{}, err
	}
	return newView(s, now, runs), nil
}

// judgedRuns is how many runs a verdict needs.
func judgedRuns(s Schedule) int { return (FailingAfter + 2) * max(4, len(s.TargetPeers)) }

// Runs returns the latest runs of a schedule, the newest first. Returns NotFound.
func (b *Book) Runs(ctx context.Context, id string, limit int) ([]Shown, error) {
	if _, _, err := b.store.GetSchedule(ctx, id); err != nil {
		return nil, err
	}
	return b.store.ListRuns(ctx, id, limit)
}

// Preview returns the next runs of a rule. Returns Invalid for a malformed one.
func (b *Book) Preview(ctx context.Context, cron, timezone string) ([]time.Time, error) {
	rule, err := ParseRule(cron, timezone)
	if err != nil {
		return nil, err
	}
	_, now, err := b.store.ListSchedules(ctx)
	if err != nil {
		return nil, err
	}
	return rule.Following(now), nil
}

// Add adds a schedule. Returns Invalid for a malformed member, Impossible for a peer that is not registered, and Conflict for a name that
// is taken.
func (b *Book) Add(ctx context.Context, n New) (View, error) {
	s := Schedule{ID: uuid.NewString(), CreatedBy: n.By}
	c := Change{
		Name: &n.Name, Cron: &n.Cron, Timezone: &n.Timezone, Enabled: &n.Enabled, Action: &n.Action, TargetPeers: &n.TargetPeers,
		Catalog: &n.Catalog, Options: &n.Options, IfRunning: &n.IfRunning, JitterSeconds: &n.JitterSeconds,
	}
	if err := b.knowsPeers(ctx, c); err != nil {
		return View{}, err
	}
	if err := c.apply(&s); err != nil {
		return View{}, err
	}
	if err := b.store.AddSchedule(ctx, &s, due); err != nil {
		return View{}, err
	}
	return newView(s, s.CreatedAt, nil), nil
}

// Change changes a schedule. Returns what Add does, and NotFound.
func (b *Book) Change(ctx context.Context, id string, c Change) (View, error) {
	if err := b.knowsPeers(ctx, c); err != nil {
		return View{}, err
	}
	_, err := b.store.ChangeSchedule(ctx, id, func(s *Schedule, now time.Time) error {
		was := *s
		if err := c.apply(s); err != nil {
			return err
		}
		if s.Cron != was.Cron || s.Timezone != was.Timezone || s.Enabled != was.Enabled {
			due(s, now)
		}
		return nil
	})
	if err != nil {
		return View{}, err
	}
	return b.Get(ctx, id)
}

// due sets when the schedule is due next, as of now.
func due(s *Schedule, now time.Time) {
	s.NextAt = nil
	rule, err := ParseRule(s.Cron, s.Timezone)
	if err != nil || !s.Enabled {
		return
	}
	if next := rule.Next(now); !next.IsZero() {
		s.NextAt = &next
	}
}

// Remove deletes a schedule and its runs; what it started goes on. Returns NotFound.
func (b *Book) Remove(ctx context.Context, id string) error { return b.store.RemoveSchedule(ctx, id) }

// RunNow runs a schedule out of turn, even one that is switched off, and returns what became of each run. Returns NotFound.
func (b *Book) RunNow(ctx context.Context, id, by string) ([]Shown, error) {
	s, _, err := b.store.GetSchedule(ctx, id)
	if err != nil {
		return nil, err
	}
	runs, err := b.store.AddRuns(ctx, occasion(s, by))
	if err != nil {
		return nil, err
	}
	b.begin(ctx, s, runs)
	latest, err := b.store.ListRuns(ctx, id, len(runs)+judgedRuns(s))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(latest, func(r Shown) bool { return r.Occasion != runs[0].Occasion }), nil
}

// occasion returns one waiting run for each peer of the schedule.
func occasion(s Schedule, by string) []Run {
	runs, id := make([]Run, len(s.TargetPeers)), uuid.NewString()
	for i, peerID := range s.TargetPeers {
		runs[i] = Run{ID: uuid.NewString(), ScheduleID: s.ID, Occasion: id, PeerID: peerID, By: by, State: Waiting}
	}
	return runs
}

// Paused returns nil while schedules are not paused.
func (b *Book) Paused(ctx context.Context) (*Pause, error) { return b.store.PausedSchedules(ctx) }

// PauseAll lets no schedule run until ResumeAll; runs out of turn still do. What falls due meanwhile is left out.
func (b *Book) PauseAll(ctx context.Context, by string) (*Pause, error) {
	return b.store.PauseSchedules(ctx, by)
}

// ResumeAll ends the pause.
func (b *Book) ResumeAll(ctx context.Context) error { return b.store.ResumeSchedules(ctx, due) }

// knowsPeers returns Impossible for a peer that is not registered.
func (b *Book) knowsPeers(ctx context.Context, c Change) error {
	if c.TargetPeers == nil {
		return nil
	}
	peers, err := b.peers.List(ctx)
	if err != nil {
		return err
	}
	for _, id := range *c.TargetPeers {
		if !slices.ContainsFunc(peers, func(p peer.Peer) bool { return p.NodeID == id }) {
			unknown := peer.Unknown(id)
			return fault.New(fault.Impossible, unknown.Code, unknown.Title, "%s", unknown.Message).With("targetPeers", "must be registered peers")
		}
	}
	return nil
}

// apply checks c and applies it to s.
func (c Change) apply(s *Schedule) error {
	set(&s.Name, c.Name)
	set(&s.Cron, c.Cron)
	set(&s.Timezone, c.Timezone)
	set(&s.Enabled, c.Enabled)
	set(&s.Action, c.Action)
	set(&s.TargetPeers, c.TargetPeers)
	set(&s.Catalog, c.Catalog)
	set(&s.Options, c.Options)
	set(&s.IfRunning, c.IfRunning)
	set(&s.JitterSeconds, c.JitterSeconds)
	s.Name, s.Cron = strings.TrimSpace(s.Name), strings.Join(strings.Fields(s.Cron), " ")
	if _, err := ParseRule(s.Cron, s.Timezone); err != nil {
		return err
	}
	return s.check()
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// check returns Invalid for a malformed member; the rule is checked elsewhere.
func (s *Schedule) check() error {
	peers := slices.Compact(slices.Sorted(slices.Values(s.TargetPeers)))
	switch {
	case s.Name == "" || utf8.RuneCountInString(s.Name) > MaxName || !utf8.ValidString(s.Name) ||
		strings.ContainsFunc(s.Name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return invalid("name", "must be 1 to 100 printable characters")
	case s.Action != session.Pull && s.Action != session.Push:
		return invalid("action", "must be pull or push")
	case s.Action == session.Pull && len(s.TargetPeers) != 1:
		return invalid("targetPeers", "must be one peer for a pull")
	case len(s.TargetPeers) == 0 || len(s.TargetPeers) > MaxPeers || len(peers) != len(s.TargetPeers):
		return invalid("targetPeers", "must be 1 to 500 different peers")
	case s.IfRunning != Skip && s.IfRunning != Queue:
		return invalid("ifRunning", "must be skip or queue")
	case s.JitterSeconds < 0 || s.JitterSeconds > MaxJitter:
		return invalid("jitterSeconds", "must be 0 to 3600")
	}
	return nil
}
