package store

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"strconv"

	"github.com/pressly/goose/v3"

	"fullsync/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// Applied is one step that [Store.Migrate] took.
type Applied struct {
	Version int64
	Name    string
}

// Migrate brings the database up to date: first the tables of fullsync, then whatever engine adds (the job engine's
// tables). One process at a time does this; the others wait and find it done. step, if not nil, is told of every
// migration. It returns Impossible for a database that says it needs a newer binary,
// and for one in which it may not create tables.
func (s *Store) Migrate(ctx context.Context, engine func(context.Context) error, step func(Applied)) error {
	release, err := s.lockMigrations(ctx)
	if err != nil {
		return err
	}
	defer release()
	provider, err := s.migrations()
	if err != nil {
		return s.translate(err)
	}
	if err := s.checkSchema(ctx, provider); err != nil {
		return err
	}
	if err := s.mayMigrate(ctx); err != nil {
		return s.mayNot(err)
	}
	for {
		result, err := provider.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return s.mayNot(s.translate(engine(ctx)))
		}
		if err != nil {
			return s.mayNot(s.translate(err))
		}
		if step != nil {
			step(Applied{Version: result.Source.Version, Name: result.Source.Path})
		}
	}
}

// CheckSchema returns Impossible when the database has not been brought up to date, or needs a newer binary. It
// changes nothing.
func (s *Store) CheckSchema(ctx context.Context) error {
	provider, err := s.migrations()
	if err != nil {
		return s.translate(err)
	}
	prepared, err := s.prepared(ctx)
	if err != nil {
		return err
	}
	if !prepared {
		return fault.New(fault.Impossible, "SCHEMA_MISSING", "Database not prepared",
			"The database holds no tables of fullsync. Run fullsync migrate, or check that this is the right database.")
	}
	if err := s.checkSchema(ctx, provider); err != nil {
		return err
	}
	var current int64
	if err := s.read.WithContext(ctx).Raw("SELECT max(version_id) FROM goose_db_version").Row().Scan(&current); err != nil {
		return s.translate(err)
	}
	if current < newest(provider) {
		return fault.New(fault.Impossible, "SCHEMA_OLD", "Database not up to date",
			"The database has schema %d and this binary needs %d. Run fullsync migrate.", current, newest(provider))
	}
	return nil
}

func (s *Store) migrations() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations/"+s.name())
	if err != nil {
		return nil, err
	}
	dialects := map[string]goose.Dialect{"postgres": goose.DialectPostgres, "sqlite": goose.DialectSQLite3}
	return goose.NewProvider(dialects[s.name()], s.SQL(), dir)
}

// CodeBinaryTooOld is the code of the fault that the database needs a newer version of this program.
const CodeBinaryTooOld = "BINARY_TOO_OLD"

// checkSchema refuses a database whose oldest_schema, which every incompatible migration raises, is above what this
// binary knows. A database without tables has nothing to say.
func (s *Store) checkSchema(ctx context.Context, provider *goose.Provider) error {
	if prepared, err := s.prepared(ctx); err != nil || !prepared {
		return err
	}
	text, err := s.setting(ctx, settingOldestSchema)
	if err != nil {
		return err
	}
	oldest, err := strconv.ParseInt(text, 10, 64)
	if err != nil || oldest > newest(provider) {
		return fault.New(fault.Impossible, CodeBinaryTooOld, "Binary too old for this database",
			"The database needs a fullsync that knows schema %s; this one knows %d. Install a newer fullsync.", text, newest(provider))
	}
	return nil
}

// prepared says whether the database has tables of fullsync.
func (s *Store) prepared(ctx context.Context) (yes bool, err error) {
	err = s.db.WithContext(ctx).Raw(s.preparedSQL()).Row().Scan(&yes)
	return yes, s.translate(err)
}

// mayNot says of missing rights what they are missing for.
func (s *Store) mayNot(err error) error {
	if fault.CodeOf(err) != codeDenied {
		return err
	}
	return fault.New(fault.Impossible, codeDenied, "Database rights missing",
		"The role of FULLSYNC_DATABASE_URL may not create or change tables in its database. Make it the owner of the database and of "+
			"fullsync's tables, or run fullsync migrate once with a role that is.").Because(err)
}

func newest(provider *goose.Provider) int64 {
	sources := provider.ListSources()
	return sources[len(sources)-1].Version
}
