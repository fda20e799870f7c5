package vram

import "fmt"

// Engine is how an Ollama runs models. It decides how many tokens of a prompt
// are read at a time, what memory they need meanwhile, and what /api/ps counts.
type Engine int

const (
	// EngineUnknown is forecast as LlamaServer, within bounds that hold for both.
	EngineUnknown Engine = iota
	// Runner is Ollama's own runner, before version 0.30.
	Runner
	// LlamaServer is llama.cpp's server, from version 0.30 on.
	LlamaServer
)

// EngineOf is the engine of an Ollama of this version. That of a development
// build, 0.0.0, and of no version at all are unknown.
func EngineOf(version string) Engine {
	var major, minor int
	switch n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); {
	case n < 2 || major == 0 && minor == 0:
		return EngineUnknown
	case major == 0 && minor < 30:
		return Runner
	}
	return LlamaServer
}

// batch is how many tokens of a prompt the engine reads at a time, unless
// num_batch says otherwise.
func (s *shape) batch(e Engine, window, parallel int64) int64 {
	switch cells := window * parallel; {
	case e == Runner:
		return 512
	case s.embedder:
		return min(window, 2048)
	case cells > 32768:
		return 2048
	case cells > 4096:
		return 1024
	default:
		return min(cells, 512)
	}
}

// compute is the memory, in bytes, that a batch needs while it is read: the
// likeliest and the most. On llama.cpp's server it was measured for models of
// five shapes, with and without grouped heads, and for an embedding model.
func (s *shape) compute(e Engine, window, parallel int64) (likely, most int64) {
	batch := s.batch(e, window, parallel)
	embedding := int64(s.embedding)
	scores := window * parallel * int64(1+s.heads) // of one token, where attention is not fused
	logits := max(int64(s.vocab), embedding)
	most = 4 * batch * (max(logits, scores, s.wide) + 4*embedding)
	switch {
	case e != Runner:
		// What a layer holds at once, the mask, and one token's logits for each
		// sequence.
		likely = 4*batch*(s.wide+5*embedding) + 2*batch*window + 4*parallel*logits
		if s.embedder {
			likely = 4*batch*(s.wide+2*embedding) + 2*batch*window
		}
	case s.embedder:
		likely = 4 * batch * (window*int64(s.heads) + 5*embedding)
	default:
		likely = 4 * batch * (logits + embedding) // every token's logits
	}
	return likely, max(likely, most)
}

// width sets how many elements of its feed-forward network a layer holds at
// once for a token: of experts, those that are used.
func (s *shape) width(m meta, t tensors) {
	matrices := int64(3) // gate, up, and their product
	if len(t.dims) > 0 && !t.hasPart(".ffn_gate") {
		matrices = 2
	}
	ffn, _ := m.number("feed_forward_length")
	s.wide = matrices * int64(ffn)
	expert, _ := m.number("expert_feed_forward_length")
	used, _ := m.number("expert_used_count")
	s.wide = max(s.wide, int64(used)*max(matrices*int64(expert), 2*int64(s.embedding)))
}
