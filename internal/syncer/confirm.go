package syncer

import (
	"context"
	"errors"
	"sync"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/session"
)

// Cancels is what telling targets of cancels needs from the database.
type Cancels interface {
	// Unconfirmed returns the pushes out of this node that were cancelled no longer than within ago, and whose target has not confirmed it.
	Unconfirmed(ctx context.Context, within time.Duration) ([]session.Session, error)
	// ConfirmTarget notes that the target of a cancelled push has confirmed it, and what it says about putting back what the push changed.
	ConfirmTarget(ctx context.Context, id string, said Confirmation) error
}

// Confirmation is what a target says that was asked to put back what a cancelled push has changed: the session that does, or why there is none.
// Both are empty if it was not asked to.
type Confirmation struct{ RevertedBy, NotReverted string }

// Targets tells the targets of pushes that these were cancelled.
type Targets struct {
	cancels Cancels
	peers   Peers
	open    OpenTarget
}

// NewTargets returns Targets.
func NewTargets(cancels Cancels, peers Peers, open OpenTarget) *Targets {
	return &Targets{cancels: cancels, peers: peers, open: open}
}

// tell tells the target of a push that it was cancelled, and returns nil once nothing can land there any more. A nil Targets tells nobody.
func (t *Targets) tell(ctx context.Context, row session.Session) (said Confirmation, err error) {
	if t == nil {
		return said, errors.New("nobody is told from here")
	}
	if row.ClaimedAt == nil { // no worker ever had it, so its target was never asked to open it
		if row.RevertWanted {
			said.NotReverted = notBegun(row.PeerID)
		}
		return said, t.cancels.ConfirmTarget(ctx, row.ID, said)
	}
	target, err := reach(ctx, t.peers, row, t.open)
	if err != nil {
		return said, err
	}
	defer target.Close() //nolint:errcheck // nothing was written through it
	opening := Opening{SessionID: row.ID, NodeID: row.SourceNodeID, Catalog: row.Catalog, Fence: row.Fence}
	at, err := target.Cancel(ctx, opening, Cancellation{By: row.CancelledBy, Reason: row.CancelReason, Revert: row.RevertWanted})
	switch unknown := fault.KindOf(err) == fault.NotFound; {
	case err != nil && !unknown:
		return said, err
	case !row.RevertWanted: // one that has ended writes nothing
	case unknown: // it was never opened
		said.NotReverted = notBegun(row.PeerID)
	case at.RevertedBy == "" && at.NotReverted == "":
		said.NotReverted = row.PeerID + " runs a version that cannot put back what a push has changed."
	default:
		said = at.Confirmation
	}
	return said, t.cancels.ConfirmTarget(ctx, row.ID, said)
}

func notBegun(peerID string) string { return "It had not begun at " + peerID + "." }

// Confirmer goes on asking targets that have not confirmed a cancel yet. Every replica runs one.
type Confirmer struct {
	cfg     Config
	targets *Targets
	// asked are the sessions whose target was asked in vain: how often, and when to ask again.
	asked map[string]*asked
}

type asked struct {
	times int
	next  time.Time
}

// NewConfirmer returns a Confirmer.
func NewConfirmer(cfg Config, targets *Targets) *Confirmer {
	return &Confirmer{cfg: cfg, targets: targets, asked: map[string]*asked{}}
}

const (
	// confirmWithin is how long after a cancel its target is still asked. Its lease has run out long before.
	confirmWithin = 24 * time.Hour
	// confirmAtOnce is how many targets are asked at the same time.
	confirmAtOnce = 8
	// confirmMost is the longest wait before a target is asked again.
	confirmMost = time.Minute
)

// Run looks at every heartbeat interval until ctx ends.
func (c *Confirmer) Run(ctx context.Context) {
	tick := time.NewTicker(c.cfg.HeartbeatInterval)
	defer tick.Stop()
	for {
		if err := c.Look(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Warn("could not look for cancels that their target has not confirmed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look asks every target whose turn it is, each for two seconds at most.
func (c *Confirmer) Look(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Limits.StaleAfter)
	rows, err := c.targets.cancels.Unconfirmed(bounded, confirmWithin)
	cancel()
	if err != nil {
		return err
	}
	current := make(map[string]*asked, len(rows))
	var all sync.WaitGroup
	turns := make(chan struct{}, confirmAtOnce)
	for _, row := range rows {
		a := c.asked[row.ID]
		if a == nil {
			a = &asked{}
		}
		if current[row.ID] = a; time.Now().Before(a.next) {
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			c.ask(ctx, row, a)
		})
	}
	all.Wait()
	c.asked = current
	return nil
}

func (c *Confirmer) ask(ctx context.Context, row session.Session, a *asked) {
	bounded, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	log := c.cfg.Logger.With("session", row.ID, "peer", row.PeerID)
	said, err := c.targets.tell(bounded, row)
	if err == nil {
		log.Info("the target of a cancelled push has confirmed it", "revertedBy", said.RevertedBy, "notReverted", said.NotReverted)
		return
	}
	a.times++
	wait := min(c.cfg.HeartbeatInterval<<min(a.times, 10), confirmMost)
	a.next = time.Now().Add(wait)
	log.Debug("the target of a cancelled push has not confirmed it yet", "error", err, "again", wait)
}
