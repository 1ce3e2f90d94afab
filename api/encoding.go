package api

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"fullsync/internal/packing"
)

// zstdWindow is how far back, in bytes, a compressed page refers; readers must hold as much.
const zstdWindow = 1 << 20

// negotiate returns the coding that an Accept-Encoding header likes best of zstd, gzip and identity, which is what
// remains where it allows nothing else. What it weighs alike is tried in that order; malformed parts do not count.
func negotiate(header string) string {
	weights := map[string]float64{}
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if weight, ok := quality(parameters); ok {
			weights[strings.ToLower(strings.TrimSpace(name))] = weight
		}
	}
	best, bestWeight := packing.Identity, weights[packing.Identity]
	for _, coding := range []string{packing.Gzip, packing.Zstd} {
		weight, named := weights[coding]
		if !named && coding == packing.Gzip {
			weight = weights["*"] // whoever takes anything surely takes gzip
		}
		if weight > 0 && weight >= bestWeight {
			best, bestWeight = coding, weight
		}
	}
	return best
}

// quality reads the weight in the parameters of one part: 1 where there is none.
func quality(parameters string) (weight float64, ok bool) {
	parameters = strings.TrimSpace(parameters)
	if parameters == "" {
		return 1, true
	}
	name, value, found := strings.Cut(parameters, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 0, false
	}
	return parseWeight(value)
}

// parseWeight reads a weight, between 0 and 1.
func parseWeight(text string) (weight float64, ok bool) {
	weight, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	// Written this way round, NaN does not pass.
	return weight, err == nil && weight >= 0 && weight <= 1
}

// encoders keeps compressors for reuse: making one costs more than compressing a page.
type encoders struct{ gzip, zstd sync.Pool }

func newEncoders() *encoders {
	return &encoders{
		gzip: sync.Pool{New: func() any {
			w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
			if err != nil {
				panic(err) // the level is a constant
			}
			return w
		}},
		zstd: sync.Pool{New: func() any {
			w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
				zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow))
			if err != nil {
				panic(err) // the options are constants
			}
			return w
		}},
	}
}

// acquire returns an encoder that writes to w.
func (e *encoders) acquire(coding string, w io.Writer) io.WriteCloser {
	switch coding {
	case packing.Gzip:
		enc := e.gzip.Get().(*gzip.Writer)
		enc.Reset(w)
		return enc
	case packing.Zstd:
		enc := e.zstd.Get().(*zstd.Encoder)
		enc.Reset(w)
		return enc
	}
	return plain{w}
}

// release takes back an encoder that was closed.
func (e *encoders) release(enc io.WriteCloser) {
	switch enc := enc.(type) {
	case *gzip.Writer:
		enc.Reset(io.Discard)
		e.gzip.Put(enc)
	case *zstd.Encoder:
		enc.Reset(nil)
		e.zstd.Put(enc)
	}
}

// plain is the coding that changes nothing.
type plain struct{ io.Writer }

// Close does nothing: the connection is not ours.
func (plain) Close() error { return nil }
