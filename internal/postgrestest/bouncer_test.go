package postgrestest

import "testing"

func TestABouncerLeadsToTheSameDatabase(t *testing.T) {
	t.Parallel()
	url := NewDatabase(t)
	run(t, url, "CREATE TABLE products (id text)")
	bounced := Bounce(t, url, "pool_mode = session")
	run(t, bounced, "INSERT INTO products VALUES ('p-1')")
	if n := query[int](t, url, "SELECT count(*) FROM products"); n != 1 {
		t.Errorf("%d products came through PgBouncer, want 1", n)
	}
	direct, through := connect(t, url), connect(t, bounced)
	for name, c := range map[string]struct {
		pid    uint32
		pooled bool
	}{"direct": {direct.PgConn().PID(), false}, "through PgBouncer": {through.PgConn().PID(), true}} {
		connection := direct
		if c.pooled {
			connection = through
		}
		var pid uint32
		if err := connection.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		if (pid != c.pid) != c.pooled {
			t.Errorf("%s: the connection is number %d and process %d serves it", name, c.pid, pid)
		}
	}
}
