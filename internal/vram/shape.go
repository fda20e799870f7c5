package vram

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// shape is what a model's metadata and tensors say about its memory.
type shape struct {
	weights, weightsMost int64 // bytes
	layers               []layer
	embedding, vocab     int
	heads                int
	sliding              int   // tokens that a sliding layer looks back; 0: none slides
	slidingUnsure        bool  // which layers slide is not told
	wide                 int64 // see width
	embedder             bool  // it makes vectors only, and keeps no cache
	unsure               []string
}

// layer is one layer's cache, in elements per token of the window.
type layer struct {
	cache, least, most int64
	state              int64 // bytes, whatever the window: of recurrent layers
	sliding            bool  // looks back shape.sliding tokens only
}

// meta reads a model's key-values by their names without the architecture.
type meta struct {
	all  map[string]any
	arch string
}

func (m meta) number(name string) (int, bool) {
	switch n := m.all[m.arch+"."+name].(type) {
	case float64:
		return int(n), true
	case int:
		return n, true
	case []any: // one number a layer
		most := 0
		for _, v := range n {
			f, _ := v.(float64)
			most = max(most, int(f))
		}
		return most, most > 0
	}
	return 0, false
}

// at is a layer's own number, where there is one for each.
func (m meta) at(name string, i int) (int, bool) {
	if list, ok := m.all[m.arch+"."+name].([]any); ok {
		if i < len(list) {
			f, ok := list[i].(float64)
			return int(f), ok
		}
		return 0, false // the engine leaves long lists out
	}
	return m.number(name)
}

func shapeOf(info provider.ModelInfo) (shape, error) {
	arch, _ := info.Metadata["general.architecture"].(string)
	m := meta{info.Metadata, arch}
	blocks, ok := m.number("block_count")
	switch {
	case info.Remote != "":
		return shape{}, fmt.Errorf("%s runs it, not this machine", info.Remote)
	case arch == "" || !ok || blocks < 1 || blocks > 4096:
		return shape{}, errors.New("the engine does not report how many layers it has")
	}
	var s shape
	s.embedding, _ = m.number("embedding_length")
	s.heads, _ = m.number("attention.head_count")
	s.vocab, _ = m.number("vocab_size")
	s.sliding, _ = m.number("attention.sliding_window")
	causal, told := m.all[arch+".attention.causal"].(bool)
	s.embedder = told && !causal
	s.layers = make([]layer, blocks)
	t := tensorsOf(info.Tensors)
	s.weigh(info, t)
	s.width(m, t)
	if s.vocab == 0 && len(t.dims["token_embd.weight"]) == 2 {
		s.vocab = int(t.dims["token_embd.weight"][1]) //nolint:gosec // a vocabulary
	}
	for i := range s.layers {
		if err := s.layer(m, t, i); err != nil {
			return shape{}, err
		}
	}
	s.slide(m)
	return s, nil
}

// weigh adds up the weights. Without an output layer of its own a model's
// embedding is held twice where it is on a GPU.
func (s *shape) weigh(info provider.ModelInfo, t tensors) {
	s.weights, s.weightsMost = t.bytes, t.bytes
	if _, own := t.dims["output.weight"]; !own {
		s.weightsMost += t.embedding
	}
	if len(info.Tensors) == 0 || t.unknown != "" || info.Size > t.bytes+t.bytes/10+16<<20 { // a picture reader is a file of its own
		s.weights = info.Size
		s.weightsMost = max(s.weightsMost, info.Size)
		s.unsure = append(s.unsure, "the weights")
	}
}

// layer finds layer i's cache: by the size of its tensors, which is exact, or
// else by the metadata.
func (s *shape) layer(m meta, t tensors, i int) error {
	if s.embedder {
		return nil
	}
	l := &s.layers[i]
	prefix := "blk." + strconv.Itoa(i) + "."
	one := func(n int64) { l.cache, l.least, l.most = n, n, n }
	heads, _ := m.at("attention.head_count", i)
	kv, haveKV := m.at("attention.head_count_kv", i)
	if !haveKV {
		kv = heads
	}
	key, ok := m.number("attention.key_length")
	if !ok && s.heads > 0 {
		key = s.embedding / s.heads
	}
	value, ok := m.number("attention.value_length")
	if !ok {
		value = key
	}
	k, v := t.rows(prefix+"attn_k.weight"), t.rows(prefix+"attn_v.weight")
	latent := t.rows(prefix + "attn_kv_a_mqa.weight")
	switch {
	case latent > 0: // keys and values are kept as one, where the engine can
		l.cache, l.least = latent, latent
		l.most = max(2*latent, int64(heads)*int64(key+value))
		s.doubt("latent attention")
	case k > 0 && v > 0:
		one(k + v)
	case k > 0: // the values are the keys
		l.cache, l.least, l.most = 2*k, k, 2*k
		s.doubt("keys without values")
	case t.has(prefix+"ssm_") || t.has(prefix+"time_mix") || t.has(prefix+"shortconv"):
		l.state = recurrent(m)
		s.doubt("recurrent layers")
	case len(t.dims) > 0 && !t.has(prefix+"attn_qkv"):
		// no attention at all: it keeps nothing
	case kv > 0 && key > 0:
		one(int64(kv) * int64(key+value))
	default:
		return errors.New("the engine does not report how wide its attention is")
	}
	if shared, ok := m.number("attention.shared_kv_layers"); ok && shared > 0 && i >= len(s.layers)-shared {
		l.cache, l.least = 0, 0
		s.doubt("layers that share a cache")
	}
	return nil
}

