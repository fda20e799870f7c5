package provider

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// Optional abilities. A caller finds them with [As]; a provider has those that
// its server has.

// Embedder turns texts into vectors.
type Embedder interface {
	// Embed returns one vector per input, in order, all of the same length.
	// Errors: as for Chat; a model without embeddings is Unsupported, an input
	// longer than the model's window is ContextOverflow (never cut).
	Embed(ctx context.Context, req EmbedRequest) (EmbedResponse, error)
}

// EmbedRequest asks for one vector per input.
type EmbedRequest struct {
	Model      string   // empty: the provider's default
	Input      []string // at least one, none empty
	Dimensions int      // 0: the model's own; the provider may not support others
	Privacy    Privacy
}

// EmbedResponse has len(Vectors) == len(Input). With an error it has no
// Vectors; its Usage and Route are those of the inputs that the server had
// answered before it failed, which may be charged. Route is nil if there were
// none.
type EmbedResponse struct {
	Vectors [][]float32
	Usage   *Usage
	Route   *Route
}

// Puller downloads models.
type Puller interface {
	// Pull downloads model and yields its progress; the last yield has Done
	// true. Breaking out of the loop stops the download, which resumes there
	// next time.
	Pull(ctx context.Context, model string) iter.Seq2[PullProgress, error]
}

// PullProgress is one report of a download. Total is 0 while unknown.
type PullProgress struct {
	Status    string // the engine's own words, such as "pulling manifest"
	Digest    string // of the layer under way, "" between layers
	Completed int64  // bytes of the layer
	Total     int64  // bytes of the layer
	Done      bool
}

// Inspector tells everything about one model.
type Inspector interface {
	// Inspect describes a model that the server has. Errors: ModelNotFound.
	Inspect(ctx context.Context, model string) (ModelInfo, error)
}

// Runner tells which models are loaded.
type Runner interface {
	// Running lists the loaded models.
	Running(ctx context.Context) ([]RunningModel, error)
}

// Loader loads models ahead of a request.
type Loader interface {
	// Load brings a model into memory and returns when it is loaded.
	Load(ctx context.Context, model string) error
}

// Unloader takes models out of memory.
type Unloader interface {
	// Unload frees the model's memory; one that is not loaded is not an error.
	Unload(ctx context.Context, model string) error
}

// ErrLoading is found by errors.Is in the Unavailable error of a provider whose
// model is still being loaded. The call is not retried, and does not count as a
// failure for the circuit breaker: the same call succeeds later.
var ErrLoading = errors.New("the model is being loaded into memory")

// ErrStale is found by errors.Is in the Unavailable error of a call that was
// sent over a reused connection, which the server closed before it sent any of
// the answer. Most likely the server never read it; a provider does not send it
// again by itself.
var ErrStale = errors.New("the server closed a reused connection without an answer")

// ErrPaused is found by errors.Is in the Unavailable error of a call that was not made,
// because the server is known to take none now, such as by an open circuit breaker: the
// same call may succeed later.
var ErrPaused = errors.New("the server takes no calls now")

// ErrAdapted is found by errors.Is in the Unsupported error of a call whose
// server refused a member that the request did not ask for. The provider omits
// it from now on, so the same request may be retried at once.
var ErrAdapted = errors.New("from now on, the request is sent without what the server refused")

// Counter tells how many tokens a prompt has, before it is sent.
type Counter interface {
	// CountTokens is the size of req's prompt with the model's own chat
	// template around it. exact reports that the engine's own tokenizer
	// counted; else n is an estimate, within 20 % for English and code and
	// mostly high for other languages. It generates and loads nothing. Errors:
	// only ctx's own, and those of a request that Chat would refuse before any
	// call; where the engine cannot be asked, the answer is an estimate.
	CountTokens(ctx context.Context, req Request) (n int, exact bool, err error)
}

// Localer reports whether a provider runs on this machine.
type Localer interface {
	// Local reports whether the server is on this machine, by each address that
	// its name resolves to, and runs its models there.
	Local(ctx context.Context) bool
}

// Versioner tells the server's version.
type Versioner interface {
	// Version is the server's version, such as "0.17.4".
	Version(ctx context.Context) (string, error)
}

// Model is one model that a provider has.
type Model struct {
	Name     string    `json:"name"`
	Provider string    `json:"provider,omitempty"`   // who has it: Name of the provider
	Size     int64     `json:"size_bytes,omitempty"` // on disk
	Digest   string    `json:"digest,omitempty"`
	Family   string    `json:"family,omitempty"`
	Params   string    `json:"parameters,omitempty"`   // such as "134.52M"
	Quant    string    `json:"quantization,omitempty"` // such as "Q4_1"
	Modified time.Time `json:"modified,omitzero"`
	Context  int       `json:"context_length,omitempty"` // tokens, the most the model was made for; 0: unknown
	// Remote is the host that really runs the model, when that is not the
	// server asked. Such a model is not local, whatever the server's address.
	Remote string `json:"remote_host,omitempty"`
	// Capabilities is what the model can do; nil if the server does not report
	// it.
	Capabilities []Capability `json:"capabilities,omitempty"`
}

// Can reports whether the model has the capability, and whether that is known.
func (m Model) Can(c Capability) (can, known bool) {
	for _, have := range m.Capabilities {
		if have == c {
			return true, true
		}
	}
	return false, m.Capabilities != nil
}

// Capability is something that a model can do.
type Capability string

// The capabilities, by the names that Ollama gives them.
const (
	CanChat     Capability = "completion"
	CanTools    Capability = "tools"
	CanVision   Capability = "vision"
	CanThink    Capability = "thinking"
	CanEmbed    Capability = "embedding"
	CanInsert   Capability = "insert"
	CanAudio    Capability = "audio"
	CanGenImage Capability = "image"
)

// Needs lists what a model must be able to do for the request, chatting apart.
func (r *Request) Needs() []Capability {
	var needs []Capability
	if len(r.Tools) > 0 {
		needs = append(needs, CanTools)
	}
	if slices.ContainsFunc(r.Messages, func(m Message) bool { return len(m.Images) > 0 }) {
		needs = append(needs, CanVision)
	}
	if r.Completion != nil && r.Completion.Suffix != "" {
		needs = append(needs, CanInsert)
	}
	if r.Think != ThinkDefault && r.Think != ThinkOff {
		needs = append(needs, CanThink)
	}
	return needs
}

// ModelInfo is what an [Inspector] tells.
type ModelInfo struct {
	Model
	License    string         `json:"license,omitempty"`
	Template   string         `json:"template,omitempty"`
	System     string         `json:"system,omitempty"`
	Parameters string         `json:"default_parameters,omitempty"` // the modelfile's PARAMETER lines
	Metadata   map[string]any `json:"metadata,omitempty"`           // GGUF key-values, as the engine gives them
	Tensors    []Tensor       `json:"-"`                            // the weights; nil: unknown
}

// Tensor is one tensor of a model's weights.
type Tensor struct {
	Name  string
	Type  string   // how its elements are stored, such as "Q4_1"
	Shape []uint64 // the innermost dimension first
}

// RunningModel is a model in memory.
type RunningModel struct {
	Name     string    `json:"name"`
	Digest   string    `json:"digest,omitempty"`
	Size     int64     `json:"size_bytes"`      // in all memory
	SizeVRAM int64     `json:"size_vram_bytes"` // of Size, on the GPU; less than Size: spilled to CPU
	Context  int       `json:"context_length"`
	Expires  time.Time `json:"expires,omitzero"`      // when it will be unloaded
	Remote   string    `json:"remote_host,omitempty"` // as that of Model
}
