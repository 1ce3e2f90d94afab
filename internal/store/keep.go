package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// keptByClaim is a session's list of kept fields: its first claim takes it from the peer, so that every worker of the session has the same.
const keptByClaim = `CASE WHEN keep_fields <> 'null' THEN keep_fields WHEN direction = 'pull'
	THEN coalesce((SELECT p.keep_fields FROM peers p WHERE p.node_id = sync_sessions.peer_id), '[]') ELSE '[]' END`

// came is what is stored of a product that is not shown as it came: see [catalog.Fields.Keep], and the digest of what came. Both are nil for
// one that is.
type came struct {
	theirs *string
	digest *int64
}

// note is what is to be stored of a product as it came.
type note struct {
	id string
	came
}

// keeping is a batch on its way into a catalog that keeps some fields as they are.
type keeping struct {
	fields catalog.Fields
	// came are the products that came and were not dealt with yet.
	came []catalog.Product
	// write are the products to write, as they will be shown; created is how many of them are not here yet.
	write   []catalog.Product
	created int64
	// unchanged and mend are an [upsert]'s.
	unchanged int64
	mend      []catalog.Product
	notes     []note
	refused   []catalog.Reject
}

// keepFields makes of products that came what is to be written: what is here keeps these fields. It compares by the columns, not by what is
// stored of them, and locks the rows, so that nobody changes a kept field meanwhile.
func (s *Store) keepFields(tx *gorm.DB, conn *sql.Conn, w *upsert, fields catalog.Fields) (*keeping, error) {
	k := &keeping{fields: fields, came: w.products}
	rows, err := s.lockRows(tx, conn, w.catalog, w.products) //nolint:rowserrcheck // eachRow does
	if err != nil {
		return nil, err
	}
	var here []row
	err = eachRow(rows, func(scan func(into ...any) error) error {
		r, err := readRow(scan)
		here = append(here, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = awake(tx.Statement.Context, conn, func() {
		for i := range here {
			here[i].rehash()
			k.meet(&here[i])
		}
	})
	if err != nil {
		return nil, err
	}
	w.fresh = len(here) == 0
	k.create(len(k.came))
	w.products, w.unchanged, w.mend = k.write, k.unchanged, k.mend
	return k, nil
}

// signOfLife is how often [awake] says something. It is well below [idleInTransaction].
const signOfLife = 250 * time.Millisecond

// awake runs compute inside a transaction on conn, which compute does not use. PostgreSQL takes a process that says nothing for
// [idleInTransaction] for a frozen one, so it is told meanwhile that this one is not.
func awake(ctx context.Context, conn *sql.Conn, compute func()) error {
	done, said := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-done:
				said <- nil
				return
			case <-time.After(signOfLife):
			}
			if _, err := conn.ExecContext(ctx, "SELECT 1"); err != nil {
				said <- err
				return
			}
		}
	}()
	compute()
	close(done)
	return <-said
}

// create has the next n products written as they came, because they are not here yet.
func (k *keeping) create(n int) {
	k.write, k.came, k.created = append(k.write, k.came[:n]...), k.came[n:], k.created+int64(n)
}

// meet decides about the product whose row is here.
func (k *keeping) meet(here *row) {
	k.create(slices.IndexFunc(k.came, func(p catalog.Product) bool { return p.ID == here.ID }))
	p := k.came[0]
	k.came = k.came[1:]
	if here.fresh == noHash {
		k.refused = append(k.refused, catalog.Reject{ID: p.ID, Reason: "the fields that are kept here cannot be read: " + here.refused.Reason})
		return
	}
	show, theirs, refused := k.fields.Keep(&p, &here.Product)
	if refused != nil {
		k.refused = append(k.refused, *refused)
		return
	}
	var now came
	if theirs != "" {
		now = came{&theirs, digestOf(p.Hash)}
	}
	before := came{here.theirs, here.theirDigest}
	switch {
	case show.Hash != here.fresh || here.digest != nil && here.Hash != here.fresh:
		k.write = append(k.write, show)
		before = came{} // what the write leaves behind
	case here.digest == nil:
		k.mend = append(k.mend, show)
		k.unchanged++
	default:
		k.unchanged++
	}
	if !same(now.theirs, before.theirs) || !same(now.digest, before.digest) {
		k.notes = append(k.notes, note{p.ID, now})
	}
}

func same[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// errOvertaken is why a batch is tried again: what it would keep, or write down, would not be what it overwrites.
var errOvertaken = errors.New("somebody else wrote the same products meanwhile")

// upsertBatch is upsert for the batch of a session. What comes together with kept fields and makes no product is refused.
func (s *Store) upsertBatch(tx *gorm.DB, conn *sql.Conn, w upsert, fields catalog.Fields) (n upserted, refused []catalog.Reject, err error) {
	if len(fields) == 0 || len(w.products) == 0 {
		n, err = s.upsert(tx, conn, w)
		return n, nil, err
	}
	k, err := s.keepFields(tx, conn, &w, fields)
	if err != nil {
		return n, nil, err
	}
	if n, err = s.upsert(tx, conn, w); err != nil {
		return n, nil, err
	}
	if n.created != k.created {
		return n, nil, troubleBusy.because(errOvertaken)
	}
	if len(k.notes) > 0 {
		err = s.noteCame(tx, conn, w.catalog, k.notes)
	}
	return n, k.refused, err
}

// keptFields is a row of kept_fields: what theirs may mention in a catalog.
type keptFields struct {
	Catalog string         `gorm:"primaryKey"`
	Fields  catalog.Fields `gorm:"serializer:json"`
}

// forgetStep is how many products are looked at in one transaction.
const forgetStep = 1000

// KeepOnly implements [syncer.Ledger].
func (s *Store) KeepOnly(ctx context.Context, c session.Claim, catalogName string, fields catalog.Fields) error {
	for after, more := "", true; more; {
		err := s.underClaim(ctx, c, func(tx *gorm.DB) (err error) {
			after, more, err = forget(tx, catalogName, after, fields)
			if err != nil || more {
				return err
			}
			return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&keptFields{catalogName, fields}).Error
		})
		if err != nil {
			return s.translate(err)
		}
	}
	return nil
}

// forget takes one step in forgetting what came with fields that are no longer kept, so that those products are read again. It returns
// where the next one begins, if there is more.
func forget(tx *gorm.DB, catalogName, after string, fields catalog.Fields) (next string, more bool, err error) {
	var before []keptFields
	if err := tx.Where("catalog = ?", catalogName).Find(&before).Error; err != nil || len(before) == 0 {
		return "", false, err
	}
	if !slices.ContainsFunc(before[0].Fields, func(name string) bool { return !slices.Contains(fields, name) }) {
		return "", false, nil
	}
	var rows []struct{ ID, Theirs string }
	err = tx.Model(&product{}).Select("id, theirs").Where("catalog = ? AND id > ? AND their_digest IS NOT NULL", catalogName, after).
		Order("catalog, id").Limit(forgetStep).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return "", false, err
	}
	var ids []string
	for _, r := range rows {
		if !fields.Cover(r.Theirs) {
			ids = append(ids, r.ID)
		}
	}
	err = tx.Model(&product{}).Where("catalog = ? AND id IN ?", catalogName, ids).UpdateColumns(map[string]any{"theirs": nil, "their_digest": nil}).Error
	return rows[len(rows)-1].ID, len(rows) == forgetStep, err
}
