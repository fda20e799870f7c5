package apierror_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tandem-llm/tandem/internal/apierror"
)

const sky = "The sky is not supported."

func TestSentenceIsFoundInEveryShape(t *testing.T) {
	for by, tc := range map[string]struct{ body, want string }{
		"OpenAI":                            {`{"error":{"message":"` + sky + `","type":"x","param":null,"code":null}}`, sky},
		"a param that is an object":         {`{"error":{"message":"` + sky + `","type":"x","param":{"sky":1},"code":null}}`, sky},
		"a code that is a number or text":   {`{"error":{"message":"` + sky + `","code":400.0,"type":7}}`, sky},
		"Ollama: a text":                    {`{"error":"` + sky + `"}`, sky},
		"Gemini: a list":                    {`[{"error":{"code":400,"message":"` + sky + `","status":"INVALID_ARGUMENT"}}]`, sky},
		"FastAPI: detail":                   {`{"detail":"` + sky + `"}`, sky},
		"FastAPI: an object":                {`{"detail":{"message":"` + sky + `"}}`, sky},
		"LiteLLM: detail.error":             {`{"detail":{"error":"` + sky + `"}}`, sky},
		"FastAPI: a list":                   {`{"detail":[{"type":"value_error","loc":["body","sky"],"msg":"` + sky + `","input":1}]}`, "sky: " + sky},
		"FastAPI: two":                      {`{"detail":[{"loc":["body","a"],"msg":"Bad."},{"loc":["body","b"],"msg":"Bad."}]}`, "a: Bad.; b: Bad."},
		"Mistral: message.detail":           {`{"object":"error","message":{"detail":[{"type":"value_error","loc":["body","sky"],"msg":"` + sky + `"}]},"type":"invalid_request_error","param":null,"code":null}`, "sky: " + sky},
		"Mistral: both (php-mistral#76)":    {`{"object":"Error","detail":[{"loc":["body","sky"],"msg":"` + sky + `"}],"message":[{"loc":["body","sky"],"msg":"` + sky + `"}],"code":3001}`, "sky: " + sky},
		"Cloudflare":                        {`{"success":false,"result":{},"errors":[{"code":5006,"message":"` + sky + `"}],"messages":[]}`, sky},
		"errors: texts":                     {`{"errors":["` + sky + `"]}`, sky},
		"errors: by member":                 {`{"errors":{"sky":["` + sky + `"]},"title":"One or more validation errors occurred.","status":400}`, "One or more validation errors occurred."},
		"errors: by member, alone":          {`{"errors":{"sky":["` + sky + `"],"sea":"Too blue."}}`, "sea: Too blue.; sky: " + sky},
		"an event":                          {"event: error\ndata: {\"message\":\"" + sky + "\"}\n\n", sky},
		"an event, and the end":             {"data: {\"error\":{\"message\":\"" + sky + "\"}}\n\ndata: [DONE]\n\n", sky},
		"err":                               {`{"err":"` + sky + `"}`, sky},
		"Clarifai: status":                  {`{"status":{"code":11102,"description":"` + sky + `"}}`, sky},
		"/responses: response.error":        {`{"type":"response.failed","response":{"id":"r","error":{"code":"x","message":"` + sky + `"}}}`, sky},
		"gateways: data.error":              {`{"data":{"error":{"message":"` + sky + `"}}}`, sky},
		"gateways: a list by another name":  {`{"problems":[{"description":"` + sky + `"}]}`, sky},
		"what was sent is not looked into":  {`{"request":{"message":"my prompt"},"input":[{"message":"my prompt"}]}`, "the server gave no reason that can be read (Bad Request)"},
		"message: a list":                   {`{"error":{"message":["` + sky + `"],"code":400}}`, sky},
		"message: an object":                {`{"error":{"message":{"text":"x","message":"` + sky + `"}}}`, sky},
		"message: JSON (command-code#685)":  {`{"error":{"message":"{\"error\":{\"message\":\"` + sky + `\",\"param\":\"response_format\"}}","type":"x"}}`, sky},
		"OpenRouter: a text":                {`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"` + sky + `","provider_name":"Acme"}}}`, "Acme: " + sky},
		"OpenRouter: JSON":                  {`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"` + sky + `\"}}","provider_name":"Acme"}}}`, "Acme: " + sky},
		"OpenRouter: an object":             {`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":{"message":"` + sky + `"}}}}`, sky},
		"OpenRouter: nothing":               {`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"","provider_name":"Acme"}}}`, "Provider returned error"},
		"OpenRouter: in a choice":           {`{"choices":[{"error":{"code":502,"message":"` + sky + `"},"finish_reason":"error"}]}`, sky},
		"vLLM, old":                         {`{"object":"error","message":"` + sky + `","type":"BadRequestError","code":400}`, sky},
		"vLLM: Python's words (#489)":       {`{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {}}]","code":400}`, "stream_options: Extra inputs are not permitted"},
		"vLLM, new: Python's words":         {`{"error":{"message":"1 validation error:\n  {'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required', 'input': {'a': None, 'b': \"it's\"}}\n\n  File \"x.py\", line 1","code":400}}`, "model: Field required"},
		"LiteLLM: Python's words":           {`{"error":{"message":"400: {'error': '` + sky + `'}","type":"None","param":"None","code":400}}`, sky},
		"LiteLLM: JSON behind words":        {`{"error":{"message":"litellm.BadRequestError: OpenAIException - {\"error\":{\"message\":\"` + sky + `\"}}","code":"400"}}`, sky},
		"Apigee":                            {`{"fault":{"faultstring":"` + sky + `","detail":{"errorcode":"steps.x"}}}`, sky},
		"AWS":                               {`{"Message":"` + sky + `"}`, sky},
		"msg":                               {`{"code":1,"msg":"` + sky + `"}`, sky},
		"MiniMax":                           {`{"base_resp":{"status_code":1004,"status_msg":"` + sky + `"}}`, sky},
		"Baidu":                             {`{"error_code":17,"error_msg":"` + sky + `"}`, sky},
		"RFC 9457":                          {`{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"` + sky + `"}`, sky},
		"RFC 9457: a title":                 {`{"type":"about:blank","title":"` + sky + `","status":422}`, sky},
		"Spring":                            {`{"timestamp":1,"status":400,"error":"Bad Request","message":"` + sky + `","path":"/v1"}`, sky},
		"OAuth":                             {`{"error":"invalid_request","error_description":"` + sky + `"}`, sky},
		"error: true":                       {`{"error":true,"message":"` + sky + `"}`, sky},
		"an unlisted name":                  {`{"Failure":{"theErrorText":"` + sky + `"},"failureReason":"` + sky + `"}`, sky},
		"a text of JSON":                    {`"` + sky + `"`, `"` + sky + `"`},
		"plain text":                        {sky, sky},
		"a BOM":                             {"\ufeff" + `{"error":"` + sky + `"}`, sky},
		"a page":                            {"<html><head><title>502 Bad &amp; Gateway</title></head>", `the server sent a web page ("502 Bad & Gateway")`},
		"a page without a title":            {"<!doctype html><p>x", "the server sent a web page"},
		"a page with a heading":             {"<html><body><h1 class=x>No  route</h1>", `the server sent a web page ("No route")`},
		"nothing":                           {" \n", "the server gave no reason (Bad Request)"},
		"an empty object":                   {`{}`, "the server gave no reason that can be read (Bad Request)"},
		"words only":                        {`{"error":{"code":"model_busy","type":"server_error"}}`, "model_busy, server_error"},
		"a sentence with braces":            {`{"error":"expected {\"a\": 1} here"}`, `expected {"a": 1} here`},
		"the prompt as JSON in a sentence":  {`{"error":"cannot read {\"message\": \"my prompt\"}"}`, `cannot read {"message": "my prompt"}`},
		"a list of numbers":                 {`[1,2]`, "the server gave no reason that can be read (Bad Request)"},
		"Groq: the failed text is not told": {`{"error":{"message":"` + sky + `","code":"x","failed_generation":"secret words"}}`, sky},
	} {
		t.Run(by, func(t *testing.T) {
			e := apierror.Parse([]byte(tc.body))
			if got := e.Sentence(400); got != tc.want {
				t.Errorf("%s reads %q, want %q", tc.body, got, tc.want)
			}
		})
	}
}

