package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"fullsync/internal/schedule"
)

// PausedSchedules implements [schedule.Store].
func (s *Store) PausedSchedules(ctx context.Context) (*schedule.Pause, error) {
	text, err := settingIn(s.show.WithContext(ctx), settingPause)
	if err != nil || text == "" {
		return nil, s.translate(err)
	}
	var pause schedule.Pause
	return &pause, json.Unmarshal([]byte(text), &pause)
}

// PauseSchedules implements [schedule.Store].
func (s *Store) PauseSchedules(ctx context.Context, by string) (*schedule.Pause, error) {
	err := s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		text, err := json.Marshal(schedule.Pause{By: by, At: now})
		if err != nil {
			return err
		}
		paused := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&setting{Name: settingPause, Value: string(text)})
		if paused.Error != nil || paused.RowsAffected == 0 {
			return paused.Error
		}
		return s.note(tx, "schedules.paused", "", nil, nil)
	})
	if err != nil {
		return nil, err
	}
	return s.PausedSchedules(ctx)
}

// ResumeSchedules implements [schedule.Store].
func (s *Store) ResumeSchedules(ctx context.Context, due func(*schedule.Schedule, time.Time)) error {
	return s.inTx(ctx, s.db, func(tx *gorm.DB) error {
		ended := tx.Where("name = ?", settingPause).Delete(&setting{})
		if ended.Error != nil || ended.RowsAffected == 0 {
			return ended.Error
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		var all []schedule.Schedule
		if err := s.forUpdate(tx).Order("id").Find(&all).Error; err != nil {
			return err
		}
		for i := range all {
			due(&all[i], now)
			if err := tx.Select("next_at").Updates(&all[i]).Error; err != nil {
				return err
			}
		}
		return s.note(tx, "schedules.resumed", "", nil, nil)
	})
}
