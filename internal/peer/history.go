package peer

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"fullsync/internal/fault"
)

// Mark is one entry in the history of a node's database, which gets one a minute, at each start and with each push that completes here. Two databases that went on from the same
// one, a copy and its original, have other marks from there on. So whoever holds a mark that a node does not know has seen another history of it.
type Mark struct {
	N     int64
	Value string
}

// String returns the mark as it is sent; empty for none.
func (m Mark) String() string {
	if m.N == 0 {
		return ""
	}
	return strconv.FormatInt(m.N, 10) + "." + m.Value
}

// ParseMark reads what [Mark.String] wrote; false for anything else.
func ParseMark(text string) (Mark, bool) {
	n, value, ok := strings.Cut(text, ".")
	number, err := strconv.ParseInt(n, 10, 64)
	if !ok || err != nil || number < 1 || len(value) != markLength || strings.Trim(value, "0123456789abcdef") != "" {
		return Mark{}, false
	}
	return Mark{number, value}, true
}

// markLength is the number of hexadecimal digits in a mark's value.
const markLength = 16

// ForkShown is how long it is shown that a node's history turned out to be another one.
const ForkShown = time.Hour

// History keeps the marks of this node, and the newest ones that it has seen of its peers.
type History interface {
	// NewestMark returns the newest mark of this database. It makes one if there was none for a minute.
	NewestMark(ctx context.Context) (Mark, error)
	// KnowsMark says whether a mark is one of this database's, or so old that it is forgotten.
	KnowsMark(ctx context.Context, m Mark) (bool, error)
	// SeenMark returns the newest mark that was seen of a peer, and whether its history turned out to be another one lately.
	SeenMark(ctx context.Context, nodeID string) (m Mark, forked bool, err error)
	// SeeMark notes a mark of a peer if it is newer than the one before, or with forked that it belongs to another history.
	SeeMark(ctx context.Context, nodeID string, m Mark, forked bool) error
	// NoteFork notes that somebody has seen another history of this node. It returns false if that is known already.
	NoteFork(ctx context.Context) (news bool, err error)
}

// Marks are what two nodes tell each other when one asks the other who it is.
type Marks struct {
	// Newest is the newest mark of the one who speaks.
	Newest string
	// Seen is the newest mark that the one who speaks has seen of the other.
	Seen string
}

// OwnFork says to the people of a node what it means that a peer has seen another history of it.
const OwnFork = "A peer has seen changes of this node that its database does not have. Either the database was restored or lost its last changes in a failover, or " +
	"a second node with this id runs on a copy of it. If it was not restored, find that node and stop it."

// forkProblem says the same of a peer.
func forkProblem(nodeID string) string {
	return fmt.Sprintf("The database of peer %s does not have all that this node has seen of it. Either it was restored or lost its last changes in a failover, or "+
		"two nodes use the id %s, one of them on a copy of the database. If it was not restored, find the second node and stop it. Then compare with a sync what is missing there.",
		nodeID, nodeID)
}

// Recognise answers a node that asks who this one is: it compares what both have seen of each other, and returns this node's marks, and whether it
// has those that the other has seen of it. Trouble with the database is no reason not to answer; then nothing is compared. Nor is it where the token
// that came along, of that subject, bears the id of another peer: it speaks for that one only.
func (r *Registry) Recognise(ctx context.Context, nodeID, subject string, theirs Marks) (ours Marks, knows bool) {
	if r.history == nil {
		return ours, true
	}
	newest, err := r.history.NewestMark(ctx)
	if err != nil {
		return ours, true
	}
	ours.Newest, knows = newest.String(), true
	if subject != nodeID {
		if _, _, err := r.history.SeenMark(ctx, subject); fault.KindOf(err) != fault.NotFound {
			return ours, knows
		}
	}
	if knows, err = r.compareOwn(ctx, theirs.Seen); err != nil {
		return Marks{}, true // so that the other keeps its evidence, and shows it again the next time
	}
	seen, _, err := r.history.SeenMark(ctx, nodeID)
	if err != nil {
		return ours, knows // not a peer, for example
	}
	ours.Seen = seen.String()
	if m, ok := ParseMark(theirs.Newest); ok {
		r.see(ctx, nodeID, m, m.N == seen.N && m != seen)
	}
	return ours, knows
}

// SawMark notes the mark that a peer gave with something that it has told. What is no mark, and what comes from no peer, is left alone.
func (r *Registry) SawMark(ctx context.Context, nodeID, text string) error {
	m, ok := ParseMark(text)
	if r.history == nil || !ok {
		return nil
	}
	return r.history.SeeMark(ctx, nodeID, m, false)
}

// marks returns what to tell a peer that is asked who it is.
func (r *Registry) marks(ctx context.Context, p Peer) (m Marks) {
	if r.history == nil || p.CreatedAt.IsZero() {
		return m
	}
	if newest, err := r.history.NewestMark(ctx); err == nil {
		m.Newest = newest.String()
	}
	if seen, _, err := r.history.SeenMark(ctx, p.NodeID); err == nil {
		m.Seen = seen.String()
	}
	return m
}

// recognised compares a peer's answer with what was seen of it before, and returns what is wrong with that.
func (r *Registry) recognised(ctx context.Context, p Peer, a Answer) string {
	if r.history == nil || p.CreatedAt.IsZero() {
		return ""
	}
	_, _ = r.compareOwn(ctx, a.Marks.Seen) // the peer's own check says it again
	if m, ok := ParseMark(a.Marks.Newest); ok {
		r.see(ctx, p.NodeID, m, a.Forgot)
	}
	if _, forked, err := r.history.SeenMark(ctx, p.NodeID); err == nil && forked {
		return forkProblem(p.NodeID)
	}
	return ""
}

// see notes what was seen of a peer. Where the database does not take it, the next check says it again.
func (r *Registry) see(ctx context.Context, nodeID string, m Mark, forked bool) {
	if forked {
		r.log.ErrorContext(ctx, "peer has another history", "peer", nodeID, "problem", forkProblem(nodeID))
	}
	_ = r.history.SeeMark(ctx, nodeID, m, forked)
}

// compareOwn says whether the mark that a peer has seen of this node is one of its own, and notes it if not.
func (r *Registry) compareOwn(ctx context.Context, text string) (knows bool, err error) {
	m, ok := ParseMark(text)
	if !ok {
		return true, nil
	}
	if known, err := r.history.KnowsMark(ctx, m); err != nil || known {
		return true, err
	}
	news, err := r.history.NoteFork(ctx)
	if news && err == nil {
		r.log.ErrorContext(ctx, "this node has another history", "problem", OwnFork)
	}
	return false, err
}

// Remembering makes the registry compare histories from now on, and log where they differ.
func (r *Registry) Remembering(history History, log *slog.Logger) *Registry {
	r.history, r.log = history, log
	return r
}
