package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each format is read back as the same products, awkward ones included.
func TestExportFormatsAreReadBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		const awkward = `{"id":" a","name":" say \"hi\", \r\n; ","price":"1.355","active":false,"attributes":{"a":[1.0,"\"",null],"b":"=\"x\""}}` + "\n" +
			`{"id":"=\"7","sku":"'0012","name":"=\"name\"","currency":"EUR","active":true,"attributes":{}}` + "\n"
		lines := awkward + ndjson(1200)
		imported(t, env, lines).must(t)
		for _, format := range []string{"csv", "json", "ndjson"} {
			file := filepath.Join(t.TempDir(), "products."+format)
			run(t, env, "catalog", "export", file).must(t)
			run(t, env, "catalog", "import", file, "--catalog", format).wants(t, 0, "catalog "+format+": 1202 created, 0 updated, 0 unchanged, 0 refused\n")
			if out := exported(t, env, "--catalog", format); out != lines {
				t.Errorf("%s: the copy is different:\n%s", format, out[:min(len(out), 500)])
			}
			if whole, err := os.ReadFile(file); err != nil || string(whole) != exported(t, env, "--format", format) {
				t.Errorf("%s: the file and standard output differ: %v", format, err)
			}
		}
		run(t, env, "catalog", "export", "--format", "xml").wants(t, 2, `--format must be ndjson, json or csv, not "xml"`)
	})
}

func TestExportOfNothingInEachFormat(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	imported(t, env, ndjson(1)).must(t)
	run(t, env, "catalog", "delete", "main", "--products", "1").must(t)
	for format, want := range map[string]string{"csv": "id,sku,name,price,currency,active,attributes\n", "json": "[\n]\n", "ndjson": ""} {
		if out := exported(t, env, "--format", format); out != want {
			t.Errorf("%s: %q", format, out)
		}
	}
}

func TestCatalogsAreListedAndDeleted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		imported(t, env, ndjson(3)).must(t)
		imported(t, env, ndjson(6000), "--catalog", "large").must(t)
		if out := run(t, env, "catalog", "list").must(t).out; out != "CATALOG  PRODUCTS\nlarge    6000\nmain     3\n" {
			t.Errorf("the list is\n%s", out)
		}
		run(t, env, "catalog", "list", "--json").wants(t, 0, `{"catalogs":[{"catalog":"large","products":6000},{"catalog":"main","products":3}],"success":true}`)

		run(t, env, "catalog", "delete", "large").wants(t, 2, "say how many products the catalog holds with --products")
		run(t, env, "catalog", "delete", "large", "--products", "3").wants(t, 1, "catalog large holds 6000 products, not 3; nothing was deleted\n")
		run(t, env, "catalog", "delete", "none", "--products", "0").wants(t, 1, "There is no catalog none here.")
		run(t, env, "catalog", "delete", "large", "--products", "6000").wants(t, 0, "catalog large: 6000 products deleted\n")
		if out := run(t, env, "catalog", "list").must(t).out; strings.Contains(out, "large") {
			t.Errorf("afterwards the list is\n%s", out)
		}
	})
}
