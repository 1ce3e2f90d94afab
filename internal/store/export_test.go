package store

import (
	"context"
	"testing"

	"gorm.io/gorm"
)

// Settings returns what a connection of each pool has, by the name of the setting.
func (s *Store) Settings(ctx context.Context, t *testing.T) map[string]map[string]string {
	t.Helper()
	pools := map[string]map[string]string{}
	for pool, db := range map[string]*gorm.DB{"control": s.db, "jobs": s.jobs, "read": s.read, "work": s.work} {
		var rows []struct{ Name, Value string }
		if err := db.WithContext(ctx).Raw("SELECT name, current_setting(name) AS value FROM pg_settings").Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		pools[pool] = map[string]string{}
		for _, row := range rows {
			pools[pool][row.Name] = row.Value
		}
	}
	return pools
}

// Work returns the workers' pool.
func (s *Store) Work() *gorm.DB { return s.work }

// LimitPlans has dry runs list no more changes than that.
func (s *Store) LimitPlans(n int64) { s.planLimit = n }

// LimitFinding sets how many products a search looks at for a page, and how many are sorted otherwise than by id.
func (s *Store) LimitFinding(searched, sortable int) { s.searched, s.sortable = searched, sortable }
