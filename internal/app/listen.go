package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"fullsync/internal/fault"
)

// listen opens the address that the variable sets. It returns Unavailable if the address is taken.
func listen(ctx context.Context, variable, address string) (net.Listener, error) {
	open, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "CANNOT_LISTEN", "Cannot listen",
			"Cannot listen on %s: another program may be using it, or it is not an address of this machine. Set "+
				"%s (or --%s) to another one.", address, variable, strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "FULLSYNC_"), "_", "-"))).Because(err)
	}
	return open, nil
}

// side is a small server beside the API, for those who run the node. It ends without waiting for anybody.
type side struct {
	variable, address string
	server            *http.Server
	listen            net.Listener
}

// sides returns the servers that the configuration asks for.
func (a *App) sides() []*side {
	var out []*side
	add := func(variable, address string, handler http.Handler) {
		if address != "" {
			out = append(out, &side{variable: variable, address: address, server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}})
		}
	}
	add("FULLSYNC_METRICS_LISTEN", a.cfg.MetricsListen, a.metrics.Handler())
	add("FULLSYNC_PPROF_LISTEN", a.cfg.PprofListen, profiler())
	return out
}

// profiler serves Go's profiles.
func profiler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// openSides starts the servers beside the API.
func (a *App) openSides(ctx context.Context) (err error) {
	a.beside = a.sides()
	for _, s := range a.beside {
		if s.listen, err = listen(ctx, s.variable, s.address); err != nil {
			return errors.Join(err, a.closeSides())
		}
		go s.server.Serve(s.listen) //nolint:errcheck // it ends when it is closed
		a.log.Info("listening", "for", s.variable, "address", s.listen.Addr().String())
	}
	return nil
}

func (a *App) closeSides() error {
	var errs []error
	for _, s := range a.beside {
		errs = append(errs, s.server.Close())
	}
	return errors.Join(errs...)
}

// Beside returns the address of the server that the variable asks for, "" where there is none.
func (a *App) Beside(variable string) string {
	for _, s := range a.beside {
		if s.variable == variable {
			return s.listen.Addr().String()
		}
	}
	return ""
}
