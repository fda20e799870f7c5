package chain

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/output"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// parser reads what makes a value of the answer: a word, or a mapping of the
// word to the parser's options.
func (f *fileReader) parser(d *yamlx.Decoder, m yamlx.Map, s *Step) {
	n := m.Value("parse")
	if n == nil {
		return
	}
	word, o := n.Value, output.Options{}
	if n.Kind == yaml.MappingNode {
		keys, _ := d.Mapping(n, "a parser", output.Names())
		if len(keys.Keys()) != 1 {
			if len(n.Content) != 2 { // else it is an unknown key, which has been told
				m.Fail("parse", "expected one parser", "the parsers are "+strings.Join(output.Names(), ", "))
			}
			return
		}
		word = keys.Keys()[0]
		o = parserOptions(d, keys, word)
	}
	if n.Kind == yaml.SequenceNode || !slices.Contains(output.Names(), word) {
		m.Fail("parse", "unknown parser "+diag.Quote(word), diag.Suggest(word, output.Names()))
		return
	}
	if d.Err() != nil {
		return
	}
	p, err := output.New(word, o)
	if err != nil {
		m.Fail("parse", err.Error(), "")
		return
	}
	s.Parse = p
}

func parserOptions(d *yamlx.Decoder, m yamlx.Map, word string) (o output.Options) {
	n := m.Value(word)
	mapping := func(keys ...string) (yamlx.Map, bool) {
		if n.Kind != yaml.MappingNode {
			return yamlx.Map{}, false
		}
		return d.Mapping(n, "the parser's options", keys)
	}
	switch word {
	case "enum":
		o.Values = m.Strings(word)
	case "xml":
		o.Tags = m.Strings(word)
	case "datetime":
		o.Layout = m.String(word)
	case "bool":
		if keys, ok := mapping("true", "false"); ok {
			o.True, o.False = keys.String("true"), keys.String("false")
		}
	case "regex":
		if keys, ok := mapping("pattern", "keys", "default"); ok {
			o.Pattern, o.Keys, o.Default = keys.String("pattern"), keys.Strings("keys"), keys.String("default")
		} else {
			o.Pattern = m.String(word)
		}
	case "schema":
		o.Schema = yamlx.JSON(n)
	default:
		m.Fail(word, "the parser "+word+" has no options", "write `parse: "+word+"`")
	}
	return o
}
