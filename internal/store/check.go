package store

import (
	"context"
	"time"

	"fullsync/internal/catalog"
)

// checkPage is how many products are looked at with one statement.
const checkPage = catalog.MaxBatchProducts

// Problem is what is wrong with a product's row.
type Problem string

// What can be wrong.
const (
	// WrongHash is a stored hash, or its digest, that is not that of the columns.
	WrongHash Problem = "wrong hash"
	// NoProduct is a row whose columns are no valid product.
	NoProduct Problem = "no product"
)

// Finding is a product that is not as it should be.
type Finding struct {
	ID      string
	Problem Problem
	// Reason says why it is no product, "" otherwise.
	Reason string
	// Repaired says that hash and digest were put right.
	Repaired bool
}

// Checked is what a [Store.Check] of a whole catalog came to, in products.
type Checked struct {
	// Wrong have a hash or a digest that does not fit, Repaired of them were put right. Refused are no valid products.
	Wrong, Repaired, Refused int64
	// Unread are products that something other than this version wrote, and whose hash fits all the same.
	Unread int64
	// Certificate is over all of them, by their columns.
	Certificate *catalog.Certificate
	// At is when the check began, by the database's clock.
	At time.Time
}

// Check computes the hash of every product of a catalog anew from its columns and tells report of each that does not fit. With
// repair it stores the right hash and digest; a row that is no valid product, and one that a batch is just writing, is left
// as it is. It returns Unavailable when the database does not answer; until then it has repaired what it reported.
func (s *Store) Check(ctx context.Context, catalogName string, repair bool, report func(Finding)) (done Checked, err error) {
	done.Certificate = catalog.NewCertificate()
	if done.At, err = s.now(s.read.WithContext(ctx)); err != nil {
		return done, s.translate(err)
	}
	for after, more := "", true; more; {
		of := stretch{catalogName, after, ""}
		var found []Finding
		var wrong repairs
		n := 0
		rows, err := s.page(ctx, rowColumns, of.catalog, of.after, of.through, checkPage)
		if err == nil {
			err = eachRow(rows, func(scan func(into ...any) error) error {
				r, err := scanRow(scan)
				if err != nil {
					return err
				}
				n, after = n+1, r.ID
				done.Certificate.Add(r.ID, r.fresh)
				wrong.note(&r)
				switch {
				case r.refused != nil:
					found = append(found, Finding{ID: r.ID, Problem: NoProduct, Reason: r.refused.Reason})
					done.Refused++
				case r.Hash != r.fresh || r.lies():
					found = append(found, Finding{ID: r.ID, Problem: WrongHash})
					done.Wrong++
				case r.digest == nil:
					done.Unread++
				}
				return nil
			})
		}
		if err != nil {
			return done, s.translate(err)
		}
		more = n == checkPage
		if repair {
			if _, err := s.repair(ctx, of, &wrong); err != nil {
				return done, err
			}
			if err := s.lookAgain(ctx, catalogName, found); err != nil {
				return done, err
			}
		}
		for _, f := range found {
			if f.Repaired {
				done.Repaired++
			}
			report(f)
		}
	}
	return done, nil
}

// lookAgain marks those of the findings whose rows are right by now.
func (s *Store) lookAgain(ctx context.Context, catalogName string, found []Finding) error {
	wrong := map[string]*Finding{}
	var ids []string // ascending, as the findings are
	for i := range found {
		if found[i].Problem == WrongHash {
			ids = append(ids, found[i].ID)
			wrong[found[i].ID] = &found[i]
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := s.products(ctx, rowColumns, catalogName, ids)
	if err != nil {
		return s.translate(err)
	}
	return s.translate(eachRow(rows, func(scan func(into ...any) error) error {
		r, err := scanRow(scan)
		if err != nil {
			return err
		}
		if f := wrong[r.ID]; f != nil {
			f.Repaired = r.refused == nil && r.digest != nil && !r.lies()
		}
		return nil
	}))
}
