package token

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// saveEvery is how often the last uses of tokens are written down.
const saveEvery = 5 * time.Second

// uses are the last uses of tokens that are not written down yet. Writing each down with its request would make every read a write.
type uses struct {
	mu  sync.Mutex
	all map[string]Use
}

// note notes a use of a token.
func (u *uses) note(id string, use Use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[string]Use{}
	}
	u.all[id] = use
}

func (u *uses) take() map[string]Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.all
	u.all = nil
	return taken
}

// giveBack notes uses again that could not be written down, unless there are newer ones.
func (u *uses) giveBack(taken map[string]Use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.Copy(taken, u.all)
	u.all = taken
}

// Run writes the last uses of tokens down, every few seconds until ctx ends, and then once more.
func (t *Tokens) Run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveEvery)
		if err := t.SaveUses(within); err != nil {
			log.WarnContext(ctx, "the last uses of tokens cannot be written down yet", "error", err)
		}
		cancel()
	}
}

// SaveUses writes down the uses so far. After an error it tries again the next time.
func (t *Tokens) SaveUses(ctx context.Context) error {
	taken := t.uses.take()
	if len(taken) == 0 {
		return nil
	}
	err := t.store.TokensUsed(ctx, taken)
	if err != nil {
		t.uses.giveBack(taken)
	}
	return err
}
