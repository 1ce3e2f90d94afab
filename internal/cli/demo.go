package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"fullsync/internal/app"
	"fullsync/internal/auth"
	"fullsync/internal/catalog"
	"fullsync/internal/config"
	"fullsync/internal/peer"
	"fullsync/internal/plural"
	"fullsync/internal/sample"
	"fullsync/internal/user"
)

// The demo's two nodes.
const (
	demoMain   = "main"
	demoBranch = "branch"
	demoTTL    = 24 * time.Hour
)

func newDemo(io IO) *cobra.Command {
	var products, rate int
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run two nodes on this machine, ready to pull, push, watch and cancel",
		Long: "Run two nodes in one process on temporary SQLite files: branch with realistic products, and main, empty, with\n" +
			"branch registered as its peer. It prints the address of the admin page, and curl commands to pull, watch, cancel and\n" +
			"push. Ctrl-C stops both and removes the files.",
		Args: usage(cobra.NoArgs),
	}
	cmd.Flags().IntVar(&products, "products", 1067, "number of products at branch")
	cmd.Flags().IntVar(&rate, "rate", 50, "most products per second, 0 for no limit")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of main; branch listens on the next port")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if products < 0 || rate < 0 {
			return &usageError{errors.New("--products and --rate must not be negative")}
		}
		next, err := nextPort(listen)
		if err != nil {
			return &usageError{err}
		}
		return runDemo(cmd.Context(), io, demo{products: products, rate: rate, main: listen, branch: next})
	}
	return cmd
}

// nextPort returns the address one port up. Port 0 stays 0, so that the system chooses.
func nextPort(listen string) (string, error) {
	host, text, err := net.SplitHostPort(listen)
	port, convErr := strconv.Atoi(text)
	if err != nil || convErr != nil || port < 0 || port > 65534 {
		return "", fmt.Errorf("--listen must be an address and port such as 127.0.0.1:8080, not %q", listen)
	}
	if port > 0 {
		port++
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// demo is what to show.
type demo struct {
	products, rate int
	main, branch   string
}

func runDemo(ctx context.Context, io IO, d demo) (err error) {
	defer func(ctx context.Context) {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // Ctrl-C during the preparations ends the demo like any other Ctrl-C
		}
	}(ctx)
	dir, err := os.MkdirTemp("", "fullsync-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	branch, log, err := demoNode(ctx, io, map[string]string{
		"FULLSYNC_NODE_ID": demoBranch, "FULLSYNC_NODE_NAME": "Branch", "FULLSYNC_LISTEN": d.branch,
		"FULLSYNC_DATA_DIR": filepath.Join(dir, demoBranch),
	})
	if err != nil {
		return err
	}
	main, _, err := demoNode(ctx, io, map[string]string{
		"FULLSYNC_NODE_ID": demoMain, "FULLSYNC_NODE_NAME": "Main", "FULLSYNC_LISTEN": d.main,
		"FULLSYNC_DATA_DIR": filepath.Join(dir, demoMain), "FULLSYNC_MAX_PRODUCTS_PER_SECOND": strconv.Itoa(d.rate),
	})
	if err != nil {
		return errors.Join(err, branch.Stop(context.WithoutCancel(ctx)))
	}
	for batch := range sample.Batches(d.products, catalog.MaxBatchProducts, 1) {
		if _, err := branch.Store.Import(ctx, catalog.Default, demoBranch, batch); err != nil {
			return errors.Join(err, branch.Stop(context.WithoutCancel(ctx)), main.Stop(context.WithoutCancel(ctx)))
		}
	}
	introduced := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = runNodes(ctx, log, func() {
		if err := introduce(ctx, io, d, main, branch); err != nil {
			introduced <- err
			cancel()
		}
	}, branch, main)
	select {
	case failed := <-introduced:
		return errors.Join(failed, err)
	default:
		return err
	}
}

