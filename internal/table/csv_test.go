package table

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// Records as the csv module of Python 3.11.7 reads them (dialects excel and
// excel-tab), but for empty lines, which its DictReader leaves out.
func TestRecordsAsPython(t *testing.T) {
	for _, tt := range []struct {
		comma byte
		text  string
		want  [][]string
	}{
		{',', "a,b\n1,2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		{',', "a,b\r\n1,2\r\n", [][]string{{"a", "b"}, {"1", "2"}}},
		{',', "a,b\r1,2\r", [][]string{{"a", "b"}, {"1", "2"}}},
		{',', "a,b\n1,2", [][]string{{"a", "b"}, {"1", "2"}}},
		{',', "\n\na,b\n\n\n1,2\n\n", [][]string{{"a", "b"}, {"1", "2"}}},
		{',', "\r\n\r\na\r\n", [][]string{{"a"}}},
		{',', "x \"y\" z,2\n", [][]string{{"x \"y\" z", "2"}}},
		{',', "37°36'37.8\"N,W\n", [][]string{{"37°36'37.8\"N", "W"}}},
		{',', "\"x\" y,2\n", [][]string{{"x y", "2"}}},
		{',', "\"x\"y\"z\",2\n", [][]string{{"xy\"z\"", "2"}}},
		{',', "\"x\"\"y\",2\n", [][]string{{"x\"y", "2"}}},
		{',', "\"\"\"x\"\"\",2\n", [][]string{{"\"x\"", "2"}}},
		{',', "\"\",\"\"\n", [][]string{{"", ""}}},
		{',', "\"\"\n", [][]string{{""}}},
		{',', "\"a\"\n", [][]string{{"a"}}},
		{',', "a,\n", [][]string{{"a", ""}}},
		{',', ",a\n", [][]string{{"", "a"}}},
		{',', ",\n", [][]string{{"", ""}}},
		{',', "\"a\nb\",c\n", [][]string{{"a\nb", "c"}}},
		{',', "\"a\r\nb\",c\r\n", [][]string{{"a\r\nb", "c"}}},
		{',', "\"a\rb\",c\r", [][]string{{"a\rb", "c"}}},
		{',', "\"a,b\",c\n", [][]string{{"a,b", "c"}}},
		{',', " \"a\",b\n", [][]string{{" \"a\"", "b"}}},
		{',', "a, \"b\"\n", [][]string{{"a", " \"b\""}}},
		{',', "a ,b \n", [][]string{{"a ", "b "}}},
		{',', "\"a\" ,b\n", [][]string{{"a ", "b"}}},
		{',', "\"a\"\r\n\"b\"\r\n", [][]string{{"a"}, {"b"}}},
		{',', "a\"\n", [][]string{{"a\""}}},
		{',', "a\"\"b\n", [][]string{{"a\"\"b"}}},
		{',', "\"a\"\"\nb\"\n", [][]string{{"a\"\nb"}}},
		{',', "x\ty \"z\"\n\"q \"\"r\"\"\"\t2\n", [][]string{{"x\ty \"z\""}, {"q \"r\"\t2"}}},
		{'\t', "x\ty \"z\"\n\"q \"\"r\"\"\"\t2\n", [][]string{{"x", "y \"z\""}, {"q \"r\"", "2"}}},
		{',', "\"a\tb\"\tc\n", [][]string{{"a\tb\tc"}}},
		{'\t', "\"a\tb\"\tc\n", [][]string{{"a\tb", "c"}}},
		{',', "a,b\tc\n", [][]string{{"a", "b\tc"}}},
		{'\t', "a,b\tc\n", [][]string{{"a,b", "c"}}},
		{',', "é,\"😀 \"\"ü\"\"\"\n", [][]string{{"é", "😀 \"ü\""}}},
		{',', "a\u000bb,c\f\n", [][]string{{"a\u000bb", "c\f"}}},
		{',', "a\u2028b,c\u0085d\n", [][]string{{"a\u2028b", "c\u0085d"}}},
		{',', "\"a\"b\"c,d\"\ne,f\n", [][]string{{"ab\"c", "d\""}, {"e", "f"}}},
		{',', "   \n", [][]string{{"   "}}},
		{',', "a\n\r\nb\n", [][]string{{"a"}, {"b"}}},
		{',', "a\r\r\nb", [][]string{{"a"}, {"b"}}},
		{',', "\"a\"\n\n\"b\"", [][]string{{"a"}, {"b"}}},
		{',', "a;b\n1;2\n", [][]string{{"a;b"}, {"1;2"}}},
		{',', "'a,b',c\n", [][]string{{"'a", "b'", "c"}}},
		{',', "a\\\"b,c\n", [][]string{{"a\\\"b", "c"}}},
		{',', "\"a\\\",b\n", [][]string{{"a\\", "b"}}},
		{',', "1,\"2\" \"3\",4\n", [][]string{{"1", "2 \"3\"", "4"}}},
		{',', "\"1\" 2,3\n", [][]string{{"1 2", "3"}}},
	} {
		for _, r := range []io.Reader{strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text))} {
			c := newCSV(&source{file: New("f", nil), r: r}, Format{Separator: tt.comma})
			var got [][]string
			record, err := c.record()
			for ; err == nil; record, err = c.record() {
				got = append(got, record)
			}
			if err != io.EOF || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%q: %q, %v; want %q", tt.text, got, err, tt.want)
			}
		}
	}
}

