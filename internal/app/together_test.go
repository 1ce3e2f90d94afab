package app_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/auth"
	"fullsync/internal/effort"
	"fullsync/internal/nodetest"
)

// callers is how many callers do the same thing at the same moment.
const callers = 50

// together sends one request n times at the same moment and returns the answers.
func together(t *testing.T, n int, send func(ctx context.Context, i int) (nodetest.Answer, error)) []nodetest.Answer {
	t.Helper()
	answers, errs := make([]nodetest.Answer, n), make([]error, n)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			answers[i], errs[i] = send(t.Context(), i)
		})
	}
	close(begin)
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	return answers
}

func TestOfManyStartsExactlyOneWins(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 20, nodetest.Config{})
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 1) // the winner stays active meanwhile
		token := pair.Main.TokenFor("alice", auth.RoleOperator)
		answers := together(t, callers, func(ctx context.Context, _ int) (nodetest.Answer, error) {
			return pair.Main.Raw(ctx, token, http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body())
		})
		var winner spec.StartResponse
		running := map[spec.SessionID]int{}
		for _, a := range answers {
			switch a.Status {
			case http.StatusAccepted:
				if winner.Success {
					t.Errorf("a second start was accepted: %s", a.Body)
				}
				winner, _ = nodetest.Decode[spec.StartResponse](a)
			case http.StatusConflict:
				body, err := nodetest.Decode[spec.SyncInProgress](a)
				if err != nil || body.Error != "Full sync already in progress" {
					t.Errorf("%s %v", a.Body, err)
				}
				running[body.SessionId]++
			default:
				t.Errorf("start answered %d %s", a.Status, a.Body)
			}
		}
		if !winner.Success || len(running) != 1 || running[winner.SessionId] != callers-1 {
			t.Errorf("winner %s, refused in favour of %v", winner.SessionId, running)
		}
		gate.Open()
		pair.Main.WaitEnd(winner.SessionId, spec.COMPLETED)
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

func TestManyCancelsAllGetTheSameSession(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		pair := nodetest.NewPair(t, kind, 100, nodetest.Config{})
		size := 10
		gate := pair.Wire.HoldPage(t, nodetest.ProductsPath, 4)
		s := pair.Main.Pull(nodetest.Pull{Options: spec.StartOptions{BatchSize: &size}})
		nodetest.Await(t, "the middle of the pull", gate.Reached)

		tokens := make([]string, callers)
		for i := range tokens {
			tokens[i] = pair.Main.TokenFor(fmt.Sprintf("user-%d", i), auth.RoleOperator)
		}
		answers := together(t, callers, func(ctx context.Context, i int) (nodetest.Answer, error) {
			return pair.Main.Raw(ctx, tokens[i], http.MethodPost, nodetest.CancelPath, `{"sessionId":"`+s.SessionId.String()+`"}`)
		})
		shown := map[string]int{}
		first := 0
		for _, a := range answers {
			body, err := nodetest.Decode[spec.CancelResponse](a)
			if a.Status != http.StatusOK || err != nil {
				t.Fatalf("cancel answered %d %s", a.Status, a.Body)
			}
			if !body.AlreadyCancelled {
				first++
			}
			shown[nodetest.Show(body.Session)]++
		}
		if first != 1 || len(shown) != 1 {
			t.Errorf("%d cancels were the first, and %d different sessions were shown: %v", first, len(shown), shown)
		}
		pair.Wire.Reach(nil)
		pair.Main.Sync(nodetest.Pull{})
		nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
	})
}

// TestCancelAndStartAtTheSameMoment: alice cancels the running sync while bob starts a new one. Whoever comes first, the cancel
// succeeds, and bob gets either his own session or the one that was still running.
func TestCancelAndStartAtTheSameMoment(t *testing.T) {
	nodetest.OnEither(t, func(t *testing.T, kind nodetest.Kind) {
		rounds := effort.Amount(5, 20)
		pair := nodetest.NewPair(t, kind, 50, nodetest.Config{})
		alice, bob := pair.Main.TokenFor("alice", auth.RoleOperator), pair.Main.TokenFor("bob", auth.RoleOperator)
		for range rounds {
			gate := pair.Wire.HoldPage(t, nodetest.WhoPath, 1) // what each pull asks, even if no product differs
			s := pair.Main.Pull(nodetest.Pull{})
			answers := together(t, 2, func(ctx context.Context, i int) (nodetest.Answer, error) {
				if i == 0 {
					return pair.Main.Raw(ctx, alice, http.MethodPost, nodetest.CancelPath, `{"sessionId":"`+s.SessionId.String()+`"}`)
				}
				return pair.Main.Raw(ctx, bob, http.MethodPost, nodetest.StartPath, nodetest.Pull{}.Body())
			})
			if answers[0].Status != http.StatusOK {
				t.Fatalf("cancel answered %d %s", answers[0].Status, answers[0].Body)
			}
			gate.Open()
			pair.Wire.Reach(nil)
			switch answers[1].Status {
			case http.StatusAccepted:
				started, err := nodetest.Decode[spec.StartResponse](answers[1])
				if err != nil || started.SessionId == s.SessionId || started.Session.StartedBy != "bob" {
					t.Fatalf("start answered %s, %v", answers[1].Body, err)
				}
				pair.Main.WaitEnd(started.SessionId, spec.COMPLETED)
			case http.StatusConflict:
				running, err := nodetest.Decode[spec.SyncInProgress](answers[1])
				if err != nil || running.SessionId != s.SessionId {
					t.Fatalf("start answered %s, %v", answers[1].Body, err)
				}
				pair.Main.Sync(nodetest.Pull{})
			default:
				t.Fatalf("start answered %d %s", answers[1].Status, answers[1].Body)
			}
			nodetest.SameCatalog(t, pair.Branch, pair.Main, "main")
		}
	})
}
