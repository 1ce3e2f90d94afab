package cli_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fullsync/internal/catalog"
	"fullsync/internal/sample"
	"fullsync/internal/store"
)

// byHand runs SQL on an environment's database, as somebody would who changes it by hand.
func byHand(t *testing.T, env environment, statements ...string) {
	t.Helper()
	opt := store.Options{SQLitePath: filepath.Join(strings.TrimPrefix(env[0], "FULLSYNC_DATA_DIR="), "fullsync.db")}
	if len(env) > 1 {
		opt.URL = strings.TrimPrefix(env[1], "FULLSYNC_DATABASE_URL=")
	}
	db, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // every statement has been answered
	for _, s := range statements {
		if _, err := db.SQL().ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// lie gives a product a hash and a digest that fit each other but not the product.
func lie(id string) []string {
	hash := "1:" + strings.Repeat("A", 43)
	digest, _ := catalog.DigestOf(hash)
	return []string{
		fmt.Sprintf("UPDATE products SET digest = NULL WHERE id = '%s'", id),
		fmt.Sprintf("UPDATE products SET digest = %d, hash = '%s' WHERE id = '%s'", int64(digest), hash, id),
	}
}

func TestDigestIsTheSameForTheSameProducts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		sum := sha256.New()
		for p := range sample.Products(60, 1) {
			fmt.Fprintf(sum, "%s\t%s\n", p.ID, p.Hash)
		}
		want := "main  60 products  " + hex.EncodeToString(sum.Sum(nil)) + "\n"
		imported(t, env, ndjson(60)).must(t)
		if r := run(t, env, "catalog", "digest").must(t); r.out != want || !strings.Contains(r.err, "catalog main was read at 20") {
			t.Errorf("digest:\n%s%s\nwant %s", r.out, r.err, want)
		}
		// Change the stored hashes but not the products.
		byHand(t, env, append(lie("P-0000003"), "UPDATE products SET hash = 'x' WHERE id = 'P-0000004'")...)
		if r := run(t, env, "catalog", "digest", "--catalog", "main").must(t); r.out != want {
			t.Errorf("digest trusted a stored hash:\n%s\nwant %s", r.out, want)
		}
		// Now change the products.
		imported(t, env, ndjson(5), "--catalog", "other").must(t)
		byHand(t, env, "UPDATE products SET name = 'by hand' WHERE catalog = 'main' AND id = 'P-0000005'",
			"UPDATE products SET price = 'cheap' WHERE catalog = 'main' AND id = 'P-0000006'")
		r := run(t, env, "catalog", "digest").must(t)
		lines := strings.Split(r.out, "\n")
		if len(lines) != 3 || lines[0]+"\n" == want || !strings.HasPrefix(lines[0], "main  60 products  ") || !strings.HasPrefix(lines[1], "other  5 products  ") ||
			!strings.Contains(r.err, "catalog main has 1 row that cannot be read as a product") {
			t.Errorf("digest:\n%s%s", r.out, r.err)
		}
		var report struct {
			Success  bool
			Catalogs []struct {
				Catalog, SHA256, At string
				Products, Refused   int64
			}
		}
		r = run(t, env, "catalog", "digest", "--json").must(t)
		if err := json.Unmarshal([]byte(r.out), &report); err != nil || !report.Success || len(report.Catalogs) != 2 || r.err != "" ||
			report.Catalogs[0].Refused != 1 || report.Catalogs[0].Products != 60 || !strings.Contains(lines[0], report.Catalogs[0].SHA256) || report.Catalogs[0].At == "" {
			t.Errorf("%v\n%s%s", err, r.out, r.err)
		}
		run(t, env, "catalog", "digest", "--catalog", "nothing").wants(t, 1, "There is no catalog nothing here.")
	})
}

func TestCheckFindsAndRepairs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		lines := ndjson(150)
		imported(t, env, lines).must(t)
		run(t, env, "catalog", "check").wants(t, 0, "catalog main: 150 products checked, 0 with a wrong hash, 0 not valid\n")

		byHand(t, env, append(lie("P-0000003"), "UPDATE products SET name = 'by hand' WHERE id = 'P-0000004'",
			"UPDATE products SET digest = NULL WHERE id = 'P-0000005'")...)
		r := run(t, env, "catalog", "check")
		r.wants(t, 1, "2 products are not as they should be. Run fullsync catalog check --repair")
		for _, want := range []string{
			"catalog main, product \"P-0000003\": the stored hash does not fit the product\n",
			"catalog main, product \"P-0000004\": the stored hash does not fit the product\n",
			"catalog main: 150 products checked, 2 with a wrong hash, 0 not valid\n",
			"catalog main: something other than this version wrote 1 of them; their hashes fit",
		} {
			if !strings.Contains(r.out, want) {
				t.Errorf("no %q in\n%s", want, r.out)
			}
		}
		run(t, env, "catalog", "check").wants(t, 1, "2 with a wrong hash") // looking changed nothing

		r = run(t, env, "catalog", "check", "--repair")
		r.wants(t, 0, "catalog main: 150 products checked, 2 with a wrong hash (2 repaired), 0 not valid\n")
		r.wants(t, 0, "catalog main, product \"P-0000003\": the stored hash does not fit the product (repaired)\n")
		run(t, env, "catalog", "check").wants(t, 0, "catalog main: 150 products checked, 0 with a wrong hash, 0 not valid\n")
		if out := exported(t, env); strings.Count(out, "by hand") != 1 || len(out) == len(lines) {
			t.Error("the repair changed a product")
		}
	})
}

// TestCheckLeavesInvalidRowsAlone: it says why they are invalid, lists only the first of many, and counts them all.
func TestCheckLeavesInvalidRowsAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		imported(t, env, ndjson(150)).must(t)
		byHand(t, env, "UPDATE products SET price = 'cheap'", "UPDATE products SET attributes = 'nonsense' WHERE id = 'P-0000001'")
		for _, args := range [][]string{{"catalog", "check"}, {"catalog", "check", "--repair"}} {
			r := run(t, env, args...)
			r.wants(t, 1, "150 products are not as they should be.")
			r.wants(t, 1, "catalog main, product \"P-0000001\": no valid product: the attributes are not one JSON object\n")
			r.wants(t, 1, "catalog main, product \"P-0000002\": no valid product: price must be a decimal such as 12.50, not \"cheap\"\n")
			r.wants(t, 1, "catalog main: … and 50 more\n")
			if strings.Count(r.out, "\n") != 102 {
				t.Errorf("%d lines", strings.Count(r.out, "\n"))
			}
		}
		var report struct {
			Success, Repair bool
			Error           string
			Catalogs        []struct {
				Products, Wrong, Repaired, Refused int64
				Findings                           []struct{ ID, Problem string }
			}
		}
		r := run(t, env, "catalog", "check", "--json", "--repair")
		if err := json.Unmarshal([]byte(r.out), &report); err != nil || r.code != 1 || report.Success || !report.Repair || report.Error == "" ||
			len(report.Catalogs) != 1 || report.Catalogs[0].Refused != 150 || report.Catalogs[0].Wrong != 0 || len(report.Catalogs[0].Findings) != 100 {
			t.Errorf("exit code %d, %v\n%.500s", r.code, err, r.out)
		}
	})
}
