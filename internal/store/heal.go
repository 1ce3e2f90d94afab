package store

import (
	"context"

	"gorm.io/gorm"
)

// healStep is how many products are put right in one transaction.
const healStep = 500

// healBeforeAnswer bounds how many products are put right before a question about digests is answered.
const healBeforeAnswer = 2000

// Healing is what [Store.Heal] did.
type Healing struct {
	// Healed is how many products have a digest again, Refused how many are no valid products and have none.
	Healed, Refused int
	// Next is where to go on; More is false when none is left behind it.
	Next string
	More bool
}

// Heal reads products whose stored hash is not to be believed, because something other than this version of fullsync
// changed them, computes their hashes anew and stores them with their digests. It looks at up to limit of them, with ids
// greater than after and at most through ("" for the end of the catalog). A product that somebody changes meanwhile, or
// that a batch is just writing, is left for the next time; so is a row that is no valid product. It never waits for a
// batch. It returns Unavailable when the database does not answer.
func (s *Store) Heal(ctx context.Context, catalogName, after, through string, limit int) (Healing, error) {
	done := Healing{Next: after, More: true}
	for done.More && limit > 0 {
		found, err := s.distrusts(ctx, catalogName, done.Next, through)
		if err != nil || !found {
			done.More = false
			return done, s.translate(err)
		}
		n := min(limit, healStep)
		step, err := s.heal(ctx, s, stretch{catalogName, done.Next, through}, n)
		if err != nil {
			return done, s.translate(err)
		}
		limit -= n
		done.Healed += step.Healed
		done.Refused += step.Refused
		done.Next, done.More = step.Next, step.More
	}
	return done, nil
}

// HealAll is [Store.Heal] for everything. It returns how many products it put right and how many are no valid products.
func (s *Store) HealAll(ctx context.Context) (healed, refused int64, err error) {
	var catalogs []string
	err = s.read.WithContext(ctx).Model(&product{}).Where("digest IS NULL").Distinct().Pluck("catalog", &catalogs).Error
	if err != nil {
		return 0, 0, s.translate(err)
	}
	for _, name := range catalogs {
		for after, more := "", true; more; {
			step, err := s.Heal(ctx, name, after, "", healStep)
			healed, refused = healed+int64(step.Healed), refused+int64(step.Refused)
			if err != nil {
				return healed, refused, err
			}
			after, more = step.Next, step.More
		}
	}
	return healed, refused, nil
}

// distrusts says whether there is a product without a digest.
func (s *Store) distrusts(ctx context.Context, catalogName, after, through string) (bool, error) {
	var found []string
	err := within(s.read.WithContext(ctx).Model(&product{}), stretch{catalogName, after, through}).
		Where("digest IS NULL").Limit(1).Pluck("id", &found).Error
	return len(found) > 0, err
}

// stretch is the products of a catalog after an id and up to another.
type stretch struct{ catalog, after, through string }

func within(db *gorm.DB, of stretch) *gorm.DB {
	db = db.Where("catalog = ? AND id > ?", of.catalog, of.after)
	if of.through != "" {
		db = db.Where("id <= ?", of.through)
	}
	return db
}

// take adds what became of one row to a step. It returns false where there is nothing to store.
func (h *Healing) take(r *row) bool {
	h.Next = r.ID
	if r.refused != nil || digestOf(r.fresh) == nil {
		h.Refused++
		return false
	}
	return true
}
