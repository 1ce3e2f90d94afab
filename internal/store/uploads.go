package store

import (
	"context"
	"errors"
	"io"
	"time"

	"gorm.io/gorm"

	"fullsync/internal/fault"
)

const (
	// uploadPart is how many bytes of a file one row holds.
	uploadPart = 1 << 20
	// maxUploads is how many files are kept at the same time.
	maxUploads = 16
	// forgottenAfter is how long a file is kept that no session imports: it is that of a dry run, its sender went away, or its replica died.
	forgottenAfter = time.Hour
)

// uploaded is the row of table sync_upload_parts.
type uploaded struct {
	UploadID string `gorm:"primaryKey"`
	N        int    `gorm:"primaryKey"`
	Data     []byte
}

// TableName names the table for GORM.
func (uploaded) TableName() string { return "sync_upload_parts" }

// imported selects the active session that imports a file: the one that it was sent for, or one that applies the dry run that it was sent for.
const imported = "SELECT 1 FROM sync_sessions WHERE (sync_sessions.id = sync_uploads.id OR sync_sessions.plan_id = sync_uploads.id) AND " + activeSQL

// KeepUpload keeps a file for the session with that id, part by part as it comes. Where too many are kept, the oldest one of a dry run makes room. It returns
// Unavailable where there is none, and the errors of in; then nothing is left.
func (s *Store) KeepUpload(ctx context.Context, id string, in io.Reader) error {
	room := s.db.WithContext(ctx).Exec("DELETE FROM sync_uploads WHERE (SELECT count(*) FROM sync_uploads) >= ? AND id = "+
		"(SELECT u.id FROM sync_uploads u JOIN sync_sessions planned ON planned.id = u.id WHERE planned.completed_at IS NOT NULL AND NOT EXISTS "+
		"(SELECT 1 FROM sync_sessions WHERE plan_id = u.id AND completed_at IS NULL) ORDER BY u.touched_at LIMIT 1)", maxUploads)
	if room.Error != nil {
		return s.translate(room.Error)
	}
	done := s.db.WithContext(ctx).Exec("INSERT INTO sync_uploads (id, touched_at) SELECT ?, "+s.nowSQL()+" WHERE (SELECT count(*) FROM sync_uploads) < ?", id, maxUploads)
	if done.Error != nil {
		return s.translate(done.Error)
	}
	if done.RowsAffected == 0 {
		return fault.New(fault.Unavailable, "TOO_MANY_UPLOADS", "Too many uploads", "The node keeps %d files that are being imported. Try again when one of them is done.", maxUploads)
	}
	err := s.keepParts(ctx, id, in)
	if err != nil {
		err = errors.Join(err, s.DropUpload(context.WithoutCancel(ctx), id))
	}
	return err
}

func (s *Store) keepParts(ctx context.Context, id string, in io.Reader) error {
	part := make([]byte, uploadPart)
	for n := 0; ; n++ {
		size, err := io.ReadFull(in, part)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return err
		}
		if size > 0 {
			err := s.inTx(ctx, s.db, func(tx *gorm.DB) error {
				if err := tx.Create(&uploaded{UploadID: id, N: n, Data: part[:size]}).Error; err != nil {
					return err
				}
				return tx.Exec("UPDATE sync_uploads SET touched_at = "+s.nowSQL()+" WHERE id = ?", id).Error
			})
			if err != nil {
				return err
			}
		}
		if end {
			return nil
		}
	}
}

// OpenUpload returns what was kept under an id; nothing where there is no such file.
func (s *Store) OpenUpload(ctx context.Context, id string) io.Reader {
	return &uploadReader{ctx: ctx, store: s, id: id}
}

type uploadReader struct {
	ctx   context.Context
	store *Store
	id    string
	n     int
	part  []byte
}

// Read implements [io.Reader].
func (u *uploadReader) Read(p []byte) (int, error) {
	if len(u.part) == 0 {
		var row uploaded
		err := u.store.read.WithContext(u.ctx).Where("upload_id = ? AND n = ?", u.id, u.n).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, u.store.translate(err)
		}
		u.part = row.Data
		u.n++
	}
	n := copy(p, u.part)
	u.part = u.part[n:]
	return n, nil
}

// KeepsUpload reports whether a file is kept. It implements [syncer.Sessions].
func (s *Store) KeepsUpload(ctx context.Context, id string) (kept bool, err error) {
	err = s.read.WithContext(ctx).Raw("SELECT count(*) > 0 FROM sync_uploads WHERE id = ?", id).Scan(&kept).Error
	return kept, s.translate(err)
}

// TouchUpload keeps a file for another hour.
func (s *Store) TouchUpload(ctx context.Context, id string) error {
	return s.translate(s.db.WithContext(ctx).Exec("UPDATE sync_uploads SET touched_at = "+s.nowSQL()+" WHERE id = ?", id).Error)
}

// DropUpload deletes a file, unless a session that imports it is active.
func (s *Store) DropUpload(ctx context.Context, id string) error {
	return s.translate(s.db.WithContext(ctx).Exec("DELETE FROM sync_uploads WHERE id = ? AND NOT EXISTS ("+imported+")", id).Error)
}

// PruneUploads deletes files that no session imports any more.
func (s *Store) PruneUploads(ctx context.Context) error {
	return s.translate(s.db.WithContext(ctx).Exec("DELETE FROM sync_uploads WHERE touched_at < " + s.agoSQL(forgottenAfter) + " AND NOT EXISTS (" + imported + ")").Error)
}
