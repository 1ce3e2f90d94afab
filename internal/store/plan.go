package store

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/catalog"
	"fullsync/internal/session"
)

// planning is the batch of a dry run: nothing is written but what it would do.
type planning struct {
	*recording
	// room is how many more changes the session may list.
	room int64
}

// planningOf returns where the next batch of a dry run is to be written down.
func (s *Store) planningOf(row *session.Session) planning {
	to := recordingOf(row)
	if to == nil {
		return planning{}
	}
	return planning{to, max(0, s.planLimit-row.Created-row.Updated-row.Deleted)}
}

// planBatch is upsertBatch for a dry run.
func (s *Store) planBatch(tx *gorm.DB, conn *sql.Conn, w upsert, fields catalog.Fields, plan planning) (n upserted, refused []catalog.Reject, err error) {
	if len(fields) > 0 && len(w.products) > 0 {
		k, err := s.keepFields(tx, conn, &w, fields)
		if err != nil {
			return n, nil, err
		}
		refused = k.refused
	}
	var rows []product
	if err := tx.Where("catalog = ? AND id IN ?", w.catalog, idsOf(w.products)).Find(&rows).Error; err != nil {
		return n, nil, err
	}
	held := make(map[string]*product, len(rows))
	for i := range rows {
		held[rows[i].ID] = &rows[i]
	}
	n.unchanged = w.unchanged
	var changes []change
	for i := range w.products {
		p := &w.products[i]
		was := held[p.ID]
		switch {
		case was == nil:
			n.created++
		case was.hash() == p.Hash:
			n.unchanged++
			continue
		default:
			n.updated++
		}
		if int64(len(changes)) < plan.room {
			changes = append(changes, plan.change(w, p, was))
		}
	}
	if len(changes) == 0 {
		return n, refused, nil
	}
	return n, refused, tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(changes, sqliteRows).Error
}

// hash is the hash that fits the product.
func (p *product) hash() string {
	if p.Digest != nil {
		return p.Hash
	}
	hash, _ := p.Rehash()
	return hash
}

// change is what a batch would do to a product; was is nil where there is none.
func (plan planning) change(w upsert, p *catalog.Product, was *product) change {
	c := change{SessionID: plan.session, Batch: plan.batch, ProductID: p.ID, Kind: session.ChangeCreated, HashAfter: &p.Hash}
	var before catalog.Stored
	if was != nil {
		if before = was.Stored; was.Digest == nil {
			before.Hash = ""
		}
		c.Kind = session.ChangeUpdated
		c.SKU, c.Name, c.Price, c.Currency, c.Active, c.Attributes = &before.SKU, &before.Name, &before.Price, &before.Currency, &before.Active, &before.Attributes
		c.OriginNodeID, c.CreatedAt, c.UpdatedAt, c.HashBefore = &before.OriginNodeID, &before.CreatedAt, &before.UpdatedAt, &before.Hash
	}
	c.NewSKU, c.NewName, c.NewPrice = differing(p.SKU, before.SKU), differing(p.Name, before.Name), differing(p.Price, before.Price)
	c.NewCurrency, c.NewActive = differing(p.Currency, before.Currency), differing(p.Active, before.Active)
	c.NewAttributes, c.NewOriginNodeID = differing(p.Attributes, before.Attributes), differing(w.origin, before.OriginNodeID)
	return c
}

// differing returns now, or nil where it is what was.
func differing[T comparable](now, was T) *T {
	if now == was {
		return nil
	}
	return &now
}

// planRemoval is remove for a dry run. In the list of deletes, deleted then means that the product would be.
func (s *Store) planRemoval(tx *gorm.DB, row *session.Session, plan planning, ids []string) (deleted int64, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	values := func(ids []string) []any { return []any{row.Catalog, row.SourceNodeID, ids, row.ID} }
	listed := min(int64(len(ids)), plan.room)
	if listed > 0 {
		if deleted, err = recordBefore(tx, plan.recording, session.ChangeDeleted, asNoted, values(ids[:listed])...); err != nil {
			return 0, err
		}
	}
	var rest int64
	if err := tx.Model(&product{}).Where(asNoted, values(ids[listed:])...).Count(&rest).Error; err != nil {
		return 0, err
	}
	err = tx.Exec(`UPDATE sync_deletes SET state = CASE WHEN EXISTS (SELECT 1 FROM products WHERE products.id = sync_deletes.product_id AND `+asNoted+`) THEN ? ELSE ? END
		WHERE session_id = ? AND product_id IN ?`,
		append(values(ids), session.DeleteDone, session.DeleteKept, row.ID, ids)...).Error
	return deleted + rest, err
}

// AppliedBy implements [syncer.Sessions].
func (s *Store) AppliedBy(ctx context.Context, planID string) (id string, err error) {
	err = s.db.WithContext(ctx).Model(&session.Session{}).Select("id").
		Where("plan_id = ? AND status NOT IN ?", planID, []session.Status{session.Failed, session.Cancelled}).Limit(1).Scan(&id).Error
	return id, s.translate(err)
}
