package store

import (
	"strings"
	"sync"

	"gorm.io/gorm/schema"

	"fullsync/internal/session"
	"fullsync/internal/user"
)

// The columns of two tables, for statements that GORM does not write. They are named one by one, never with a star: see
// gormConfig.
var (
	sessionColumns = sync.OnceValue(func() string { return columnsOf(&session.Session{}, "s") })
	userColumns    = sync.OnceValue(func() string { return columnsOf(&user.User{}, "users") })
)

// columnsOf returns the columns that model has in its table, each with the table's name or alias before it.
func columnsOf(model any, table string) string {
	parsed, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		panic(err) // the models are this package's own
	}
	names := make([]string, len(parsed.DBNames))
	for i, name := range parsed.DBNames {
		names[i] = table + "." + name
	}
	return strings.Join(names, ", ")
}
