package session

// Reject records a product that a session refused.
type Reject struct {
	SessionID string `gorm:"primaryKey"`
	// Number counts the rejects of a session, from 1, in the order in which they were committed.
	Number int64 `gorm:"primaryKey;autoIncrement:false"`
	// ProductID is empty if it could not be read.
	ProductID string
	// Reason is one sentence for people.
	Reason string
}

// TableName names the table for GORM.
func (Reject) TableName() string { return "sync_rejects" }