// Columns that no input uses may have no name, or one that others have.
func TestColumnsThatNobodyUses(t *testing.T) {
	for _, tt := range []struct{ file, text, want string }{
		{"a.csv", ",n,t\n0,1,x\n1,2,y\n", ""}, // pandas' to_csv, R's write.csv
		{"a.csv", "n,t,\n1,x,\n2,y,\n", ""},   // a comma too many in each line
		{"a.csv", ",n,,t,\n0,1,,x,\n,2,,y,\n", ""},
		{"a.csv", "\"\",n,t\n0,1,x\n1,2,y\n", ""},
		{"a.csv", "id,n,t,id\n0,1,x,0\n1,2,y,1\n", ""},
		{"a.tsv", "\tn\tt\r\n0\t1\tx\r\n1\t2\ty\r\n", ""},
		{"a.csv", "n,t,t\n1,x,x\n2,y,y\n", `a.csv:1:5: the column "t" appears twice; remove or rename one`},
		{"a.csv", "n,\"t\",\"t \"\n1,x,x\n2,y,y\n", `a.csv:1:7: the column "t" appears twice`},
		{"a.csv", ",n\n0,1\n1,2\n", `a.csv:1: no column for the input "t"; add one, or use -p (the only column is n)`},
		{"a.csv", "x,y\n0,1\n", `a.csv:1: no column for the input "n"; add one, or use -p (the columns are x, y)`},
		{"a.csv", "n,T\n0,1\n", `a.csv:1: no column for the input "t"; rename the column "T", or use -p`},
		{"a.csv", ",\n0,1\n", "a.csv:1: no column has a name; put the column names in the first line"},
		{"a.csv", ",n,t\n1,x\n", "a.csv:2: 2 fields, but there are 3 columns; add the missing fields, which may be empty"},
		{"a.csv", "n\n1,x\n", "a.csv:2:3: 2 fields, but there is 1 column; quote values that contain a comma"},
		{"a.tsv", "n\tt\n1\tx\ty\n", "a.tsv:2:5: 3 fields, but there are 2 columns; quote values that contain a tab"},
		{"a.csv", "n,t\r1,x\r2,y,z\r", "a.csv:3:5: 3 fields, but there are 2 columns"},
		{"a.csv", "n,t\n1,\"x\n2,y\n", `a.csv:2:3: a quoted field is never closed; end it with "`},
	} {
		b, err := Text(tt.file, tt.text).Bind(numbered(t), nil)
		if tt.want != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		var texts []string
		for row, err := range b.Rows() {
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, row.Inputs["t"].(string))
			if _, there := row.Value.(map[string]any)[""]; there {
				t.Errorf("%q: a row has a value without a name", tt.text)
			}
		}
		if strings.Join(texts, "") != "xy" {
			t.Errorf("%q: %q", tt.text, texts)
		}
	}
	if _, err := all(Text("a.csv", "id,t,id\n1,x,2\n")); err == nil || !strings.Contains(err.Error(), `a.csv:1:6: the column "id" appears twice`) {
		t.Errorf("rows that are taken whole: %v", err)
	}
}
