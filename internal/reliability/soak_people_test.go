//go:build unix

package reliability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// person does what people do at one node: starts, watches, cancels, reverts, resumes and imports.
type person struct {
	s        *soak
	at, peer *soakNode
	rand     *rand.Rand
	// recent has the last sessions that this person has started.
	recent []string
}

func newPerson(s *soak, at, peer *soakNode) *person {
	return &person{s: s, at: at, peer: peer, rand: rand.New(rand.NewPCG(at.cluster.rand.Uint64(), 2))}
}

// live does one thing after the other until ctx ends.
func (p *person) live(ctx context.Context) {
	for ctx.Err() == nil {
		// A person's patience with one request; a frozen replica answers nothing.
		bounded, cancel := context.WithTimeout(ctx, 15*time.Second)
		p.act(bounded)
		cancel()
		select {
		case <-ctx.Done():
		case <-waited(time.Duration(p.rand.Int64N(int64(500 * time.Millisecond)))):
		}
	}
}

// waited returns a channel that is ready after d.
func waited(d time.Duration) <-chan time.Time { return time.After(d) }

func (p *person) act(ctx context.Context) {
	const syncs = "/api/admin/sync/full-sync"
	name := soakCatalogs[p.rand.IntN(len(soakCatalogs))]
	switch dice := p.rand.IntN(100); {
	case dice < 25:
		p.start(ctx, "pull", syncs, p.order("pull", name))
	case dice < 45:
		p.start(ctx, "push", syncs, p.order("push", name))
	case dice < 55:
		p.imports(ctx, name)
	case dice < 75:
		p.on(ctx, "cancel", func(id string) {
			p.ask(ctx, "cancel", syncs+"/cancel", map[string]any{"sessionId": id}, nil)
		})
	case dice < 80:
		p.on(ctx, "cancel and put back", func(id string) {
			p.ask(ctx, "cancel and put back", syncs+"/cancel", map[string]any{"sessionId": id, "revert": true}, nil)
		})
	case dice < 90:
		p.on(ctx, "revert", func(id string) { p.start(ctx, "revert", syncs+"/"+id+"/revert", map[string]any{}) })
	default:
		p.on(ctx, "resume", func(id string) { p.start(ctx, "resume", syncs+"/"+id+"/resume", map[string]any{}) })
	}
}

// order is a start with options as people choose them.
func (p *person) order(action, name string) map[string]any {
	return map[string]any{
		"action": action, "targetPeer": p.peer.name, "catalog": name,
		"ifRunning": []string{"fail", "fail", "attach", "replace"}[p.rand.IntN(4)],
		"options": map[string]any{
			"batchSize": 5 + p.rand.IntN(100), "maxProductsPerSecond": 100 + p.rand.IntN(2000), "readEverything": p.rand.IntN(2) == 0,
			"verifyAfterSync": p.rand.IntN(4) == 0, "deleteMissing": p.rand.IntN(4) == 0, "dryRun": action == "pull" && p.rand.IntN(6) == 0,
		},
	}
}

// start starts a session and remembers it.
func (p *person) start(ctx context.Context, what, path string, body map[string]any) {
	var started struct {
		SessionID string
		Session   struct{ SessionID string }
	}
	if !p.ask(ctx, what, path, body, &started) {
		return
	}
	id := started.SessionID
	if id == "" {
		id = started.Session.SessionID
	}
	if p.recent = append(p.recent, id); len(p.recent) > 5 {
		p.recent = p.recent[1:]
	}
}

// on does something with a recent session, if there is one.
func (p *person) on(_ context.Context, what string, do func(id string)) {
	if len(p.recent) == 0 {
		p.s.deeds.add(what + ": nothing there yet")
		return
	}
	do(p.recent[p.rand.IntN(len(p.recent))])
}

// expected are the answers that trouble and other people explain: no answer, refused by the load balancer, the state of things, or the database.
var expected = []int{0, http.StatusOK, http.StatusAccepted, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity,
	http.StatusBadGateway, http.StatusServiceUnavailable}

// ask makes a request, tallies the answer, and reports whether it was a success.
func (p *person) ask(ctx context.Context, what, path string, body, answer any) bool {
	var refusal struct{ Code string }
	status, text := p.at.ask(ctx, http.MethodPost, path, body, answer)
	if status >= http.StatusBadRequest {
		_ = decode(text, &refusal)
	}
	p.s.deeds.add(fmt.Sprintf("%s: %d %s", what, status, refusal.Code))
	if !slices.Contains(expected, status) {
		p.s.t.Errorf("%s at %s: %d %s", what, p.at.name, status, text)
	}
	return status == http.StatusOK || status == http.StatusAccepted
}

// imports imports a file from the command line.
func (p *person) imports(ctx context.Context, name string) {
	out, ok := p.at.importProducts(ctx, name, 1+p.rand.Uint64N(3))
	if ok {
		p.s.deeds.add("import: ok")
		return
	}
	if ctx.Err() == nil {
		p.s.deeds.add("import: refused: " + short(out))
	}
}
