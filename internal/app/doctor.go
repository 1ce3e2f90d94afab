package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"fullsync/internal/config"
	"fullsync/internal/fault"
	"fullsync/internal/peer"
	"fullsync/internal/source/node"
	"fullsync/internal/store"
)

// Level says how bad a [Finding] is.
type Level string

// The levels. Only a problem keeps the node from working.
const (
	Good    Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is what an examination says about one part of a node: what it found and, unless that is good, what to do.
type Finding struct {
	Subject string `json:"subject"`
	Level   Level  `json:"level"`
	Text    string `json:"text"`
}

const (
	// expiresSoon is how long before its end a certificate or a token becomes a warning.
	expiresSoon = 14 * 24 * time.Hour
	// littleRoom is how much free space on the disk of the data directory becomes a warning.
	littleRoom = 1 << 30
	// clockTolerance is how far this machine's clock may be from the database's. Tokens are judged by the one, sessions by the other.
	clockTolerance = 5 * time.Second
)

// Examine looks at the configuration, the database, the peers, the clock and the disk of a node, running or not, and changes nothing. starting
// says that the node is about to start: then its addresses must be free, and what a start makes by itself need not be there.
func Examine(ctx context.Context, cfg config.Config, starting bool) []Finding {
	d := &doctor{cfg: cfg, starting: starting}
	d.certificate()
	if starting {
		d.addresses(ctx)
	}
	d.disk()
	d.database(ctx)
	return d.findings
}

type doctor struct {
	cfg      config.Config
	starting bool
	findings []Finding
}

func (d *doctor) say(subject string, level Level, format string, values ...any) {
	d.findings = append(d.findings, Finding{subject, level, fmt.Sprintf(format, values...)})
}

// problem says what an error means.
func (d *doctor) problem(subject string, err error) {
	d.say(subject, Problem, "%s", fault.Sentence(err, err.Error()))
}

func (d *doctor) certificate() {
	if d.cfg.TLSCert == "" {
		return
	}
	c, err := openCertificate(d.cfg.TLSCert, d.cfg.TLSKey, slog.New(slog.DiscardHandler))
	if err != nil {
		d.problem("tls", err)
		return
	}
	d.expiry("tls", "The certificate", "Renew it; the node reads the new files by itself.", c.expires())
}

// expiry says until when something is valid, and what to do when that is soon.
func (d *doctor) expiry(subject, what, do string, until time.Time) {
	day := until.UTC().Format(time.DateOnly)
	switch left := time.Until(until); {
	case left <= 0:
		d.say(subject, Problem, "%s expired on %s. %s", what, day, do)
	case left < expiresSoon:
		d.say(subject, Warning, "%s expires on %s. %s", what, day, do)
	default:
		d.say(subject, Good, "%s is valid until %s.", what, day)
	}
}

// addresses tries to listen where the node is to listen.
func (d *doctor) addresses(ctx context.Context) {
	for _, a := range [][2]string{
		{"FULLSYNC_LISTEN", d.cfg.Listen}, {"FULLSYNC_METRICS_LISTEN", d.cfg.MetricsListen}, {"FULLSYNC_PPROF_LISTEN", d.cfg.PprofListen},
	} {
		if a[1] == "" {
			continue
		}
		open, err := listen(ctx, a[0], a[1])
		if err != nil {
			d.problem("address", err)
			continue
		}
		_ = open.Close()
		d.say("address", Good, "%s is free.", a[1])
	}
}

// disk looks at the data directory, if the node keeps anything there.
func (d *doctor) disk() {
	if d.cfg.DatabaseURL != "" && d.cfg.JWTSecret != "" {
		return
	}
	dir := d.cfg.DataDir
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && d.starting {
		d.say("disk", Good, "The data directory %s is not there yet; the start makes it.", dir)
		return
	}
	switch free, ok := store.FreeBytes(dir); {
	case !ok:
		d.say("disk", Warning, "How much room the disk of %s has is not known; make sure that the directory is there.", dir)
	case free < littleRoom:
		d.say("disk", Warning, "The disk of %s has %d MiB left. Make room; when it is full, syncs wait.", dir, free>>20)
	default:
		d.say("disk", Good, "The disk of %s has %d GiB left.", dir, free>>30)
	}
}

// database opens the database and looks at what it holds.
func (d *doctor) database(ctx context.Context) {
	db, err := OpenExisting(ctx, d.cfg)
	if fault.CodeOf(err) == store.CodeNoDatabase && d.starting {
		d.say("database", Good, "There is none yet; the start makes it.")
		return
	}
	if err != nil {
		d.problem("database", err)
		return
	}
	defer db.Close() //nolint:errcheck // nothing is pending
	if err := db.Ready(ctx); err != nil {
		d.problem("database", err)
		return
	}
	asked := time.Now()
	now, err := db.Now(ctx)
	if err != nil {
		d.problem("database", err)
		return
	}
	took := time.Since(asked)
	d.say("database", Good, "It answers in %.1f ms and takes changes.", took.Seconds()*1000)
	if off := now.Sub(asked.Add(took / 2)).Abs(); off > clockTolerance {
		d.say("clock", Warning, "The clocks of this machine and of the database differ by %.0f s. Let both follow a time server (NTP): "+
			"tokens are judged by the one, sessions by the other.", off.Seconds())
	} else {
		d.say("clock", Good, "The clocks of this machine and of the database agree.")
	}
	switch err := db.CheckSchema(ctx); {
	case err == nil:
		d.say("schema", Good, "It is that of this version.")
		d.node(ctx, db)
	case d.starting && fault.CodeOf(err) != store.CodeBinaryTooOld:
		d.say("schema", Good, "The start brings it up to date.")
	default:
		d.problem("schema", err)
	}
}

// node looks at who the node is, and at its peers.
func (d *doctor) node(ctx context.Context, db *store.Store) {
	id, err := db.NodeID(ctx)
	switch {
	case err != nil:
		d.problem("node", err)
		return
	case id == "":
		d.say("node", Good, "It has not started yet, and has no id.")
		return
	}
	if _, err := NodeID(ctx, d.cfg, db); err != nil {
		d.problem("node", err)
		return
	}
	d.say("node", Good, "Its id is %s.", id)
	if at, err := db.OwnFork(ctx); err == nil && time.Since(at) < peer.ForkShown {
		d.say("history", Problem, "%s", peer.OwnFork)
	}
	if _, err := os.Stat(SecretPath(d.cfg)); d.cfg.JWTSecret == "" && errors.Is(err, fs.ErrNotExist) {
		d.say("secret", Problem, "There is none, neither in FULLSYNC_JWT_SECRET nor in the data directory. Use the one that this node had; "+
			"if it is lost, run fullsync adopt-secret.")
		return
	}
	secret, _, err := Secret(d.cfg)
	if err != nil {
		d.problem("secret", err)
		return
	}
	ring, err := openKeyring(ctx, secret, id, "", db, slog.New(slog.DiscardHandler))
	if err != nil {
		d.problem("secret", err)
		return
	}
	if ring.own == ring.current {
		d.say("secret", Good, "It fits the database.")
	} else {
		d.say("secret", Warning, "It was replaced by another one and retires soon. Put the new one where this one is.")
	}
	d.peers(ctx, peer.NewRegistry(db, ring.sealers, &node.Prober{}, feeds{}, id))
}

// peers asks every peer that is switched on who it is.
func (d *doctor) peers(ctx context.Context, registry *peer.Registry) {
	all, err := registry.List(ctx)
	if err != nil {
		d.problem("peers", err)
		return
	}
	for _, p := range all {
		subject := "peer " + p.NodeID
		if !p.IsActive {
			d.say(subject, Good, "It is switched off.")
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, d.cfg.RequestTimeout)
		found, err := registry.Check(bounded, p.NodeID)
		cancel()
		switch {
		case err != nil:
			d.problem(subject, err)
		case found.Problem != "":
			d.say(subject, Problem, "%s", found.Problem)
		case found.ExpiresAt != nil:
			d.expiry(subject, fmt.Sprintf("It answers in %d ms. Its token (role %s)", found.LatencyMS, found.Role),
				"Make a new one there and give it to the peer here.", *found.ExpiresAt)
		default:
			d.say(subject, Good, "It answers in %d ms.", found.LatencyMS)
		}
	}
}
