package store_test

import (
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"fullsync/internal/store"
)

// TestDatabasesThatPretendAreRefused asks servers that speak PostgreSQL's protocol and are something else.
func TestDatabasesThatPretendAreRefused(t *testing.T) {
	t.Parallel()
	for version, code := range map[string]string{
		"CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27 01:53:43, go1.19.10)": "DATABASE_PRODUCT",
		"PostgreSQL 11.2-YB-2.19.0.0-b0 on x86_64-pc-linux-gnu":                                "DATABASE_PRODUCT",
		"PostgreSQL 12.22 on x86_64-pc-linux-gnu":                                              "DATABASE_TOO_OLD",
	} {
		refused(t, store.Options{URL: pretend(t, version, "120022")}, code, "PostgreSQL", "13 or newer")
	}
}

// pretend returns the URL of a server that says it is the given version, and nothing else.
func pretend(t *testing.T, version, number string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answer(conn, version, number)
		}
	}()
	return "postgres://shop@" + listener.Addr().String() + "/shop?sslmode=disable"
}

// answer speaks as much of the protocol as it takes to be asked for the version.
func answer(conn net.Conn, version, number string) {
	defer conn.Close() //nolint:errcheck // the test looks at what the client says
	server := pgproto3.NewBackend(conn, conn)
	if _, err := server.ReceiveStartupMessage(); err != nil {
		return
	}
	server.Send(&pgproto3.AuthenticationOk{})
	server.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for server.Flush() == nil {
		message, err := server.Receive()
		query, ok := message.(*pgproto3.Query)
		if err != nil || !ok {
			return
		}
		row := [][]byte{[]byte(version)}
		if strings.Contains(query.String, "server_version_num") {
			row = [][]byte{[]byte(number), []byte("UTF8"), []byte("0")}
		}
		server.Send(&pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, len(row))})
		server.Send(&pgproto3.DataRow{Values: row})
		server.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
		server.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}
