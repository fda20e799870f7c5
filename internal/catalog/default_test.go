package catalog

import (
	"testing"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// The hosted model that the configuration has by default, the one that setup writes and
// the one with a price are the same.
func TestTheDefaultHostedModelIsOne(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	cfg, err := config.Load(config.LoadOptions{UserFile: config.NoFile, NoProject: true, Env: none})
	if err != nil {
		t.Fatal(err)
	}
	byDefault, _ := cfg.Provider(config.OpenAIName)
	preset, _ := FindServer(config.OpenAIName)
	if byDefault.Model != preset.Model || byDefault.BaseURL != preset.BaseURL || string(byDefault.APIKey) != "env:"+preset.Key {
		t.Errorf("the default is %s at %s with %s, the preset %s at %s with %s", byDefault.Model, byDefault.BaseURL, byDefault.APIKey, preset.Model, preset.BaseURL, preset.Key)
	}
	if other, _ := FindServer("openrouter"); other.Model != "openai/"+preset.Model {
		t.Errorf("OpenRouter's is %s", other.Model)
	}
	if p := (ledger.Tariff{Listed: true}).PriceOf(preset.Model, ""); !p.Known {
		t.Errorf("%s has no price", preset.Model)
	}
	local := false
	for _, m := range Models() {
		local = local || m.Tag == config.LocalModel && m.Toy
	}
	if !local {
		t.Errorf("%s is not in the catalogue", config.LocalModel)
	}
}
