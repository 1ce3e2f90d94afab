package postgrestest

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
)

// child starts a server, prints its directory and waits for ever. It returns 1 if it cannot.
func child() int {
	server, err := start()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(server.dir)
	select {}
}

// connect opens a connection that is closed when the test ends.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

// run runs a statement on its own connection.
func run(t *testing.T, url, statement string) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// query runs a statement on its own connection and returns the single value.
func query[T any](t *testing.T, url, statement string) T {
	t.Helper()
	var value T
	if err := connect(t, url).QueryRow(t.Context(), statement).Scan(&value); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return value
}

// refused fails the test if the server accepts a connection.
func refused(t *testing.T, url string) {
	t.Helper()
	if connection, err := pgx.Connect(t.Context(), url); err == nil {
		_ = connection.Close(t.Context())
		t.Error("the server still accepts connections")
	}
}
