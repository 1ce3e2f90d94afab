package feed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fullsync/internal/source/feed"
)

// Complete files of each system's documented columns. Each product is given by how it begins and by parts of its attributes, between | signs.
func TestPresets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file, preset string
		opt          feed.Options
		want         []string
	}{
		{"woocommerce.csv", "woocommerce", feed.Options{}, []string{
			`{"id":"44","sku":"woo-vneck-tee","name":"V-Neck T-Shirt","active":true,|"ID":"45"|"Regular price":"20,00","SKU":"woo-vneck-tee-red","Sale price":"18,00"|"ID":"47"|"Brands":"Acme"`,
			`{"id":"46","sku":"woo-album","name":"Album","price":"15.00","active":false,|"Meta: _custom":"extra"|"Type":"simple, virtual"`,
			`{"id":"48","sku":"wp-pennant","name":"WordPress Pennant","price":"11.05","active":true,|"External URL":"https://mercantile.example/"`,
			`{"id":"49","sku":"logo-set","name":"Logo Collection","active":false,|"Grouped products":"woo-album, wp-pennant"`,
			`line 8 refused: it belongs to "id:999", which the input does not have, or not within 32 MB`,
		}},
		{"woocommerce-rest.json", "woocommerce", feed.Options{}, []string{
			`{"id":"799","name":"Ship Your Idea","price":"14.50","active":true,|"attributes":[{"id":6,|"variations":[733,734]`,
			`{"id":"794","sku":"1001","name":"Premium Quality","price":"21.999","active":false,|"sale_price":"21.99"`,
		}},
		{"shopify-old.csv", "shopify", feed.Options{Decimal: "."}, []string{
			`{"id":"tee","sku":"TEE-S","name":"Tee","price":"1299.00","active":true,|"images":[{"Image Alt Text":"Front","Image Position":"1","Image Src":"https://cdn.example/1.jpg"},{|/3.jpg"}]|"Option1 Name":"Size"|"Variant SKU":"TEE-M"`,
			`{"id":"mug","sku":"MUG","name":"Mug","price":"7.50","active":false,`,
		}},
		{"shopify-new.csv", "shopify", feed.Options{}, []string{
			`{"id":"tee","sku":"TEE-S","name":"Tee","price":"19.90","active":true,|"Product image URL":"https://cdn.example/1.jpg"|"SKU":"TEE-M"|"Vendor":"Acme"`,
		}},
		{"shopify-old.csv", "shopify", feed.Options{Map: map[string]string{"sku": "Variant Barcode"}}, []string{
			`{"id":"tee","sku":"'4006381333931","name":"Tee",`, `{"id":"mug","name":"Mug",`,
		}},
		{"shopify-rest.json", "shopify", feed.Options{}, []string{
			`{"id":"632910392","sku":"IPOD2008PINK","name":"IPod Nano - 8GB","price":"1199.000","active":true,|"handle":"ipod-nano"|"weight":1.25`,
		}},
		{"shopify-bulk.jsonl", "shopify-bulk", feed.Options{Preset: "shopify"}, []string{
			`{"id":"gid://shopify/Product/1","sku":"O-1","name":"One","price":"5.00","active":true,|"images":[{"id":"gid://shopify/MediaImage/5"|"metafields":[{|"sku":"O-2"`,
			`{"id":"gid://shopify/Product/2","sku":"T-1","name":"Two","price":"1.355","active":false,`,
			`line 8 refused: it belongs to "gid://shopify/Product/9", which the input does not have, or not within 32 MB`,
		}},
		{"google.tsv", "google-merchant", feed.Options{}, []string{
			`{"id":"TV-1","name":"Television","price":"1499.99","currency":"USD","active":true,|"sale price":"1299.99 USD"|"item group id":"TV"`,
			`{"id":"TV-2","name":"Television","price":"99","currency":"EUR","active":true,`,
		}},
		{"google-rss.xml", "google-merchant", feed.Options{}, []string{
			`{"id":"TV_1","name":"Télévision & more","price":"15.00","currency":"USD","active":true,|"additional_image_link":["https://shop.example/2.png","https://shop.example/3.png"]|"description":"<b>Big</b>"|"shipping":{"country":"US","price":"6.49 USD"}`,
		}},
		{"google-atom.xml", "google-merchant", feed.Options{}, []string{
			`{"id":"A1","name":"Dog bowl","price":"7.00","currency":"EUR","active":true,|"link":"https://shop.example/bowl"`,
		}},
		{"medusa.json", "medusa", feed.Options{}, []string{
			`{"id":"prod_01","sku":"SHORTS-S","name":"Medusa Shorts","price":"10.355","currency":"eur","active":true,|"currency_code":"usd"`,
			`{"id":"prod_02","name":"Draft","active":false,`,
		}},
		{"medusa-1.json", "medusa", feed.Options{Unit: feed.Minor}, []string{
			`{"id":"prod_01","sku":"SHORTS-S","name":"Medusa Shorts","price":"19.50","currency":"eur","active":true,`,
		}},
		{"medusa-1.json", "", feed.Options{}, []string{
			"The prices of this input may be in cents, as those of Medusa 1 are. Say --unit minor if they are, or --unit major.",
		}},
		{"vendure.json", "vendure", feed.Options{}, []string{
			`{"id":"1","sku":"L2201308","name":"Laptop","price":"1299.00","currency":"USD","active":true,|"priceWithTax":155880|"slug":"laptop"`,
		}},
		{"fullsync.csv", "fullsync", feed.Options{}, []string{
			`{"id":"a","sku":"S-1","name":"Bürste, rund","price":"1.355","currency":"EUR","active":true,"attributes":{"brand":"Acme","sizes":[1.0,2]}}`,
			`{"id":"b","name":"Zwei","active":false,"attributes":{}}`,
		}},
	} {
		in, err := os.ReadFile(filepath.Join("testdata", "presets", test.file))
		if err != nil {
			t.Fatal(err)
		}
		got, found := outcome(t, in, test.opt)
		same := found.Preset == test.preset && len(got) == len(test.want)
		for i := 0; same && i < len(got); i++ {
			parts := strings.Split(test.want[i], "|")
			same = strings.HasPrefix(got[i], parts[0])
			for _, part := range parts[1:] {
				same = same && strings.Contains(got[i], part)
			}
		}
		if !same {
			t.Errorf("%s as %s\n%s\nwant %s\n%s", test.file, found.Preset, strings.Join(got, "\n"), test.preset, strings.Join(test.want, "\n"))
		}
	}
}
