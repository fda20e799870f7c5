package metrics

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A server that calls its models what it likes makes no series without bound.
func TestNamesAreBounded(t *testing.T) {
	n, seen := newNames(), map[[2]string]bool{}
	for i := range 3 * mostNames {
		name, model := n.model("house", fmt.Sprint("m", i))
		seen[[2]string{name, model}] = true
	}
	for i := range 3 * mostNames {
		name, model := n.model(fmt.Sprint("p", i), strings.Repeat("long", 1000))
		seen[[2]string{name, model}] = true
	}
	if len(seen) > 2*mostNames+2 {
		t.Errorf("%d series", len(seen))
	}
	if name, model := n.model("house", "m0"); name != "house" || model != "m0" {
		t.Errorf("the first is %s/%s", name, model)
	}
	if name, model := n.model("house", "new"); name != "house" || model != others {
		t.Errorf("a new one is %s/%s", name, model)
	}
}

// Whatever a name is, the official parser reads it back.
func TestTextIsRead(t *testing.T) {
	for _, name := range []string{"", "plain", `a"b`, `back\slash`, "two\nlines", "tab\t", "qwen3:8b", "日本語", "{x=\"y\"} 1", "\x00", "\x1b[31m", "half\xff", strings.Repeat("日", 100)} {
		f := &family{kind: histogram, name: "x_seconds", help: "A \"help\" with \\ and\nlines.", labels: []string{"name"}, bounds: []float64{1, 2}}
		for _, v := range []float64{0, 1, 1.5, 2, 1e9} {
			f.observe(v, short(name))
		}
		var b bytes.Buffer
		if err := f.write(&b); err != nil {
			t.Fatal(err)
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Errorf("%q: %v in:\n%s", name, err, b.String())
			continue
		}
		m := families["x_seconds"].GetMetric()
		if len(m) != 1 || families["x_seconds"].GetHelp() != f.help {
			t.Fatalf("%q: %v", name, families)
		}
		got := ""
		for _, l := range m[0].GetLabel() {
			got = l.GetValue()
		}
		h := m[0].GetHistogram()
		counts := []uint64{}
		for _, bucket := range h.GetBucket() {
			counts = append(counts, bucket.GetCumulativeCount())
		}
		if got != short(name) || fmt.Sprint(counts) != "[2 4 5]" || h.GetSampleCount() != 5 || h.GetSampleSum() != 1e9+4.5 {
			t.Errorf("%q: %q, %v", name, got, h)
		}
	}
}

// A counter only rises.
func TestCounterRises(t *testing.T) {
	f := &family{kind: counter, name: "x_total", help: "x"}
	for _, v := range []float64{1, -1, math.NaN(), 2} {
		f.add(v)
	}
	if got := f.series[key{}].sum; got != 3 {
		t.Errorf("%v", got)
	}
}
