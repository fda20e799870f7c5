package chain

import (
	"maps"
	"slices"

	"github.com/tandem-llm/tandem/provider"
)

// settings returns what s sets, sharing no memory with it.
func (s *Step) settings() provider.Request {
	return provider.Request{
		Use:         slices.Clone(s.Use),
		Model:       s.Model,
		Temperature: clone(s.Temperature),
		TopP:        clone(s.TopP),
		Seed:        clone(s.Seed),
		MaxTokens:   clone(s.MaxTokens),
		Stop:        slices.Clone(s.Stop),
		Think:       s.Think,
		Privacy:     s.Privacy,
		Options:     maps.Clone(s.Options),
	}
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// overlay returns the settings own over the defaults d, with the stricter
// privacy of both.
func overlay(d provider.Request, own *provider.Request) provider.Request {
	if len(own.Use) > 0 {
		d.Use, d.Model = own.Use, ""
	}
	if own.Model != "" {
		d.Model = own.Model
	}
	over(&d.Temperature, own.Temperature)
	over(&d.TopP, own.TopP)
	over(&d.Seed, own.Seed)
	over(&d.MaxTokens, own.MaxTokens)
	if own.Stop != nil {
		d.Stop = own.Stop
	}
	if own.Think != provider.ThinkDefault {
		d.Think = own.Think
	}
	if len(own.Options) > 0 {
		d.Options = mergeOptions(d.Options, own.Options)
	}
	d.Privacy = stricter(d.Privacy, own.Privacy)
	return d
}

func mergeOptions(under, over map[string]any) map[string]any {
	all := maps.Clone(under)
	if all == nil {
		return over
	}
	maps.Copy(all, over)
	return all
}

func over[T any](dst **T, own *T) {
	if own != nil {
		*dst = own
	}
}

func stricter(a, b provider.Privacy) provider.Privacy {
	if a == provider.PrivacyLocal || b == provider.PrivacyLocal {
		return provider.PrivacyLocal
	}
	return a
}
