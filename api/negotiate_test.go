package api

import (
	"testing"

	"fullsync/internal/packing"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                             packing.Identity,
		"gzip":                         packing.Gzip,
		"GZIP":                         packing.Gzip,
		"zstd":                         packing.Zstd,
		"gzip, zstd":                   packing.Zstd,
		"zstd,gzip":                    packing.Zstd,
		"gzip, deflate, br":            packing.Gzip,
		"deflate, br":                  packing.Identity,
		"gzip;q=0":                     packing.Identity,
		"gzip;q=0, zstd;q=0":           packing.Identity,
		"gzip;q=0.9, zstd;q=0.5":       packing.Gzip,
		"gzip ; q = 0.5 , zstd;Q=0.6":  packing.Zstd,
		"identity, gzip;q=0.5":         packing.Identity,
		"identity;q=0.5, gzip":         packing.Gzip,
		"identity;q=0":                 packing.Identity,
		"*":                            packing.Gzip,
		"*;q=0":                        packing.Identity,
		"*, gzip;q=0":                  packing.Identity,
		"zstd;q=0, *":                  packing.Gzip,
		"gzip;q=2":                     packing.Identity,
		"gzip;q=-1":                    packing.Identity,
		"gzip;q=NaN":                   packing.Identity,
		"gzip;q=rubbish, zstd;q=0.001": packing.Zstd,
		"gzip;level=9":                 packing.Identity,
		";;;,,,=":                      packing.Identity,
	} {
		if got := negotiate(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
