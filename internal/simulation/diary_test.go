package simulation

import (
	"fmt"

	"fullsync/internal/session"
)

// diarySchema has each database keep a diary of what was committed, in the order of the commits, by triggers.
const diarySchema = `
CREATE TABLE diary (n INTEGER PRIMARY KEY, at TEXT, kind TEXT, session TEXT, writes INT, status TEXT, fence INT, seq INT, created INT, updated INT, deleted INT,
	handled INT, dry INT, product TEXT, was TEXT, became TEXT);
CREATE TRIGGER diary_created AFTER INSERT ON products
	BEGIN INSERT INTO diary (at, kind, product, became) VALUES (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'), 'created', NEW.id, NEW.hash); END;
CREATE TRIGGER diary_updated AFTER UPDATE ON products WHEN OLD.hash <> NEW.hash
	BEGIN INSERT INTO diary (at, kind, product, was, became) VALUES (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'), 'updated', NEW.id, OLD.hash, NEW.hash); END;
CREATE TRIGGER diary_deleted AFTER DELETE ON products
	BEGIN INSERT INTO diary (at, kind, product, was) VALUES (strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'), 'deleted', OLD.id, OLD.hash); END;
CREATE TRIGGER diary_forged AFTER UPDATE ON products WHEN NEW.name = 'Version 9' BEGIN INSERT INTO diary (kind) VALUES ('forged'); END;
CREATE TRIGGER diary_forged_too AFTER INSERT ON products WHEN NEW.name = 'Version 9' BEGIN INSERT INTO diary (kind) VALUES ('forged'); END;
CREATE TRIGGER diary_begun AFTER INSERT ON sync_sessions BEGIN
	INSERT INTO diary SELECT NULL, strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'), 'session', NEW.id, NEW.direction <> 'push' OR NEW.incoming, NEW.status, NEW.fence,
	NEW.batch_seq, NEW.created_records, NEW.updated_records, NEW.deleted_records, NEW.created_records + NEW.updated_records + NEW.unchanged_records,
	NEW.options LIKE '%"dryRun":true%', NULL, NULL, NULL; END;
CREATE TRIGGER diary_moved AFTER UPDATE ON sync_sessions
	WHEN OLD.status <> NEW.status OR OLD.fence <> NEW.fence OR OLD.batch_seq <> NEW.batch_seq OR OLD.created_records <> NEW.created_records BEGIN
	INSERT INTO diary SELECT NULL, strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'), 'session', NEW.id, NEW.direction <> 'push' OR NEW.incoming, NEW.status, NEW.fence,
	NEW.batch_seq, NEW.created_records, NEW.updated_records, NEW.deleted_records, NEW.created_records + NEW.updated_records + NEW.unchanged_records,
	NEW.options LIKE '%"dryRun":true%', NULL, NULL, NULL; END;
`

// line is one of a diary.
type line struct {
	n                         int64
	at                        string
	kind                      string
	session                   string
	writes                    bool
	status                    session.Status
	fence, seq                int64
	created, updated, deleted int64
	handled                   int64
	// dry says that the session is a dry run.
	dry bool
	written
	// isBatch says that a session has committed one.
	isBatch bool
}

// written is what a line says of a product: its content hash before and after, "" where there was none.
type written struct {
	line                 int64
	product, was, became string
}

// diary is what was read of a node's so far.
type diary struct {
	last     int64
	sessions map[string]line
	// created, updated and deleted are products written since the last change of a session.
	created, updated, deleted int64
	// wrote is the last line about a product.
	wrote line
	// batches are the fences that their sessions had when they were committed.
	batches map[batch]int64
	// begun is the first line of each session, over the one with its end.
	begun, over map[string]int64
	// history is everything that was written, by what each session wrote, and pending what was written since the last line about a session.
	history, pending []written
	by               map[string][]written
	// completed are the sessions that have COMPLETED since the last look.
	completed []line
}

func newDiary() *diary {
	return &diary{
		sessions: map[string]line{}, batches: map[batch]int64{}, begun: map[string]int64{}, over: map[string]int64{}, by: map[string][]written{},
	}
}

