package openai_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// embeddings serves /embeddings; refuse gives a status and a body for what it does
// not take. sizes are those of the requests, in order.
func embeddings(t *testing.T, refuse func([]string) (int, string)) (p *openai.Provider, sizes *[]int) {
	t.Helper()
	sizes = &[]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		var body struct{ Input []string }
		if err := json.Unmarshal(data, &body); err != nil {
			t.Error(err)
		}
		*sizes = append(*sizes, len(body.Input))
		w.Header().Set("Content-Type", "application/json")
		if status, text := refuse(body.Input); status != 0 {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
			return
		}
		var list []string
		for i, text := range body.Input {
			list = append(list, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%s,1]}`, i, strings.TrimPrefix(text, "text ")))
		}
		fmt.Fprintf(w, `{"object":"list","model":"m","data":[%s],"usage":{"prompt_tokens":%d,"total_tokens":%d}}`, strings.Join(list, ","), 2*len(list), 2*len(list))
	}))
	t.Cleanup(s.Close)
	p, err := openai.New(openai.Config{Name: "api", BaseURL: s.URL + "/v1", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	return p, sizes
}

func texts(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("text %d", i)
	}
	return out
}

// APIs that take so many texts in a request, in their words. Each text is embedded,
// in its place, and the size is remembered.
func TestEmbedInSmallerBatches(t *testing.T) {
	for name, tt := range map[string]struct {
		most, status int
		text         string
	}{
		"DashScope (claude-context 177)": {10, 400, `{"error":{"message":"<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than 10.: input.contents","type":"InvalidParameter","code":"InvalidParameter"}}`},
		"DashScope v4":                   {25, 400, `{"error":{"message":"batch size is invalid, it should not be larger than 25.","type":"InvalidParameter"}}`},
		"Cohere":                         {96, 400, `{"message":"invalid request: total number of texts must be at most 96 - received 128"}`},
		"Azure, of old":                  {16, 400, `{"error":{"message":"Too many inputs. The max number of inputs is 16. We hope to increase the number of inputs per request soon.","type":"invalid_request_error"}}`},
		"one at a time":                  {1, 400, `{"error":{"message":"Only one input is supported","code":400}}`},
		"TEI":                            {32, 422, `{"error":"batch size 40 > maximum allowed batch size 32","error_type":"Validation"}`},
		"Zhipu":                          {64, 400, `{"error":{"code":"1214","message":"input\u6570\u7ec4\u6700\u5927\u4e0d\u5f97\u8d85\u8fc764\u6761"}}`},
		"FastAPI":                        {20, 422, `{"detail":[{"loc":["body","input"],"msg":"ensure this value has at most 20 items","type":"value_error.list.max_items"}]}`},
	} {
		p, sizes := embeddings(t, func(in []string) (int, string) {
			if len(in) > tt.most {
				return tt.status, tt.text
			}
			return 0, ""
		})
		for round := range 2 {
			*sizes = nil
			r, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(100)})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for i, v := range r.Vectors {
				if v[0] != float32(i) {
					t.Errorf("%s: the vector of text %d is %v", name, i, v)
					break
				}
			}
			if r.Usage == nil || r.Usage.InputTokens != 200 || r.Route == nil || r.Route.Model != "m" {
				t.Errorf("%s: usage %+v, route %+v", name, r.Usage, r.Route)
			}
			if round == 1 && slices.Max(*sizes) > tt.most {
				t.Errorf("%s: asked again for %d at once", name, slices.Max(*sizes))
			}
		}
	}
}

// An error that is about one text is that text's, and says nothing of how many the
// server takes; one that is about every text is told after few requests.
func TestEmbedRefusedForOneText(t *testing.T) {
	refuses := "text 13"
	p, sizes := embeddings(t, func(in []string) (int, string) {
		if refuses == "" || slices.Contains(in, refuses) {
			return 400, `{"error":{"message":"the input contains invalid characters"}}`
		}
		return 0, ""
	})
	_, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(32)})
	if !errors.Is(err, provider.Invalid) || err.Error() != "api (m): invalid (400): text 14 of 32: the input contains invalid characters" {
		t.Error(err)
	}
	refuses, *sizes = "none", nil
	if _, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(32)}); err != nil || !slices.Equal(*sizes, []int{32}) {
		t.Errorf("%v, in requests of %v", err, *sizes)
	}
	refuses, *sizes = "", nil
	if _, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(32)}); !errors.Is(err, provider.Invalid) || len(*sizes) > 6 {
		t.Errorf("%v, in %d requests", err, len(*sizes))
	}
	*sizes = nil
	if _, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(1)}); err == nil || strings.Contains(err.Error(), "of 1") || len(*sizes) != 1 {
		t.Errorf("%v, in %d requests", err, len(*sizes))
	}
}

// TestEmbedFailsAfterParts: what the parts before a failure used comes with it.
func TestEmbedFailsAfterParts(t *testing.T) {
	asked := 0
	p, _ := embeddings(t, func(in []string) (int, string) {
		switch asked++; {
		case len(in) > 16:
			return 400, `{"error":{"message":"too many inputs"}}`
		case asked > 2:
			return 429, `{"error":{"message":"slow down"}}`
		}
		return 0, ""
	})
	r, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(32)})
	if !errors.Is(err, provider.RateLimited) || r.Vectors != nil || r.Route == nil || r.Usage == nil || r.Usage.InputTokens != 32 {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = p.Embed(t.Context(), provider.EmbedRequest{Input: texts(1)})
	if !errors.Is(err, provider.RateLimited) || r.Usage != nil || r.Route != nil {
		t.Errorf("nothing was answered: %+v, %v", r, err)
	}
}

// Other failures are no reason to ask in smaller parts.
func TestEmbedFailsAtOnce(t *testing.T) {
	for _, status := range []int{401, 404, 429, 503} {
		p, sizes := embeddings(t, func([]string) (int, string) {
			return status, `{"error":{"message":"The model m does not exist","code":"model_not_found"}}`
		})
		if _, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(8)}); err == nil || len(*sizes) != 1 {
			t.Errorf("%d: %v, in %d requests", status, err, len(*sizes))
		}
	}
}

// A carrier has one answer: the call is not split, whatever the server took before,
// and its refusal says nothing of other calls.
func TestEmbedCarriedAsksOnce(t *testing.T) {
	most := 32
	p, sizes := embeddings(t, func(in []string) (int, string) {
		if len(in) > most {
			return 400, `{"error":{"message":"too many inputs"}}`
		}
		return 0, ""
	})
	carried := func(n, status int, body string) (asked []int, err error) {
		_, err = p.Embed(httpx.WithCarrier(t.Context(), func(req *http.Request) (*http.Response, error) {
			var got struct{ Input []string }
			if err := json.NewDecoder(req.Body).Decode(&got); err != nil {
				t.Error(err)
			}
			asked = append(asked, len(got.Input))
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
				Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
			}, nil
		}), provider.EmbedRequest{Input: texts(n)})
		return asked, err
	}
	asked, err := carried(3, 400, `{"error":{"message":"no"}}`)
	if !errors.Is(err, provider.Invalid) || !slices.Equal(asked, []int{3}) {
		t.Errorf("%v, in requests of %v", err, asked)
	}
	if _, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(8)}); err != nil || !slices.Equal(*sizes, []int{8}) {
		t.Errorf("after a refusal that was carried: %v, in requests of %v", err, *sizes)
	}
	most = 1
	if _, err := p.Embed(t.Context(), provider.EmbedRequest{Input: texts(2)}); err != nil {
		t.Fatal(err)
	}
	two := `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[1]},{"object":"embedding","index":1,"embedding":[2]}]}`
	if asked, err := carried(2, 200, two); err != nil || !slices.Equal(asked, []int{2}) {
		t.Errorf("after a server that takes one: %v, in requests of %v", err, asked)
	}
}
