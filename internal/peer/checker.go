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
	// checksAtOnce bounds how many peers one replica asks at the same time: those that do not answer must not hold up the rest.
	checksAtOnce = 8
	// maxLook is the longest pause between two looks for peers that are due.
	maxLook = time.Second
	// checkWithin bounds one check with everything that belongs to it. The prober has a shorter patience of its own.
	checkWithin = 30 * time.Second
)

// Rota hands out checks, to one replica each.
type Rota interface {
	// DuePeer claims the switched-on peer whose check is due longest and makes its next one due after next; ok is false where
	// none is due. A replica that dies after it has claimed one leaves it unchecked until then, and no longer.
	DuePeer(ctx context.Context, next time.Duration) (nodeID string, ok bool, err error)
}

// Checker asks every switched-on peer again and again whether it is there. All replicas run one, and share the work.
type Checker struct {
	registry *Registry
	rota     Rota
	every    time.Duration
	log      *slog.Logger
}

// NewChecker returns a checker that asks each peer every so often.
func NewChecker(registry *Registry, rota Rota, every time.Duration, log *slog.Logger) *Checker {
	return &Checker{registry: registry, rota: rota, every: every, log: log}
}

// Run checks until ctx ends, and waits for the checks under way.
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

// checkDue begins the checks that are due. It returns whether the database did not say which; silent is what it returned
// the last time.
func (c *Checker) checkDue(ctx context.Context, checks *sync.WaitGroup, free chan struct{}, silent bool) bool {
	for {
		select {
		case <-ctx.Done():
			return silent
		case free <- struct{}{}:
		}
		nodeID, ok, err := c.rota.DuePeer(ctx, jittered(c.every))
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

// check asks one peer, and tells the log when that has changed anything.
func (c *Checker) check(ctx context.Context, nodeID string) {
	bounded, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	p, err := c.registry.Get(bounded, nodeID)
	if err != nil {
		return // it was removed just now, or the next look says that the database is away
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

// jittered returns d, or up to a tenth more or less, so that peers that were due together do not stay so.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // no secret
}
