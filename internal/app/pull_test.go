package app_test

import (
	"fmt"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/catalog"
	"fullsync/internal/nodetest"
)

func TestPullBringsEveryProductAndARepeatWritesNothing(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, full, nodetest.Config{})

		first := pair.Main.Sync(nodetest.Pull{})
		checkCounts(t, first, counts{transferred: full, created: full})
		if first.CurrentStep != "Transferred 1067 products" || first.Attempts != 1 || first.StartedBy != "alice" {
			t.Errorf("session %s", nodetest.Show(first))
		}
		if first.TransferredBytes == 0 || value(first.TransferSpeed) <= 0 || value(first.RecordsPerSecond) <= 0 ||
			first.LastCommitAt == nil || first.EstimatedTimeRemaining != nil || first.Health.Verdict != spec.HealthVerdictFinished {
			t.Errorf("session %s", nodetest.Show(first))
		}
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
		before := pair.Main.Products("main")

		again := pair.Main.Sync(nodetest.Pull{})
		checkCounts(t, again, counts{transferred: full, unchanged: full})
		for i, p := range pair.Main.Products("main") {
			if p != before[i] {
				t.Fatalf("product %s was written again: %+v, before %+v", p.ID, p, before[i])
			}
		}

		changed := change(t, before[3].Product, before[500].Product, before[full-1].Product)
		fresh := nodetest.Product(t, `{"id":"A-first","name":"before all others","price":"0.10","nested":{"b":[1,2.50],"a":null}}`)
		pair.Branch.Import("main", append(changed, fresh)...)
		third := pair.Main.Sync(nodetest.Pull{})
		checkCounts(t, third, counts{transferred: full + 1, created: 1, updated: 3, unchanged: full - 3})
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
		isChanged := map[string]bool{}
		for _, p := range changed {
			isChanged[p.ID] = true
		}
		now := map[string]catalog.Stored{}
		for _, p := range pair.Main.Products("main") {
			now[p.ID] = p
		}
		for _, was := range before {
			is := now[was.ID]
			if !isChanged[was.ID] && is != was {
				t.Errorf("product %s had not changed and was written", was.ID)
			}
			if isChanged[was.ID] && (!is.UpdatedAt.After(was.UpdatedAt) || !is.CreatedAt.Equal(was.CreatedAt)) {
				t.Errorf("product %s had changed: now %+v, before %+v", was.ID, is, was)
			}
		}
	})
}

// TestProgressNeverFallsAndIs100OnlyAtTheEnd watches a slowed pull from beginning to end.
func TestProgressNeverFallsAndIs100OnlyAtTheEnd(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 400, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1)
		batch, limit := 20, 1000
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &batch, MaxProductsPerSecond: &limit}})
		if s.Status != spec.PREPARING || s.Progress != 0 || s.TotalRecords != nil {
			t.Errorf("just started: %s", nodetest.Show(s))
		}
		s = pair.Main.WaitFor(s.SessionId, "TRANSFERRING", func(s spec.Session) bool { return s.Status == spec.TRANSFERRING })
		if s.CurrentStep != "Transferring 400 products" || value(s.TotalRecords) != 400 || s.Progress != 0 {
			t.Errorf("before the first batch: %s", nodetest.Show(s))
		}
		gate.Open()
		last, seen := s, map[int]bool{}
		pair.Main.WaitFor(s.SessionId, "COMPLETED", func(now spec.Session) bool {
			seen[now.Progress] = true
			if now.Progress < last.Progress || now.TransferredRecords < last.TransferredRecords {
				t.Errorf("progress fell from %d (%d products) to %d (%d)", last.Progress, last.TransferredRecords, now.Progress, now.TransferredRecords)
			}
			if done := now.Status == spec.COMPLETED; done != (now.Progress == 100) {
				t.Errorf("%s at %d %%", now.Status, now.Progress)
			}
			if committed := int(now.TransferredRecords * 100 / 400); now.Progress != committed && now.Progress != min(committed, 99) {
				t.Errorf("%d %% with %d of 400 committed", now.Progress, now.TransferredRecords)
			}
			last = now
			return now.Status == spec.COMPLETED
		})
		if len(seen) < 4 {
			t.Errorf("a limited pull was seen only at %v %%", seen)
		}
	})
}

type counts struct{ transferred, created, updated, unchanged, rejected int64 }

// checkCounts checks the counters of a completed session.
func checkCounts(t *testing.T, s spec.Session, want counts) {
	t.Helper()
	got := counts{s.TransferredRecords, s.Created, s.Updated, s.Unchanged, s.Rejected}
	if got != want || s.Progress != 100 || value(s.TotalRecords) != want.transferred+want.rejected {
		t.Errorf("counts %+v, want %+v, of %s", got, want, nodetest.Show(s))
	}
	outcome, words := spec.OutcomeClean, ""
	if want.rejected > 0 {
		outcome, words = spec.OutcomeRejects, fmt.Sprintf("%d of %d products w", want.rejected, want.transferred+want.rejected)
	}
	if value(s.Outcome) != outcome || !strings.Contains(s.CurrentStep, words) || !strings.HasPrefix(value(s.ErrorMessage), words) || s.ErrorMessage != nil && words == "" {
		t.Errorf("of %d refused it is said %q, %q, %q", want.rejected, value(s.Outcome), s.CurrentStep, value(s.ErrorMessage))
	}
}

// change returns the products with different names.
func change(t *testing.T, products ...catalog.Product) (changed []catalog.Product) {
	t.Helper()
	for _, p := range products {
		changed = append(changed, nodetest.Product(t, fmt.Sprintf(`{"id":%q,"name":"changed","attributes":%s}`, p.ID, p.Attributes)))
	}
	return changed
}
