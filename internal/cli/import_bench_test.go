package cli_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fullsync/internal/postgrestest"
	"fullsync/internal/sample"
)

// BenchmarkImport measures imports on PostgreSQL against a COPY of the same rows into an empty table with the same key. A sorted file is streamed, a shuffled
// one is sorted first. The figures are medians of the iterations.
func BenchmarkImport(b *testing.B) {
	const n = 200_000
	env := environment{"FULLSYNC_DATA_DIR=" + filepath.Join(b.TempDir(), "data"), "FULLSYNC_DATABASE_URL=" + postgrestest.NewDatabase(b)}
	ctx := b.Context()
	url := env[1][len("FULLSYNC_DATABASE_URL="):]
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	exec := func(statement string) {
		if _, err := conn.Exec(ctx, statement); err != nil {
			b.Fatal(err)
		}
	}
	lines := make([][]byte, 0, n)
	for p := range sample.Products(n, 1) {
		lines = append(lines, append(p.AppendJSON(nil), '\n'))
	}
	dir := b.TempDir()
	sorted, shuffled, rows := filepath.Join(dir, "sorted"), filepath.Join(dir, "shuffled"), filepath.Join(dir, "rows")
	slices.SortFunc(lines, bytes.Compare)
	write := func(path string, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	write(sorted, bytes.Join(lines, nil))
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	write(shuffled, bytes.Join(lines, nil))
	if r := runWith(ctx, env, nil, "catalog", "import", sorted); r.code != 0 {
		b.Fatal(r.err)
	}
	var copied bytes.Buffer
	if _, err := conn.PgConn().CopyTo(ctx, &copied, "COPY products TO STDOUT"); err != nil {
		b.Fatal(err)
	}
	write(rows, copied.Bytes())
	exec("CREATE TABLE copied (LIKE products, PRIMARY KEY (catalog, id))")
	for _, file := range []struct{ name, path string }{{"streamed", sorted}, {"sorted first", shuffled}} {
		b.Run(file.name, func(b *testing.B) {
			var ratios, speeds []float64
			for b.Loop() {
				exec("TRUNCATE copied")
				from, err := os.Open(rows)
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				if _, err := conn.PgConn().CopyFrom(ctx, from, "COPY copied FROM STDIN"); err != nil {
					b.Fatal(err)
				}
				plain := time.Since(began)
				_ = from.Close()
				exec("TRUNCATE products, sync_changes, sync_creations")
				began = time.Now()
				r := runWith(ctx, env, nil, "catalog", "import", file.path)
				took := time.Since(began)
				if r.code != 0 {
					b.Fatal(r.err)
				}
				ratios, speeds = append(ratios, plain.Seconds()/took.Seconds()), append(speeds, n/took.Seconds())
			}
			slices.Sort(ratios)
			slices.Sort(speeds)
			b.ReportMetric(ratios[len(ratios)/2], "of-COPY")
			b.ReportMetric(speeds[len(speeds)/2], "products/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