func TestWhatTheBodyTellsBesides(t *testing.T) {
	e := apierror.Parse([]byte(`[{"error":{"code":429,"message":"Wait.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x","reason":"RATE_LIMIT_EXCEEDED"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}]`))
	if e.Status != 429 || e.RetryAfter != 34500*time.Millisecond || strings.Join(e.Words, " ") != "resource_exhausted rate_limit_exceeded" {
		t.Errorf("got %+v", e)
	}
	e = apierror.Parse([]byte(`{"error":{"message":"m","param":"max_tokens","code":"400"}}`))
	if e.Status != 400 || e.Param != "max_tokens" || len(e.Words) != 0 {
		t.Errorf("got %+v", e)
	}
	if e = apierror.Parse([]byte(`{"error":{"code":1113,"message":"m"}}`)); e.Status != 0 {
		t.Errorf("got %+v, and 1113 is no HTTP status", e)
	}
}

func TestInBandErrors(t *testing.T) {
	for document, want := range map[string]bool{
		`{"error":{"message":"m"}}`:                                                   true,
		`{"error":"m"}`:                                                               true,
		`[{"error":{"code":503,"message":"m"}}]`:                                      true,
		`{"object":"error","message":"m"}`:                                            true,
		`{"object":"Error","message":[{"loc":["body"],"msg":"m"}]}`:                   true,
		`{"code":429,"message":"m","details":"RESOURCE_EXHAUSTED"}`:                   true,
		`{"status":500,"message":"m"}`:                                                true,
		`{"type":"overloaded_error","message":"m"}`:                                   true,
		`{"code":400,"detail":"m"}`:                                                   true,
		`{"base_resp":{"status_code":1004,"status_msg":"m"}}`:                         true,
		`{"choices":null,"base_resp":{"status_code":1004,"status_msg":"m"}}`:          true,
		`{"choices":[{"error":{"message":"m"}}]}`:                                     true,
		`{"choices":[],"error":{"message":"m"}}`:                                      true,
		`{"choices":[{"delta":{"error":"m"}}]}`:                                       true,
		`{"choices":[{"message":{"content":"x","error":null}}]}`:                      false,
		`{"choices":[{"delta":{"content":"\"error\""}}],"error":null}`:                false,
		`{"choices":[{"delta":{"content":"the \"error\" of {\"error\":1}"}}]}`:        false,
		`{"choices":[{"delta":{}}],"base_resp":{"status_code":0,"status_msg":""}}`:    false,
		`{"choices":[{"message":{"content":"x"}}],"error":""}`:                        false,
		`{"model":"m","message":{"role":"assistant","content":"error"},"done":false}`: false,
		`{"status":"processing","message":"queued"}`:                                  false,
		`{"type":"ping"}`:              false,
		`{"error":false,"choices":[]}`: false,
		`{"object":"chat.completion.chunk","usage":{"total_tokens":3},"message":"m"}`: false,
		`{"message":"hello","code":0}`: false,
		`[]`:                           false,
		`not JSON "error"`:             false,
	} {
		if got := apierror.InBand([]byte(document)); got != want {
			t.Errorf("%s is taken for an error: %v", document, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, list := range servers {
		for _, s := range list {
			f.Add([]byte(s.body))
		}
	}
	f.Add([]byte(strings.Repeat("[", 5000)))
	f.Add([]byte(`{"error":` + strings.Repeat(`"{'error': (((((`, 100)))
	f.Fuzz(func(t *testing.T, body []byte) {
		e := apierror.Parse(body)
		if strings.TrimSpace(e.Sentence(400)) == "" && utf8.Valid(body) {
			t.Errorf("nothing is shown of %q", body)
		}
		if e.Kind(400) == "" {
			t.Errorf("%q has no kind", body)
		}
		apierror.InBand(body)
		e.Refuses(400, "stream_options")
	})
}
