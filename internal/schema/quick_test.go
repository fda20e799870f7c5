package schema
import ("testing";"fmt")
func TestQuick(t *testing.T){
 for _, raw := range []string{
 `{"type":"object","properties":{"b":{"type":"string","pattern":"^\\d{3}-\\w+$"},"a":{"const":3,"description":"x"}},"required":["b"]}`,
 `{"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer","minimum":0},"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"]}},"$ref":"#/$defs/n"}`,
 `{"$defs":{"a":{"type":"object","properties":{"x":{"type":"string"}},"required":["x"]}},"allOf":[{"$ref":"#/$defs/a"},{"properties":{"y":{"type":"integer","exclusiveMinimum":1.5}},"required":["y"]}]}`,
 `{"type":"object","properties":{"kind":{"type":"string"}},"oneOf":[{"properties":{"kind":{"const":"a"},"n":{"type":"integer"}},"required":["kind","n"]},{"properties":{"kind":{"const":"b"}},"required":["kind"]}]}`,
 `{"type":"object","properties":{"x":{"type":"string","nullable":true},"e":{"type":["string","null"],"enum":["a",null,3]}},"additionalProperties":false}`,
 `{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"minItems":3,"items":{"type":"boolean"}}`,
 `{"$ref":"http://x.y/z"}`,`{"$ref":"#/$defs/q"}`,`{"type":"strin"}`,`{"type":"string","pattern":"(?=a)"}`,`{"$ref":"#"}`, `{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}}}}`,
 `{"a":1,"a":2}`, `{"type":"object","properties":{"a":{},"b":true,"c":false},"required":["d"]}`,
 } {
  s, err := Compile([]byte(raw))
  if err != nil { fmt.Println("ERR", err); continue}
  l, err := s.Lower(); fmt.Println(string(l), err)
  l, err = s.Strict(); fmt.Println("   strict", string(l), err)
  fmt.Println("   ", s.Check([]byte(`{"b":"x","kind":3}`)))
 }
}
func BenchmarkCompile(b *testing.B){ for b.Loop(){ s,_ := Compile([]byte(`{"type":"object","properties":{"b":{"type":"string","pattern":"^\\d{3}-\\w+$"},"a":{"const":3,"description":"x"}},"required":["b"]}`)); s.Lower() }}
