package telemetry

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// settings are what the OTEL_* variables say.
type settings struct {
	traces, metrics signal
	content         bool   // capture what was asked and answered
	parent          string // TRACEPARENT: the span of who called the program
}

// signal says where traces, or metrics, go. A nil url: nowhere.
type signal struct {
	url     *url.URL
	headers map[string]string
	timeout time.Duration // of one upload
	gzip    bool
}

// readSettings reads the environment as the specification of the OTLP exporter has it.
// Nil settings: no telemetry is asked for. Errors: a value that means nothing,
// named by its variable; values, which may hold keys, are not repeated.
func readSettings(getenv func(string) string) (*settings, error) {
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	if strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	s := &settings{parent: get("TRACEPARENT")}
	s.content = strings.EqualFold(get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"), "true")
	var err error
	if s.traces, err = readSignal(get, "TRACES"); err != nil {
		return nil, err
	}
	if s.metrics, err = readSignal(get, "METRICS"); err != nil {
		return nil, err
	}
	if s.traces.url == nil && s.metrics.url == nil {
		return nil, nil
	}
	return s, nil
}

func readSignal(get func(string) string, name string) (signal, error) {
	// one is the signal's own variable, or the one for all.
	one := func(key string) (value, variable string) {
		for _, variable := range []string{"OTEL_EXPORTER_OTLP_" + name + "_" + key, "OTEL_EXPORTER_OTLP_" + key} {
			if v := get(variable); v != "" {
				return v, variable
			}
		}
		return "", ""
	}
	endpoint, variable := one("ENDPOINT")
	if endpoint == "" || get("OTEL_"+name+"_EXPORTER") == "none" {
		return signal{}, nil
	}
	if e := get("OTEL_" + name + "_EXPORTER"); e != "" && e != "otlp" {
		return signal{}, fmt.Errorf("OTEL_%s_EXPORTER must be otlp or none", name)
	}
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return signal{}, fmt.Errorf("%s is not an http:// or https:// address; expected something like http://localhost:4318", variable)
	}
	if variable == "OTEL_EXPORTER_OTLP_ENDPOINT" {
		u = u.JoinPath("v1", strings.ToLower(name))
	} else if u.Path == "" {
		u.Path = "/"
	}
	s := signal{url: u, headers: map[string]string{}, timeout: 10 * time.Second}
	if p, variable := one("PROTOCOL"); p != "" && p != "http/protobuf" {
		return signal{}, fmt.Errorf("%s must be http/protobuf", variable)
	}
	switch c, variable := one("COMPRESSION"); c {
	case "", "none":
	case "gzip":
		s.gzip = true
	default:
		return signal{}, fmt.Errorf("%s is not gzip or none", variable)
	}
	if text, variable := one("TIMEOUT"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms <= 0 {
			return signal{}, fmt.Errorf("%s is not a number of milliseconds", variable)
		}
		s.timeout = time.Duration(ms) * time.Millisecond
	}
	list, variable := one("HEADERS")
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, "=")
		v, err := url.PathUnescape(strings.TrimSpace(v))
		if k = strings.TrimSpace(k); !ok || k == "" || err != nil || strings.ContainsAny(k+v, "\r\n") {
			return signal{}, fmt.Errorf("%s is not a list of name=value,name=value", variable)
		}
		s.headers[k] = v
	}
	return s, nil
}
