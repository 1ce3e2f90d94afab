package peer

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"fullsync/internal/fault"
)

const (
	// checksAtOnce is how many peers one replica checks at a time, so that a few silent ones do not hold up the rest.
	checksAtOnce = 8
	// maxLook is the longest pause between two searches for peers that are due.
	maxLook = time.Second
	// checkWithin is the time limit for one whole check. The prober's own time limit is shorter.
	checkWithin = 30 * time.Second
)

// Rota hands out each check to one replica.
type Rota interface {
	// DuePeer claims the switched-on peer whose check has been due the longest, and makes its next check due after next, or that of a
	// feed after nextFeed; ok is false if none is due. If a replica dies after claiming a peer, the peer goes unchecked only until then.
	DuePeer(ctx context.Context, next, nextFeed time.Duration) (nodeID string, ok bool, err error)
}

// Checker checks every switched-on peer again and again. Each replica runs one, and they share the work.
type Checker struct {
	registry *Registry
	rota     Rota
	every    time.Duration
	log      *slog.Logger
}

// NewChecker returns a checker that checks each peer about once per every.
func NewChecker(registry *Registry, rota Rota, every time.Duration, log *slog.Logger) *Checker {
	return &Checker{registry: registry, rota: rota, every: every, log: log}
}

// Run checks peers until ctx ends, then waits for the checks under way.
func (c *Checker) Run(ctx context.Context) {
	var checks sync.WaitGroup
	defer checks.Wait()
	free := make(chan struct{}, checksAtOnce)
	look := time.NewTimer(0)
	defer look.Stop()
	silent := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		look.Reset(jittered(min(c.every/10, maxLook)))
		silent = c.checkDue(ctx, &checks, free, silent)
	}
}

// checkDue starts the checks that are due. It returns true if the database would not say which; silent is what it returned
// last time, so that an outage is logged only once.
func (c *Checker) checkDue(ctx context.Context, checks *sync.WaitGroup, free chan struct{}, silent bool) bool {
	for {
		select {
		case <-ctx.Done():
			return silent
		case free <- struct{}{}:
		}
		nodeID, ok, err := c.rota.DuePeer(ctx, jittered(c.every), jittered(max(c.every, CheckFeedEvery)))
		if err != nil || !ok {
			<-free
			if err != nil && !silent && ctx.Err() == nil {
				c.log.WarnContext(ctx, "peers cannot be checked", "error", err)
			}
			return err != nil
		}
		checks.Go(func() {
			defer func() { <-free }()
			c.check(ctx, nodeID)
		})
	}
}

// check checks one peer and logs any change.
func (c *Checker) check(ctx context.Context, nodeID string) {
	bounded, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	p, err := c.registry.Get(bounded, nodeID)
	if err != nil {
		return // the peer was just removed, or checkDue will report that the database is away
	}
	found, err := c.registry.check(bounded, p)
	switch {
	case err != nil:
		if ctx.Err() == nil && fault.KindOf(err) != fault.Unavailable {
			c.log.WarnContext(ctx, "a peer cannot be checked", "peer", nodeID, "error", err)
		}
	case found.Problem != "" && p.LastError == "":
		c.log.WarnContext(ctx, "peer does not answer as it should", "peer", nodeID, "problem", found.Problem)
	case found.Problem == "" && p.LastError != "":
		c.log.InfoContext(ctx, "peer answers again", "peer", nodeID)
	}
}

// jittered returns d plus or minus up to a tenth, so that peers that were due at the same time drift apart.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // no secret
}
