package catalog_test

import (
	"testing"

	"fullsync/internal/catalog"
)

// feedLine is a product as in a shop's feed: members in any order, all at the top level.
const feedLine = `{"id":"prod-000123","sku":"TS-RED-XL-000123","name":"Organic cotton T-shirt, crew neck, red",` +
	`"price":"24.90","currency":"EUR","active":true,"brand":"Nordlys","barcode":"4006381333931","tags":["summer","cotton",` +
	`"unisex"],"description":"Soft mid-weight jersey from certified cotton, cut straight, dyed in small lots.",` +
	`"variants":[{"sku":"TS-RED-S","size":"S","stock":12},{"sku":"TS-RED-M","size":"M","stock":40},` +
	`{"sku":"TS-RED-XL","size":"XL","stock":3}],"images":["https://img.example.com/p/000123/1.jpg",` +
	`"https://img.example.com/p/000123/2.jpg"],"weightGrams":185}`

func BenchmarkParse(b *testing.B) {
	p, err := catalog.Parse([]byte(feedLine))
	if err != nil {
		b.Fatal(err)
	}
	for name, line := range map[string][]byte{"feed": []byte(feedLine), "canonical": p.AppendJSON(nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				if _, err := catalog.Parse(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	p, err := catalog.Parse([]byte(feedLine))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = p.AppendJSON(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkContentHash(b *testing.B) {
	p, err := catalog.Parse([]byte(feedLine))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = p.ContentHash()
	}
}
