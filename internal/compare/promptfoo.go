package compare

import (
	"errors"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/check"
	"github.com/tandem-llm/tandem/internal/table"
)

type Promptfoo struct{ Chains []*chain.Chain }
type Configured struct{ Name, Kind, Endpoint string }

func ReadPromptfoo(string) (*Promptfoo, error)                      { return nil, errors.New("x") }
func (p *Promptfoo) Variants([]Configured, bool) ([]Variant, error) { return nil, nil }
func (p *Promptfoo) Checks(check.Options) ([]*check.Check, error)   { return nil, nil }
func (p *Promptfoo) Columns() []string                              { return nil }
func (p *Promptfoo) Rows() []table.Row                              { return nil }
