package config

import "github.com/caarlos0/env/v11"

// WantsTraces says whether the standard variables of OpenTelemetry name a receiver of traces and do not switch them off. Everything else about traces
// they tell its library directly. list has the form of os.Environ.
func WantsTraces(list []string) bool {
	environ := env.ToMap(list)
	named := environ["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] != ""
	return named && environ["OTEL_SDK_DISABLED"] != "true" && environ["OTEL_TRACES_EXPORTER"] != "none"
}
