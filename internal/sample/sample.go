// Package sample makes realistic products for the demo, tests and benchmarks.
package sample

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/brianvoe/gofakeit/v7"

	"fullsync/internal/catalog"
)

// variant is one size of a product.
type variant struct {
	Size    string `json:"size"`
	Barcode string `json:"barcode"`
	Stock   int    `json:"stock"`
}

// Products yields n products in ascending order of id, about 540 bytes each. The same seed gives the same products.
func Products(n int, seed uint64) iter.Seq[catalog.Product] {
	return func(yield func(catalog.Product) bool) {
		fake := gofakeit.New(seed)
		for i := range n {
			p, err := catalog.Parse(line(fake, i+1))
			if err != nil {
				panic(fmt.Sprintf("sample product %d: %v", i+1, err)) // the generator broke the catalog's rules
			}
			if !yield(p) {
				return
			}
		}
	}
}

// Batches yields the same products in batches of up to size.
func Batches(n, size int, seed uint64) iter.Seq[[]catalog.Product] {
	return func(yield func([]catalog.Product) bool) {
		batch := make([]catalog.Product, 0, size)
		for p := range Products(n, seed) {
			if batch = append(batch, p); len(batch) == size {
				if !yield(batch) {
					return
				}
				batch = make([]catalog.Product, 0, size)
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

func line(fake *gofakeit.Faker, number int) []byte {
	name := fake.ProductName()
	text, err := json.Marshal(map[string]any{
		"id": fmt.Sprintf("P-%07d", number), "sku": fmt.Sprintf("SKU-%s-%d", fake.LetterN(3), number),
		"name": name, "price": fmt.Sprintf("%.2f", fake.Price(1, 900)), "currency": "EUR", "active": number%50 != 0,
		"barcode": fake.DigitN(13), "category": fake.ProductCategory(), "material": fake.ProductMaterial(),
		"tags":   []string{fake.ProductFeature(), fake.ProductFeature(), fake.Color()},
		"images": []string{fmt.Sprintf("https://images.example/%d/front.jpg", number), fmt.Sprintf("https://images.example/%d/back.jpg", number)},
		"variants": []variant{
			{Size: "S", Barcode: fake.DigitN(13), Stock: fake.IntN(200)}, {Size: "M", Barcode: fake.DigitN(13), Stock: fake.IntN(200)},
			{Size: "L", Barcode: fake.DigitN(13), Stock: fake.IntN(200)},
		},
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return text
}