// read reads on, and checks what is read.
func (n *node) read() {
	rows, err := n.db.SQL().QueryContext(n.world.Context(), "SELECT n, COALESCE(at, ''), kind, COALESCE(session, ''), COALESCE(writes, 0), COALESCE(status, ''), COALESCE(fence, 0), "+
		"COALESCE(seq, 0), COALESCE(created, 0), COALESCE(updated, 0), COALESCE(deleted, 0), COALESCE(handled, 0), COALESCE(dry, 0), COALESCE(product, ''), COALESCE(was, ''), COALESCE(became, '') FROM diary WHERE n > ? ORDER BY n", n.diary.last)
	if err != nil {
		n.world.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // what was read counts
	for rows.Next() {
		var l line
		if err := rows.Scan(&l.n, &l.at, &l.kind, &l.session, &l.writes, &l.status, &l.fence, &l.seq, &l.created, &l.updated, &l.deleted, &l.handled,
			&l.dry, &l.product, &l.was, &l.became); err != nil {
			n.world.Fatal(err)
		}
		if what := n.diary.next(&l); what != "" {
			n.world.wrong("at %s, line %d: %s", n.id, l.n, what)
		}
		if l.kind == "session" {
			n.world.tell("    %s: %s is %s, fence %d, batch %d (%s)", n.id, short(l.session), l.status, l.fence, l.seq, l.at[14:23])
		}
		n.world.broken(n, l)
	}
	if err := rows.Err(); err != nil {
		n.world.Fatal(err)
	}
}

func short(id string) string { return id[:min(4, len(id))] }

// next returns what is wrong with the next line, "" for nothing.
func (d *diary) next(l *line) string {
	d.last = l.n
	switch l.kind {
	case "created":
		d.created++
	case "updated":
		d.updated++
	case "deleted":
		d.deleted++
	case "forged":
		return "a forged product was written"
	}
	if l.kind != "session" {
		d.wrote, l.line = *l, l.n
		d.history, d.pending = append(d.history, l.written), append(d.pending, l.written)
		return ""
	}
	before, known := d.sessions[l.session]
	products := [3]int64{d.created, d.updated, d.deleted}
	d.created, d.updated, d.deleted = 0, 0, 0
	writer := d.writer()
	d.sessions[l.session] = *l
	if l.status == session.Completed && before.status != session.Completed {
		d.completed = append(d.completed, *l)
	}
	l.isBatch = known && l.writes && l.seq != before.seq
	if l.isBatch {
		d.batches[batch{l.session, l.seq}] = l.fence
		d.by[l.session] = append(d.by[l.session], d.pending...)
	}
	d.pending = nil
	if !known {
		d.begun[l.session] = l.n
	}
	if !l.status.Active() && d.over[l.session] == 0 {
		d.over[l.session] = l.n
	}
	counted := [3]int64{l.created - before.created, l.updated - before.updated, l.deleted - before.deleted}
	switch {
	case known && !before.status.Active():
		return fmt.Sprintf("%s was changed after it was %s", l.session, before.status)
	case known && l.fence < before.fence:
		return l.session + ": the fence fell"
	case known && l.seq < before.seq:
		return l.session + ": the number of batches fell"
	case l.isBatch && l.seq != before.seq+1:
		return fmt.Sprintf("%s: batch %d after batch %d", l.session, l.seq, before.seq)
	case l.isBatch && l.fence != before.fence:
		return l.session + ": a batch under another fence"
	case l.isBatch && l.dry && products != [3]int64{}:
		return l.session + ": a dry run has written products"
	case l.isBatch && !l.dry && products != counted && counted != [3]int64{}: // a repair writes and does not count
		return fmt.Sprintf("%s: batch %d counts %v products, and wrote %v", l.session, l.seq, counted, products)
	case known && l.writes && !l.isBatch && counted != [3]int64{}:
		return l.session + ": the counters moved without a batch"
	case !l.isBatch && products != [3]int64{} && writer != "":
		return fmt.Sprintf("%v products were written without a batch while %s was active", products, writer)
	case l.writes && l.status.Active() && writer != "" && writer != l.session:
		return fmt.Sprintf("%s and %s write the same catalog", writer, l.session)
	}
	return ""
}

// writer is the active session that writes, "" for none.
func (d *diary) writer() string {
	for id, l := range d.sessions {
		if l.writes && l.status.Active() {
			return id
		}
	}
	return ""
}

// broken says whether a line breaks what an answer has promised.
func (w *world) broken(n *node, l line) {
	if l.kind != "session" {
		return
	}
	w.mu.Lock()
	claims := w.claims
	w.mu.Unlock()
	for _, c := range claims {
		if c.session == l.session && c.at == n && l.n > c.lastLine && (c.what == everything || l.isBatch) {
			w.wrong("at %s, line %d: %s went on after its end was confirmed", n.id, l.n, l.session)
		}
	}
}
