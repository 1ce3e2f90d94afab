package session

import "time"

// Takeover is the record of a session that was taken from a worker which gave no sign of life.
type Takeover struct {
	SessionID string `gorm:"primaryKey"`
	// Fence is the one that the lost worker held.
	Fence       int64 `gorm:"primaryKey;autoIncrement:false"`
	Worker      string
	HeartbeatAt *time.Time
	At          time.Time
	// BatchSeq is the number of batches committed by then.
	BatchSeq int64
}

// TableName names the table for GORM.
func (Takeover) TableName() string { return "sync_takeovers" }
