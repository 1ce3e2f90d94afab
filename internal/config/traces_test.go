package config

import "testing"

func TestTracesAreOffUnlessAReceiverIsNamed(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, c := range []struct {
		environ []string
		want    bool
	}{
		{nil, false},
		{[]string{endpoint + "=http://collector:4318"}, true},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4318/v1/traces"}, true},
		{[]string{endpoint + "=http://collector:4318", "OTEL_SDK_DISABLED=true"}, false},
		{[]string{endpoint + "=http://collector:4318", "OTEL_TRACES_EXPORTER=none"}, false},
	} {
		if got := WantsTraces(c.environ); got != c.want {
			t.Errorf("%v: %v", c.environ, got)
		}
	}
}
