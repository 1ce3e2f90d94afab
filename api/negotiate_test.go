package api

import "testing"

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"":                             identity,
		"gzip":                         codingGzip,
		"GZIP":                         codingGzip,
		"zstd":                         codingZstd,
		"gzip, zstd":                   codingZstd,
		"zstd,gzip":                    codingZstd,
		"gzip, deflate, br":            codingGzip,
		"deflate, br":                  identity,
		"gzip;q=0":                     identity,
		"gzip;q=0, zstd;q=0":           identity,
		"gzip;q=0.9, zstd;q=0.5":       codingGzip,
		"gzip ; q = 0.5 , zstd;Q=0.6":  codingZstd,
		"identity, gzip;q=0.5":         identity,
		"identity;q=0.5, gzip":         codingGzip,
		"identity;q=0":                 identity,
		"*":                            codingGzip,
		"*;q=0":                        identity,
		"*, gzip;q=0":                  identity,
		"zstd;q=0, *":                  codingGzip,
		"gzip;q=2":                     identity,
		"gzip;q=-1":                    identity,
		"gzip;q=NaN":                   identity,
		"gzip;q=rubbish, zstd;q=0.001": codingZstd,
		"gzip;level=9":                 identity,
		";;;,,,=":                      identity,
	} {
		if got := negotiate(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
