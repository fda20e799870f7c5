package telemetry_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A key that is in a file is read when its provider is asked, which is after
// the span began. What was asked then has it masked all the same.
func TestAKeyReadDuringTheCallIsNotTraced(t *testing.T) {
	const key = `pa"ss'wo\rd/12%34`
	r := newReceiver(t)
	w := newWorld(t, "hosted", "", "")
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(w.args[1])
	if err == nil {
		err = os.WriteFile(w.args[1], bytes.ReplaceAll(config, []byte("env:HOSTED_KEY"), []byte("file:"+path)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
	if code, _, stderr := w.run(t.Context(), "ask", "what is "+key+" for", "-o", "user="+key); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	raw := r.raw.String()
	if !strings.Contains(raw, "what is [redacted] for") {
		t.Error("the prompt is not traced, so that nothing is shown here")
	}
	if strings.Contains(raw, "12%34") || strings.Contains(raw, `pa\"ss`) || strings.Contains(raw, `pa"ss`) {
		t.Error("the collector got the key")
	}
}
