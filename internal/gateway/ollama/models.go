package ollama

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// details are those of a model. Clients drop a list in which one is missing.
type details struct {
	ParentModel       string   `json:"parent_model"`
	Format            string   `json:"format"`
	Family            string   `json:"family"`
	Families          []string `json:"families"`
	ParameterSize     string   `json:"parameter_size"`
	QuantizationLevel string   `json:"quantization_level"`
	ContextLength     int      `json:"context_length,omitempty"` // as the model is used here
}

func detailsOf(e exchange.Entry) details {
	m := e.Model
	return details{Format: "gguf", Family: m.Family, Families: []string{m.Family}, ParameterSize: m.Params, QuantizationLevel: m.Quant, ContextLength: e.Window}
}

// nameOf is the name of a model as Ollama writes names: always with a tag.
func nameOf(e exchange.Entry) string {
	if strings.Contains(path.Base(e.ID), ":") {
		return e.ID
	}
	return e.ID + ":latest"
}

// tag is a model in the list.
type tag struct {
	Name         string                `json:"name"`
	Model        string                `json:"model"`
	RemoteHost   string                `json:"remote_host,omitempty"`
	ModifiedAt   time.Time             `json:"modified_at"`
	Size         int64                 `json:"size"`
	Digest       string                `json:"digest"`
	Details      details               `json:"details"`
	Capabilities []provider.Capability `json:"capabilities"`
}

// tags lists the models.
func (a *API) tags(w http.ResponseWriter, r *http.Request) {
	list := []tag{}
	for _, e := range a.x.Models(r.Context()) {
		list = append(list, tag{
			Name: nameOf(e), Model: nameOf(e), RemoteHost: e.Model.Remote, ModifiedAt: e.Model.Modified, Size: e.Model.Size,
			Digest: e.Model.Digest, Details: detailsOf(e), Capabilities: capabilities(e.Model),
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
}

// capabilities are what a model can do. Of one that does not tell, it is what every
// server of chats takes: a refusal is an error that says so, and clients offer no tools
// where this does not name them.
func capabilities(m provider.Model) []provider.Capability {
	if m.Capabilities != nil {
		return m.Capabilities
	}
	return []provider.Capability{provider.CanChat, provider.CanTools}
}

// process is a model in memory.
type process struct {
	Name          string    `json:"name"`
	Model         string    `json:"model"`
	Size          int64     `json:"size"`
	Digest        string    `json:"digest"`
	Details       details   `json:"details"`
	ExpiresAt     time.Time `json:"expires_at"`
	SizeVRAM      int64     `json:"size_vram"`
	ContextLength int       `json:"context_length"`
}

// running lists the models that are in memory.
func (a *API) running(w http.ResponseWriter, r *http.Request) {
	list := []process{}
	for _, e := range a.x.Running(r.Context()) {
		list = append(list, process{
			Name: nameOf(e), Model: nameOf(e), Size: e.Running.Size, Digest: e.Model.Digest, Details: detailsOf(e),
			ExpiresAt: e.Running.Expires, SizeVRAM: e.Running.SizeVRAM, ContextLength: e.Running.Context,
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
}

// shown is what /api/show says of a model.
type shown struct {
	License      string                `json:"license,omitempty"`
	Modelfile    string                `json:"modelfile"`
	Parameters   string                `json:"parameters,omitempty"`
	Template     string                `json:"template"`
	System       string                `json:"system,omitempty"`
	Details      details               `json:"details"`
	RemoteHost   string                `json:"remote_host,omitempty"`
	ModelInfo    map[string]any        `json:"model_info"`
	Tensors      []tensor              `json:"tensors,omitempty"`
	Capabilities []provider.Capability `json:"capabilities"`
	ModifiedAt   time.Time             `json:"modified_at"`
}

type tensor struct {
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	Shape []uint64 `json:"shape"`
}

// ShowParams are the parameters of /api/show.
var ShowParams = exchange.Params{
	{Name: "model", Class: exchange.Honoured},
	{Name: "name", Class: exchange.Honoured, Note: "what older clients call model"},
	{Name: "verbose", Class: exchange.Honoured, Note: "with the tensors"},
	{Name: "system", Class: exchange.Harmless},
	{Name: "template", Class: exchange.Harmless},
	{Name: "options", Class: exchange.Harmless},
}

// show describes a model, with the window that it has as it is used here.
func (a *API) show(w http.ResponseWriter, r *http.Request) {
	_, b, err := exchange.ReadBody(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	o := b.Object()
	name, verbose := modelName(o), o.True("verbose")
	if name == "" {
		o.Missing("model", "")
	}
	if err := b.Err(); err != nil {
		a.fail(w, err)
		return
	}
	if _, err := ShowParams.Check(o, exchange.Strict(r)); err != nil {
		a.fail(w, err)
		return
	}
	e, err := a.x.Find(r.Context(), name)
	if err != nil {
		a.fail(w, err)
		return
	}
	info := a.x.Inspect(r.Context(), &e)
	writeJSON(w, http.StatusOK, showOf(e, info, verbose))
}

func showOf(e exchange.Entry, info provider.ModelInfo, verbose bool) shown {
	s := shown{
		License: info.License, Modelfile: "FROM " + nameOf(e) + "\n", Template: cmp.Or(info.Template, "{{ .Prompt }}"), System: info.System,
		Parameters: parameters(info.Parameters, e.Window), Details: detailsOf(e), RemoteHost: e.Model.Remote,
		ModelInfo: modelInfo(e, info), Capabilities: info.Capabilities, ModifiedAt: e.Model.Modified,
	}
	if s.Capabilities == nil {
		s.Capabilities = capabilities(e.Model)
	}
	if verbose {
		for _, t := range info.Tensors {
			s.Tensors = append(s.Tensors, tensor(t))
		}
	}
	return s
}

// parameters are a model's defaults, a line each, with the window as it is here.
func parameters(lines string, window int) string {
	var out []string
	for line := range strings.Lines(lines) {
		line = strings.TrimRight(line, "\r\n \t")
		if name, _, _ := strings.Cut(line, " "); line != "" && (name != "num_ctx" || window == 0) {
			out = append(out, line)
		}
	}
	if window > 0 {
		out = append(out, fmt.Sprintf("%-30s %d", "num_ctx", window))
	}
	return strings.Join(out, "\n")
}

// modelInfo is the model's metadata, with what clients read of it: the architecture, the
// window as it is here, and a name.
func modelInfo(e exchange.Entry, info provider.ModelInfo) map[string]any {
	out := maps.Clone(info.Metadata)
	if out == nil {
		out = map[string]any{}
	}
	arch, _ := out["general.architecture"].(string)
	if arch == "" {
		arch = e.Model.Family
		out["general.architecture"] = arch
	}
	if e.Window > 0 {
		out[arch+".context_length"] = e.Window
	}
	for _, name := range slices.Sorted(maps.Keys(out)) { // of a vision model, its parts say what they were made for
		if n, ok := out[name].(float64); ok && e.Window > 0 && strings.HasSuffix(name, ".context_length") && int(n) > e.Window {
			out[name] = e.Window
		}
	}
	if base, _ := out["general.basename"].(string); base == "" {
		name, _, _ := strings.Cut(path.Base(e.ID), ":")
		out["general.basename"] = name
	}
	return out
}
