package store

import (
	"context"

	"gorm.io/gorm"

	"fullsync/internal/catalog"
)

// heal reads and writes in one transaction, which is the only writer: nothing changes in between.
func (*sqlite) heal(ctx context.Context, s *Store, of stretch, limit int) (step Healing, err error) {
	step.Next = of.after
	err = s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		rows, err := within(tx.Model(&product{}), of).Where("digest IS NULL").Order("catalog, id").Limit(limit).Select(rowColumns).
			Rows() //nolint:rowserrcheck // eachRow does
		if err != nil {
			return err
		}
		n, size := 0, 0
		var proven []catalog.Entry
		err = eachRow(rows, func(scan func(into ...any) error) error {
			r, err := scanRow(scan)
			if err != nil {
				return err
			}
			n, size = n+1, size+len(r.Attributes)
			if step.take(&r) {
				proven = append(proven, catalog.Entry{ID: r.ID, Hash: r.fresh})
			}
			if size > catalog.MaxBatchBytes { // nobody else can write meanwhile
				step.More = true
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough { //nolint:errorlint // nothing wraps it
			return err
		}
		step.More = step.More || n == limit
		for _, p := range proven {
			if err := putRight(tx, of.catalog, p.ID, p.Hash); err != nil {
				return err
			}
		}
		step.Healed = len(proven)
		return nil
	})
	return step, err
}

// distrust empties the digests of products.
func (*sqlite) distrust(ctx context.Context, s *Store, catalogName string, ids []string) error {
	return s.db.WithContext(ctx).Model(&product{}).Where("catalog = ? AND id IN ?", catalogName, ids).Update("digest", nil).Error
}