// demoNode builds a node with the given settings. From the environment it takes only the settings for the log and for
// browsers of other origins.
func demoNode(ctx context.Context, io IO, set map[string]string) (*app.App, *slog.Logger, error) {
	environ := config.Environ(io.Environ)
	set["FULLSYNC_LOG_LEVEL"] = "warn"
	for _, name := range []string{"FULLSYNC_LOG_LEVEL", "FULLSYNC_LOG_FORMAT", "FULLSYNC_CORS_ORIGINS"} {
		if value := environ[name]; value != "" {
			set[name] = value
		}
	}
	cfg, log, err := load(set, nil, io.Err)
	if err != nil {
		return nil, nil, err
	}
	a, err := app.New(ctx, cfg, log)
	return a, log, err
}

// introduce registers branch at main, which may push to it, and prints what is running and what to try.
func introduce(ctx context.Context, io IO, d demo, main, branch *app.App) error {
	token, err := branch.Token(demoMain, auth.RoleNodePush, demoTTL)
	if err != nil {
		return err
	}
	password, err := main.Users.First(ctx)
	if err != nil {
		return err
	}
	admin, err := main.Token("demo", auth.RoleAdmin, demoTTL)
	if err != nil {
		return err
	}
	mainURL, branchURL := reachable(main.URL()), reachable(branch.URL())
	_, err = main.Peers.Add(ctx, peer.New{NodeID: demoBranch, NodeName: "Branch", URL: branchURL, Token: token, IsActive: true})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(io.Out, demoText, branchURL, plural.Of(d.products, "product"), mainURL, speed(d), mainURL, user.FirstName, password, mainURL, admin, mainURL)
	return err
}

// reachable returns an address at which this machine reaches a node, even one that listens on all addresses.
func reachable(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}

// speed says how fast the demo's sync is and how long it takes.
func speed(d demo) string {
	if d.rate == 0 {
		return "at full speed"
	}
	return fmt.Sprintf("at %s per second at most, so that a sync takes about %d s", plural.Of(d.rate, "product"), (d.products+d.rate-1)/d.rate)
}

// demoText is for pasting: everything from the two exports on works as it is.
const demoText = `Two nodes are running in this process, on temporary SQLite files:

  branch  %s  with %s
  main    %s  empty; it knows branch as its peer, and syncs %s

Open %s/console/ in a browser, and sign in as %s with the password %s

Or paste this into another terminal:

export FULLSYNC_URL=%s
export FULLSYNC_TOKEN=%s

# Start: pull the whole catalog of branch
curl -sS "$FULLSYNC_URL/api/admin/sync/full-sync" -H "Authorization: Bearer $FULLSYNC_TOKEN" -H 'Content-Type: application/json' -d '{"action": "pull", "targetPeer": "branch"}'

# Watch: repeat as you like
curl -sS "$FULLSYNC_URL/api/admin/sync/full-sync/status" -H "Authorization: Bearer $FULLSYNC_TOKEN"

# Cancel: the session that runs now
SESSION_ID=$(curl -sS "$FULLSYNC_URL/api/admin/sync/full-sync/status" -H "Authorization: Bearer $FULLSYNC_TOKEN" | grep -o '"sessionId": *"[^"]*"' | head -n 1 | cut -d '"' -f 4)
curl -sS "$FULLSYNC_URL/api/admin/sync/full-sync/cancel" -H "Authorization: Bearer $FULLSYNC_TOKEN" -H 'Content-Type: application/json' -d "{\"sessionId\": \"$SESSION_ID\", \"reason\": \"trying it out\"}"

# Push: the other way round, send what main has to branch
curl -sS "$FULLSYNC_URL/api/admin/sync/full-sync" -H "Authorization: Bearer $FULLSYNC_TOKEN" -H 'Content-Type: application/json' -d '{"action": "push", "targetPeer": "branch"}'

# The API, with a page to try it: %s/docs
# Ctrl-C here stops both nodes and removes their files.
`