func (s *shape) doubt(why string) {
	for _, w := range s.unsure {
		if w == why {
			return
		}
	}
	s.unsure = append(s.unsure, why)
}

// recurrent is the state of a recurrent layer, in bytes: it is small.
func recurrent(m meta) int64 {
	conv, _ := m.number("ssm.conv_kernel")
	state, _ := m.number("ssm.state_size")
	inner, _ := m.number("ssm.inner_size")
	groups, _ := m.number("ssm.group_count")
	return 4 * (int64(max(conv-1, 0))*int64(inner+2*groups*state) + int64(state)*int64(inner))
}

// slide marks the layers that look back a little only. Every nth layer looks
// back over the whole window; n is the architecture's own.
func (s *shape) slide(m meta) {
	if s.sliding == 0 {
		return
	}
	s.doubt("sliding windows")
	every := map[string]int{"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gptoss": 2, "gpt-oss": 2, "cohere2": 4}[m.arch]
	pattern, _ := m.all[m.arch+".attention.sliding_window_pattern"].([]any)
	for i := range s.layers {
		switch {
		case i < len(pattern):
			s.layers[i].sliding, _ = pattern[i].(bool)
		case every > 0:
			s.layers[i].sliding = (i+1)%every != 0
		default:
			s.slidingUnsure = true
		}
	}
}

// tensors are a model's, by name.
type tensors struct {
	dims      map[string][]uint64
	names     string // all of them, a line each
	bytes     int64
	embedding int64  // bytes of the token embedding
	unknown   string // a type whose size is not known
}

func tensorsOf(list []provider.Tensor) tensors {
	t := tensors{dims: make(map[string][]uint64, len(list))}
	var names strings.Builder
	for _, x := range list {
		t.dims[x.Name] = x.Shape
		names.WriteString("\n" + x.Name)
		n := 1.0
		for _, d := range x.Shape {
			n *= float64(d)
		}
		per, ok := bitsPerWeight[strings.ToUpper(x.Type)]
		if !ok {
			t.unknown = x.Type
		}
		size := int64(n * per / 8)
		t.bytes += size
		if x.Name == "token_embd.weight" {
			t.embedding = size
		}
	}
	t.names = names.String()
	return t
}

// rows is the outer dimension of a matrix, 0 if there is none of that name.
func (t tensors) rows(name string) int64 {
	if d := t.dims[name]; len(d) == 2 {
		return int64(d[1]) //nolint:gosec // a width
	}
	return 0
}

func (t tensors) has(prefix string) bool { return strings.Contains(t.names, "\n"+prefix) }

func (t tensors) hasPart(part string) bool { return strings.Contains(t.names, part) }

// bitsPerWeight of GGUF's types.
var bitsPerWeight = map[string]float64{
	"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I8": 8, "I16": 16, "I32": 32, "I64": 64,
	"Q4_0": 4.5, "Q4_1": 5, "Q5_0": 5.5, "Q5_1": 6, "Q8_0": 8.5, "Q8_1": 9,
	"Q2_K": 2.625, "Q3_K": 3.4375, "Q4_K": 4.5, "Q5_K": 5.5, "Q6_K": 6.5625, "Q8_K": 9.125,
	"IQ1_S": 1.5625, "IQ1_M": 1.75, "IQ2_XXS": 2.0625, "IQ2_XS": 2.3125, "IQ2_S": 2.5625,
	"IQ3_XXS": 3.0625, "IQ3_S": 3.4375, "IQ4_NL": 4.5, "IQ4_XS": 4.25, "MXFP4": 4.25,
}
