package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fullsync/api/spec"
	"fullsync/internal/config"
	"fullsync/internal/peer"
)

const (
	defaultURL = "http://127.0.0.1:8080"
	// remotePatience is how long one request may take.
	remotePatience = 30 * time.Second
	// maxAnswer and maxTokenFile limit how much of an answer and of a token file is read, in bytes.
	maxAnswer    = 16 << 20
	maxTokenFile = 64 << 10
)

// remote is the API of a running node.
type remote struct {
	api *spec.Client
	url string
}

// bindRemote adds the flags that say which node to call, and returns a function that opens it.
func bindRemote(cmd *cobra.Command, std IO) (open func() (*remote, error)) {
	address := cmd.Flags().String("url", "", "address of the node (FULLSYNC_URL, default "+defaultURL+")")
	tokenFile := cmd.Flags().String("token-file", "", "file with the token to call it with; - is stdin (otherwise FULLSYNC_TOKEN)")
	return func() (*remote, error) {
		environ := config.Environ(std.Environ)
		at, token := environ["FULLSYNC_URL"], environ["FULLSYNC_TOKEN"]
		if *address != "" {
			at = *address
		}
		if at == "" {
			at = defaultURL
		}
		if *tokenFile != "" {
			var err error
			if token, err = readToken(std.In, *tokenFile); err != nil {
				return nil, err
			}
		}
		if token = strings.TrimSpace(token); token == "" {
			return nil, errors.New("no token: set FULLSYNC_TOKEN, or name a file with --token-file (fullsync token --role operator makes one)")
		}
		return newRemote(at, token)
	}
}

// readToken reads a token from a file, or from in for "-".
func readToken(in io.Reader, path string) (string, error) {
	if path != "-" {
		f, err := openFile(path)
		if err != nil {
			return "", err
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxTokenFile))
	return string(text), err
}

func newRemote(address, token string) (*remote, error) {
	at, err := peer.ParseURL(address)
	if err != nil {
		return nil, &usageError{fmt.Errorf("the node's address (--url, FULLSYNC_URL): %s", explain(err))}
	}
	// A redirect could send the token to somebody else.
	client := &http.Client{Timeout: remotePatience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	api, err := spec.NewClient(at, spec.WithHTTPClient(client), spec.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
		req.Header.Set("Authorization", "Bearer "+token)
		return nil
	}))
	return &remote{api: api, url: at}, err
}

// refusal is a node's answer that is not a success.
type refusal struct {
	url    string
	status int
	said   spec.Error
}

// Error returns the node's own sentence.
func (e *refusal) Error() string {
	if e.said.Error == "" {
		return fmt.Sprintf("%s answered with %d %s and not as a fullsync node does; check the address", e.url, e.status, http.StatusText(e.status))
	}
	text := e.said.Error
	if e.said.Message != nil && *e.said.Message != "" {
		text += ": " + *e.said.Message
	}
	if e.said.Details != nil && e.said.Message == nil {
		for _, d := range *e.said.Details {
			text += fmt.Sprintf("; %s %s", d.Field, d.Problem)
		}
	}
	return text
}

// awayError says that a node did not answer.
type awayError struct {
	url string
	err error
}

// Error says why in as few words as possible.
func (e *awayError) Error() string {
	why := e.err
	var request *url.Error
	if errors.As(why, &request) {
		why = request.Err
	}
	var op *net.OpError
	var system *os.SyscallError
	switch {
	case errors.As(why, &system):
		why = system.Err
	case errors.As(why, &op):
		why = op.Err
	}
	if request != nil && request.Timeout() {
		why = errors.New("it did not answer in time")
	}
	return fmt.Sprintf("the node at %s cannot be reached: %v", e.url, why)
}

// passes reports whether a failed request may well succeed in a moment.
func passes(err error) bool {
	var away *awayError
	var refused *refusal
	return errors.As(err, &away) ||
		errors.As(err, &refused) && (refused.status >= http.StatusInternalServerError || refused.status == http.StatusTooManyRequests)
}

// call sends a request and returns the node's answer. It returns an [awayError] if there is none, and a [refusal] if the
// answer is not a success.
func call[T any](r *remote, send func() (*http.Response, error)) (out T, _ error) {
	resp, err := send()
	if err != nil {
		return out, &awayError{r.url, err}
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return out, &awayError{r.url, err}
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	failed := &refusal{url: r.url, status: resp.StatusCode}
	if resp.StatusCode >= http.StatusMultipleChoices || kind != "application/json" {
		_ = json.Unmarshal(body, &failed.said) // if it is no JSON, the status says enough
		return out, failed
	}
	if json.Unmarshal(body, &out) != nil {
		return out, failed
	}
	return out, nil
}
