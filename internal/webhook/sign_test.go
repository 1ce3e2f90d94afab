package webhook

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"fullsync/internal/fault"
	"fullsync/internal/peer"
)

// TestSignatureOfTheSpecification is the example that the specification and its reference libraries test themselves with.
func TestSignatureOfTheSpecification(t *testing.T) {
	t.Parallel()
	got, err := sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), `{"test": 2432232314}`)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want || err != nil {
		t.Errorf("%s %v, want %s", got, err, want)
	}
}

func TestWhatFollowsFromAnAttempt(t *testing.T) {
	t.Parallel()
	bad := Attempt{Status: 500, Problem: "No."}
	all := time.Duration(0)
	for before := range len(retries) {
		r := decide(bad, before)
		if r.State != Pending || r.Again < retries[before]*9/10 || r.Again > retries[before]*11/10 || r.Disable != "" {
			t.Errorf("after %d: %+v", before+1, r)
		}
		all += retries[before]
	}
	if all < 23*time.Hour || all > 25*time.Hour {
		t.Errorf("a message is repeated for %s", all)
	}
	if r := decide(bad, len(retries)); r.State != Failed || r.Disable != "" {
		t.Errorf("at the end: %+v", r)
	}
	if r := decide(Attempt{Status: 200}, 0); r.State != Delivered {
		t.Errorf("%+v", r)
	}
	if r := decide(Attempt{Status: 410, Problem: "No."}, 0); r.State != Failed || r.Disable == "" {
		t.Errorf("%+v", r)
	}
	if r := decide(Attempt{Status: 429, Problem: "No.", retryAfter: time.Hour}, 0); r.Again != time.Hour {
		t.Errorf("%+v", r)
	}
}

// TestTheReceiverSaysWhenToComeBack, in seconds or as a date by its own clock.
func TestTheReceiverSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	sealer, err := peer.NewSealer([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	w := Webhook{ID: "w"}
	if w.SealedSecret, err = sealer.Seal(SealedAs(w.ID), newSecret()); err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]time.Duration{
		"": 0, "-1": 0, "x": 0, "120": 2 * time.Minute, "99999999": maxRetryAfter, "Wed, 21 Oct 2015 07:28:00 GMT": 0,
		"Wed, 21 Oct 2015 08:38:00 GMT": 10 * time.Minute, "Thu, 22 Oct 2015 07:28:00 GMT": maxRetryAfter,
	} {
		receiver := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Retry-After", header)
			out.Header().Set("Date", "Wed, 21 Oct 2015 08:28:00 GMT")
			out.WriteHeader(http.StatusTooManyRequests)
		}))
		w.URL = receiver.URL
		a := NewCourier(nil, sealer, "test", slog.New(slog.DiscardHandler)).send(t.Context(), w, Delivery{ID: "d", Body: "{}"})
		receiver.Close()
		if a.Status != http.StatusTooManyRequests || a.retryAfter != want {
			t.Errorf("Retry-After %q: %+v", header, a)
		}
	}
}

// TestABusyOrFailingWebhookWaits: few at once, and longer and longer while it fails.
func TestABusyOrFailingWebhookWaits(t *testing.T) {
	t.Parallel()
	c := NewCourier(nil, nil, "", nil)
	for range atOnce {
		if c.enter("a") != 0 {
			t.Fatal("not busy yet")
		}
	}
	if c.enter("a") < queueWait || c.enter("b") != 0 {
		t.Error("a is busy, b is not")
	}
	c.leave("a", true)
	if c.enter("a") != 0 {
		t.Error("there is room again")
	}
	last := time.Duration(0)
	for range 12 {
		c.leave("b", false)
		left := time.Until(c.rests["b"].until)
		if left < last-time.Second || c.enter("b") == 0 {
			t.Errorf("rests %s after %s", left, last)
		}
		c.busy["b"]++
		last = left
	}
	if last > maxRest {
		t.Errorf("rests for %s", last)
	}
	c.leave("b", true)
	if c.enter("b") != 0 {
		t.Error("well again")
	}
}

func TestAddressesOfWebhooks(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://Hooks.example.com": "https://hooks.example.com", "https://hooks.example.com:443/a/?b=c": "https://hooks.example.com/a/?b=c",
		" http://127.0.0.1:9/x ": "http://127.0.0.1:9/x", "https://x/a%2Fb": "https://x/a%2Fb",
	} {
		if got, err := parseURL(given); got != want || err != nil {
			t.Errorf("%q: %q %v", given, got, err)
		}
	}
	for _, given := range []string{"", "ftp://x", "https://", "https://u:p@x", "https://x#y", "http://169.254.169.254/latest", "http://0.0.0.0", "x", "https://x:0"} {
		_, err := parseURL(given)
		if known := (*fault.Error)(nil); !errors.As(err, &known) || known.Kind != fault.Invalid {
			t.Errorf("%q: %v", given, err)
		}
	}
}
