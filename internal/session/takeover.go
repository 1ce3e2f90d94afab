package session

import "time"

// Takeover records that a session was taken from a worker that gave no sign of life.
type Takeover struct {
	SessionID string `gorm:"primaryKey"`
	// Fence is the lost worker's fence.
	Fence       int64 `gorm:"primaryKey;autoIncrement:false"`
	Worker      string
	HeartbeatAt *time.Time
	At          time.Time
	// BatchSeq is the number of batches committed by then.
	BatchSeq int64
}

// TableName names the table for GORM.
func (Takeover) TableName() string { return "sync_takeovers" }
