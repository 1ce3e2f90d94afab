package app_test

import (
	"bufio"
	"crypto/sha256"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fullsync/api/spec"
	"fullsync/internal/nodetest"
)

var realVendure = flag.Bool("vendure", false, "install Vendure from npm, start it, and let TestPullFromVendure pull its products")

const (
	vendureDir      = "testdata/vendure"
	vendureProducts = 120
)

// vendureModules installs Vendure, unless an earlier test has, in a directory for caches, and returns where its modules are.
func vendureModules(t *testing.T) string {
	t.Helper()
	caches, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	locks := map[string][]byte{}
	sum := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(vendureDir, name))
		if err != nil {
			t.Fatal(err)
		}
		locks[name] = text
		_, _ = sum.Write(text)
	}
	home := filepath.Join(caches, "fullsync-ci", fmt.Sprintf("vendure-%.8x", sum.Sum(nil)))
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, ".package-lock.json")); err == nil { // npm writes it last
		return modules
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range locks {
		if err := os.WriteFile(filepath.Join(home, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = home
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm: %v\n%s", err, out)
	}
	return modules
}

// startVendure starts a shop with these products, and returns its address.
func startVendure(t *testing.T, csv string) string {
	t.Helper()
	modules := vendureModules(t)
	file := filepath.Join(t.TempDir(), "products.csv")
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs(filepath.Join(vendureDir, "shop.cjs"))
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", script, file)
	node.Env = append(os.Environ(), "NODE_PATH="+modules)
	node.Dir = t.TempDir()
	node.Stderr = os.Stderr
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = node.Wait()
	})
	address := ""
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		_, address, _ = strings.Cut(lines.Text(), "listening on ")
	}
	if address == "" {
		t.Fatal("the shop has not started; what it says is above")
	}
	go func() {
		for lines.Scan() { // it must be able to write
		}
	}()
	return address
}

// TestPullFromVendure pulls the products of a real Vendure shop, page by page, by the address that docs/feeds.md has for it.
func TestPullFromVendure(t *testing.T) {
	if !*realVendure {
		t.Skip("installs a shop from npm: run it with -vendure")
	}
	csv := "name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,trackInventory,variantAssets,variantFacets\n" +
		"Shirt,shirt,\"Cotton, blue\",,,Size,S,SHIRT-S,1919.05,standard,10,false,,\n,,,,,,M,SHIRT-M,21.50,standard,10,false,,\n"
	for i := 2; i <= vendureProducts; i++ {
		csv += fmt.Sprintf("Mug №%d,mug-%d,A mug,,,,,MUG-%d,%d.90,standard,10,false,,\n", i, i, i, i)
	}
	address := startVendure(t, csv)
	const query = "query($skip:Int){products(options:{skip:$skip,take:50,sort:{id:ASC}}){totalItems items{id name slug enabled variants{sku price currencyCode}}}}"
	main := nodetest.Start(t, nodetest.Config{})
	addFeed(t, main, "vendure", address+"/shop-api?query="+url.QueryEscape(query)+"&variables=%7B%22skip%22%3A{offset}%7D", `,"preset":"vendure"`)
	s := main.Sync(nodetest.Pull{Peer: "vendure", Options: spec.StartOptions{VerifyAfterSync: new(true)}})
	if s.Created != vendureProducts || s.Rejected != 0 || value(s.Outcome) != spec.OutcomeClean || value(s.TotalRecords) != vendureProducts {
		t.Errorf("the pull: %s", nodetest.Show(s))
	}
	held := main.Products("main")
	if len(held) != vendureProducts {
		t.Fatalf("%d products", len(held))
	}
	p := held[0]
	if p.ID != "1" || p.SKU != "SHIRT-S" || p.Name != "Shirt" || p.Price != "1919.05" || p.Currency != "USD" || !p.Active || p.OriginNodeID != "vendure" ||
		p.Attributes != `{"slug":"shirt","variants":[{"currencyCode":"USD","price":191905,"sku":"SHIRT-S"},{"currencyCode":"USD","price":2150,"sku":"SHIRT-M"}]}` {
		t.Errorf("the first product is %+v", p)
	}
	if p := held[len(held)-1]; p.ID != "99" || p.Name != "Mug №99" || p.Price != "99.90" {
		t.Errorf("the last product is %+v", p)
	}
	if s := main.Sync(nodetest.Pull{Peer: "vendure"}); s.Unchanged != vendureProducts || s.Created+s.Updated != 0 {
		t.Errorf("once more: %s", nodetest.Show(s))
	}

	// What is wrong with a query is said in Vendure's own words.
	addFeed(t, main, "too-many", address+"/shop-api?query="+url.QueryEscape("{products(options:{take:1000}){totalItems items{id name}}}"), "")
	failed := main.WaitEnd(main.Pull(nodetest.Pull{Peer: "too-many", Catalog: "main"}).SessionId, spec.FAILED)
	if said := value(failed.ErrorMessage); !strings.Contains(said, "Cannot take more than 100 results from a list query") {
		t.Errorf("a page that is too large: %s", said)
	}
}
