package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const european = "Artikelnummer;Bezeichnung;Preis\nA-1;Hemd;12,50\nA-2;Tisch;1.355\nA-3;Stuhl;zwölf\n"

func TestImportOfATable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, env environment) {
		imported(t, env, european).wants(t, 1, "Try --map id=Artikelnummer --map name=Bezeichnung --map price=Preis.\n")
		mapped := []string{"--map", "id=Artikelnummer", "--map", "name=Bezeichnung", "--map", "price=Preis", "--default", "currency=EUR"}

		r := imported(t, env, european, append(mapped, "--dry-run")...)
		r.wants(t, 1, "dry run of catalog main: 1 would be created, 0 updated, 0 unchanged, 2 refused\n")
		for _, want := range []string{
			`Read as CSV in UTF-8 with the delimiter ";": id from Artikelnummer, name from Bezeichnung and price from Preis; everything else goes into attributes.` + "\n",
			`line 2: {"id":"A-1","name":"Hemd","price":"12.50","currency":"EUR","active":true,"attributes":{}}` + "\n",
			`line 3 refused: price "1.355" may be 1355 or 1.355: say which with --decimal , or --decimal .` + "\n",
			`line 4 refused: price must be a number such as 12.50, not "zwölf"` + "\n",
		} {
			if !strings.Contains(r.err, want) {
				t.Errorf("%q is not in\n%s", want, r.err)
			}
		}
		if strings.Contains(exported(t, env), "A-1") {
			t.Error("the dry run imported something")
		}

		r = imported(t, env, european, append(mapped, "--decimal", ",", "--json")...)
		r.wants(t, 1, "catalog main: 2 created, 0 updated, 0 unchanged, 1 refused\n")
		var result map[string]any
		if err := json.Unmarshal([]byte(r.out), &result); err != nil || result["created"] != 2.0 || result["refused"] != 1.0 || result["format"] != "csv" {
			t.Errorf("%v: %s", err, r.out)
		}
		if out := exported(t, env); !strings.Contains(out, `{"id":"A-2","name":"Tisch","price":"1355","currency":"EUR"`) {
			t.Errorf("the catalog holds\n%s", out)
		}
	})
}

// The refused lines of each kind of file can be corrected and imported again.
func TestRefusedLinesCanBeCorrected(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	for _, test := range []struct{ name, in, file, wrong, right string }{
		{"csv", "id;name;price\nb;\"two\nlines; \"\"quoted\"\"\";cheap\na;good;5\n", "fullsync:refused;\"id\";\"name\";\"price\"\n" +
			`"price must be a number such as 12.50, not ""cheap""";b;"two` + "\nlines; \"\"quoted\"\"\";cheap\n", ";cheap", ";7"},
		{"ndjson", `{"id":"a","name":"good"}` + "\n" + `{"id":"b","name":"two","price":"cheap"}` + "\n",
			`{"fullsync:refused":"price must be a number such as 12.50, not \"cheap\"","id":"b","name":"two","price":"cheap"}` + "\n", `:"cheap"`, `:"7"`},
		{"broken ndjson", `{"id":"a","name":"good"}` + "\n" + `{"id":"b","name":` + "\n", `{"fullsync:refused":"the JSON of the line ends too early","id":"b","name":` + "\n", `"name":`, `"name":"x"}`},
		{"json", "[{\"id\":\"a\",\"name\":\"good\"},\n{\"id\":\"b\",\n\"name\":\"\"}]", `{"fullsync:refused":"name is required","id":"b","name":""}` + "\n", `:""`, `:"x"`},
		{"shopify", "Handle,Title,Variant Price,Variant SKU\nb,,1.00,B-1\nb,,2.00,B-2\na,Good,5.00,A\n",
			"fullsync:refused,\"Handle\",\"Title\",\"Variant Price\",\"Variant SKU\"\n\"name is required\",b,,1.00,B-1\n,b,,2.00,B-2\n", "b,,1", "b,Bee,1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			to := "c-" + strings.ReplaceAll(test.name, " ", "-")
			file := filepath.Join(t.TempDir(), "refused")
			imported(t, env, test.in, "--catalog", to, "--refused", file).wants(t, 1, "1 line was refused")
			got, err := os.ReadFile(file)
			if err != nil || string(got) != test.file {
				t.Fatalf("%v\n%s\nwant\n%s", err, got, test.file)
			}
			imported(t, env, string(got), "--catalog", to, "--refused", file).wants(t, 1, "The only product of the input was refused: ")
			if again, err := os.ReadFile(file); err != nil || string(again) != test.file {
				t.Errorf("refused again, the file is\n%s", again)
			}
			imported(t, env, strings.Replace(string(got), test.wrong, test.right, 1), "--catalog", to).must(t)
			if out := exported(t, env, "--catalog", to); !strings.Contains(out, `{"id":"b",`) || strings.Contains(out, "fullsync:") {
				t.Errorf("the catalog holds\n%s", out)
			}
		})
	}
}

func TestTooManyRefusedLines(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	bad := strings.Repeat(`{"id":"x"}`+"\n", 3)
	imported(t, env, ndjson(5)+bad, "--max-refused", "2").wants(t, 1, "3 lines of the first 8 were refused, more than --max-refused allows")
	imported(t, env, ndjson(5)+bad, "--max-refused", "30%").wants(t, 1, "3 lines of 8 were refused, more than --max-refused allows")
	imported(t, env, ndjson(5)+bad, "--max-refused", "50%").wants(t, 1, "3 lines were refused (see above); everything else was imported")
	imported(t, env, ndjson(5)+strings.Repeat(bad, 1000), "--max-refused", "1%").wants(t, 1, "of the first 1000 were refused")
}

func TestWrongOptionsOfAnImport(t *testing.T) {
	t.Parallel()
	env := onSQLite(t)
	for _, test := range []struct{ flag, value, want string }{
		{"--map", "id", `--map must be FIELD=COLUMN, not "id"`},
		{"--map", "x=y", `--map has no field "x". The fields are id, sku, name, price, currency and active.`},
		{"--default", "id=y", `--default has no field "id".`},
		{"--preset", "magento", `--preset must be woocommerce, shopify, shopify-bulk, medusa, vendure, google-merchant or fullsync, not "magento".`},
		{"--decimal", ";", `--decimal must be . or ,, not ";".`},
		{"--encoding", "klingon", `There is no encoding "klingon" here.`},
		{"--max-refused", "many", `--max-refused must be a number such as 10 or a percentage such as 5%, not "many"`},
		{"--delimiter", "ab", `--delimiter must be one character, not "ab".`},
	} {
		imported(t, env, ndjson(1), test.flag, test.value).wants(t, 2, test.want)
	}
}
