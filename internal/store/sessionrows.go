package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm/schema"

	"fullsync/internal/session"
)

// sessionReader reads rows of sync_sessions past GORM, which spends more time on a row than the database does.
type sessionReader struct {
	// columns are those of [session.Session], for a SELECT. They are named one by one, never with a star: see gormConfig.
	columns string
	fields  []*schema.Field
}

// sessionRow knows the columns from the struct itself: a new one is read without a change here.
var sessionRow = sync.OnceValue(func() sessionReader {
	parsed, err := schema.Parse(&session.Session{}, &sync.Map{}, schema.NamingStrategy{IdentifierMaxLength: 64})
	if err != nil {
		panic(err) // the struct and its tags are ours
	}
	r := sessionReader{columns: strings.Join(parsed.DBNames, ", ")}
	for _, name := range parsed.DBNames {
		r.fields = append(r.fields, parsed.FieldsByDBName[name])
	}
	return r
})

// of returns the columns with the table's alias before each.
func (r sessionReader) of(alias string) string {
	return alias + "." + strings.ReplaceAll(r.columns, ", ", ", "+alias+".")
}

// into returns where to scan the columns of a row.
func (r sessionReader) into(row *session.Session) []any {
	v := reflect.ValueOf(row).Elem()
	targets := make([]any, len(r.fields), len(r.fields)+1)
	for i, field := range r.fields {
		target := v.FieldByIndex(field.StructField.Index).Addr().Interface()
		if field.Serializer != nil {
			target = jsonColumn{target}
		}
		targets[i] = target
	}
	return targets
}

// jsonColumn scans JSON text into a value.
type jsonColumn struct{ into any }

// Scan is a [database/sql.Scanner]'s.
func (c jsonColumn) Scan(raw any) error {
	switch text := raw.(type) {
	case string:
		return json.Unmarshal([]byte(text), c.into)
	case []byte:
		return json.Unmarshal(text, c.into)
	}
	return fmt.Errorf("a JSON column came as %T", raw)
}

// scanSessions reads rows of the columns of [sessionRow] and, last, the database's time, and closes them. now is zero where
// there are no rows.
func (s *Store) scanSessions(rows pageRows) (found []session.Session, now time.Time, err error) {
	defer rows.Close() //nolint:errcheck // rows.Err below is what counts
	var row session.Session
	var at any
	targets := append(sessionRow().into(&row), &at)
	for rows.Next() {
		row = session.Session{}
		if err := rows.Scan(targets...); err != nil {
			return nil, now, s.translate(err)
		}
		found = append(found, row)
	}
	if err := rows.Err(); err != nil {
		return nil, now, s.translate(err)
	}
	if len(found) > 0 {
		now, err = s.parseNow(at)
	}
	return found, now, err
}
