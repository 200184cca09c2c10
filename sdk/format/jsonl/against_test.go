package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format"
)

// The tests of this file compare with encoding/json. It differs on purpose in:
//   - lists that a later member of the same name replaces: there elements of
//     the first show through where the second leaves them out;
//   - times: here they are instants in UTC, and one that a column cannot hold
//     is an error;
//   - a byte order mark, a line of white space, and "\n" as white space within
//     a value: rows are lines.

// fresh is a list that forgets what an earlier member of its name held.
type fresh[E any] []E

func (f *fresh[E]) UnmarshalJSON(text []byte) error {
	var s []E
	err := json.Unmarshal(text, &s)
	*f = s
	return err
}

// color reads and writes itself as text, temperature as JSON.
type color uint8

func (c *color) UnmarshalText(text []byte) error {
	for i, name := range []string{"red", "green", "blue"} {
		if string(text) == name {
			*c = color(i)
			return nil
		}
	}
	return fmt.Errorf("no color is called %q", text)
}

func (c color) MarshalText() ([]byte, error) {
	return []byte([]string{"red", "green", "blue"}[c%3]), nil
}

type temperature struct{ Degrees float64 }

func (t *temperature) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		t.Degrees = -273.15
		return nil
	}
	return json.Unmarshal(bytes.Trim(text, `"°`), &t.Degrees)
}

func (t temperature) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "\"%v°\"\n", t.Degrees), nil
}

type Place struct {
	City string `json:"city,omitempty"`
	Zip  int32
}

type inner struct {
	A int8       `json:"a"`
	P *float64   `json:"p"`
	L []string   `json:"l"`
	T time.Time  `json:"t"`
	D *Place     `json:"d"`
	M []*bool    `json:"m"`
	N [][]uint16 `json:"n"`
	S []struct{ X *int }
}

// innerFresh is inner with lists that are fresh.
type innerFresh struct {
	A int8            `json:"a"`
	P *float64        `json:"p"`
	L fresh[string]   `json:"l"`
	T time.Time       `json:"t"`
	D *Place          `json:"d"`
	M fresh[*bool]    `json:"m"`
	N fresh[[]uint16] `json:"n"`
	S fresh[struct{ X *int }]
}

// all has every kind of field; I is the type of its inner struct, B and L
// those of its bytes and list.
type all[I, B, L any] struct {
	Place
	Bool    bool
	Int     int     `json:"int"`
	I8      int8    `json:"i8"`
	I16     int16   `json:"i16"`
	I32     int32   `json:"i32,omitempty"`
	I64     int64   `json:"i64"`
	U       uint    `json:"u"`
	U8      uint8   `json:"u8"`
	U16     uint16  `json:"u16"`
	U32     uint32  `json:"u32"`
	U64     uint64  `json:"u64"`
	F32     float32 `json:"f32"`
	F64     float64 `json:"f64"`
	String  string  `json:"string"`
	STRING  string  `json:"STRING"`
	Kelvin  string  `json:"kelvin"`
	Bytes   B       `json:"bytes"`
	Time    time.Time
	Color   color
	Heat    temperature
	Inner   I
	Pointer *I `json:"a rather long member name"`
	Maybe   *string
	List    L   `json:"list"`
	Hidden  int `json:"-"`
	//lint:ignore SA5008 encoding/json documents this form for a member called "-"
	Dash int   `json:"-,"`
	Zero Place `json:",omitzero"`
}

type (
	here  = all[inner, []byte, []inner]
	there = all[innerFresh, fresh[byte], fresh[innerFresh]]
)

// parseLines parses lines as a task does that reads them in one window.
func parseLines[T any](t testing.TB, parsers *sync.Pool, lines []byte) ([]T, error) {
	t.Helper()
	piece := format.Piece{Path: "lines", Size: int64(len(lines)), File: bytes.NewReader(lines), Options: graph.ReadOptions{}.WithDefaults()}
	d := newDecoder(piece, parsers)
	defer d.Close()
	var rows []T
	for at := 0; at < len(lines); {
		batch, taken, err := d.Decode(format.Window{Data: lines[at:], Offset: int64(at), Limit: len(lines) - at, Final: true})
		if err != nil {
			return nil, err
		}
		if taken <= 0 {
			t.Fatalf("Decode of the end of %q takes %d bytes", lines, taken)
		}
		at += taken
		if batch == nil {
			continue
		}
		part := make([]T, batch.NumRows())
		typ, err := column.For[T]()
		if err != nil {
			t.Fatal(err)
		}
		if err := column.ScanRows(typ, batch, 0, part); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, part...)
	}
	return rows, nil
}

func parsersOf[T any](t testing.TB, o ReadOptions) *sync.Pool {
	t.Helper()
	typ, err := column.For[T]()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newRowParser(typ, o); err != nil {
		t.Fatal(err)
	}
	return &sync.Pool{New: func() any { p, _ := newRowParser(typ, o); return p }}
}

// settleTimes puts every time in UTC and reports whether columns hold them.
func settleTimes(v reflect.Value) bool {
	ok := true
	switch {
	case v.Type() == timeType:
		t := v.Interface().(time.Time).UTC()
		v.Set(reflect.ValueOf(t))
		return t.IsZero() || !t.Before(minTime) && !t.After(maxTime)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			ok = settleTimes(v.Field(i)) && ok
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return settleTimes(v.Elem())
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			ok = settleTimes(v.Index(i)) && ok
		}
	}
	return ok
}

func shownAsJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("Marshal of %+v: %v", v, err)
	}
	return string(text)
}

// checkAgainst compares what is made of a line here and by encoding/json.
func checkAgainst(t testing.TB, parsers *sync.Pool, line []byte) {
	t.Helper()
	if len(bytes.Trim(line, " \t\r")) == 0 || bytes.HasPrefix(line, []byte(byteOrderMark)) {
		return
	}
	var want there
	wantErr := json.Unmarshal(line, &want)
	held := wantErr == nil && settleTimes(reflect.ValueOf(&want).Elem())
	got, err := parseLines[here](t, parsers, append(bytes.Clone(line), '\n'))
	if (err == nil) != (wantErr == nil && held) {
		t.Fatalf("line %q: error %v, encoding/json gives %v", line, err, wantErr)
	}
	if err != nil {
		return
	}
	if len(got) != 1 {
		t.Fatalf("line %q: %d rows, want 1", line, len(got))
	}
	if got, want := shownAsJSON(t, got[0]), shownAsJSON(t, want); got != want {
		t.Fatalf("line %q gives\n%s, want\n%s", line, got, want)
	}
	checkWritten(t, got[0])
}

// checkWritten compares how a row is written here and by encoding/json.
func checkWritten[T any](t testing.TB, row T) {
	t.Helper()
	var got bytes.Buffer
	if _, err := writeRows(&got, []T{row}, ""); err != nil {
		t.Fatalf("write %+v: %v", row, err)
	}
	if want := linesOf(t, []T{row}); got.String() != string(want) {
		t.Fatalf("row %+v is written as\n%s, want\n%s", row, got.String(), want)
	}
}

var lines = []string{
	`{}`, `null`, ` { } `, `{"int":1}`, `{"int":-0,"u":-0}`, `{"int":-0}`, `{"int":1.0}`, `{"int":1e3}`, `{"int":01}`, `{"int":- 1}`, `{"int":+1}`, `{"int":1}x`, `{"int":1},`,
	`{"i8":127}`, `{"i8":128}`, `{"i8":-128}`, `{"i8":-129}`, `{"u8":255}`, `{"u8":256}`, `{"u8":-1}`, `{"i16":32768}`, `{"u16":65535}`, `{"i32":2147483647}`, `{"i32":-2147483649}`, `{"u32":4294967296}`,
	`{"i64":9223372036854775807}`, `{"i64":9223372036854775808}`, `{"i64":-9223372036854775808}`, `{"i64":-9223372036854775809}`, `{"u64":18446744073709551615}`, `{"u64":18446744073709551616}`,
	`{"i64":999999999999999999}`, `{"i64":1000000000000000000}`, `{"u64":99999999999999999999999999}`,
	`{"f64":0}`, `{"f64":-0}`, `{"f64":-0.0}`, `{"f64":1e400}`, `{"f64":1e-400}`, `{"f64":1e99999999999999999999}`, `{"f64":0e99999999999999999999}`, `{"f64":0.1}`, `{"f64":123456789012345678901234567890}`,
	`{"f64":9007199254740993}`, `{"f64":9007199254740992e22}`, `{"f64":9007199254740993e22}`, `{"f64":36028797018963967e-22}`, `{"f64":1e22}`, `{"f64":1e23}`, `{"f64":3.0e-5}`, `{"f64":1.}`, `{"f64":.5}`, `{"f64":1e}`, `{"f64":1e+}`, `{"f64":1E+2}`, `{"f64":NaN}`, `{"f64":"1"}`,
	`{"f64":0.000000000000000000000000000000001}`, `{"f64":2.2250738585072011e-308}`, `{"f64":1.7976931348623157e308}`, `{"f64":1.7976931348623159e308}`,
	`{"f32":0.1}`, `{"f32":16777217}`, `{"f32":1e39}`, `{"f32":3.4028235e38}`, `{"f32":3.4028236e38}`, `{"f32":1.17549435e-38}`, `{"f32":16777215e10}`, `{"f32":5e-324}`, `{"f32":7.038531e-26}`,
	`{"Bool":true}`, `{"Bool":false}`, `{"Bool":tru}`, `{"Bool":truex}`, `{"bool":1}`, `{"BOOL":true}`, `{"Bool":t}`, `{"Bool":nul}`, `{"Bool":null}`,
	`{"string":"a\"b\\c\/d\b\f\n\r\t\u00e9\ud83d\ude00\ud800\ude00x\ud83dx"}`, `{"string":"\x"}`, `{"string":"\u12"}`, `{"string":"\u12g4"}`, `{"string":"`, `{"string":"\`, `{"string":"\"`, "{\"string\":\"\x01\"}", "{\"string\":\"a\tb\"}",
	"{\"string\":\"\xff\xc3\xe2\x82\xf0\x9f\x98\x80 1234567\xed\xa0\x80\"}", `{"string":"0123456"}`, `{"string":"01234567"}`, `{"string":"012345678\u0041"}`, `{"string":7}`, `{"string":"` + "\u2028<>&\x7f" + `"}`,
	`{"string":"a","STRING":"b","String":"c","STring":"d"}`, `{"strinG":"e"}`, "{\"\u212aelvin\":\"k\"}", `{"\u006belvin":"k"}`, "{\"\xffint\":1}", `{"int" :1}`, `{"int": 1 , "i8" :2}`, `{"int":1,}`, `{"int":1 "i8":2}`, `{"int"1}`, `{int:1}`, `{"int":}`,
	`{"bytes":"AQID"}`, `{"bytes":"AQI"}`, `{"bytes":"AQI="}`, `{"bytes":"A\u0051ID"}`, `{"bytes":"AQ\nID"}`, `{"bytes":""}`, `{"bytes":null}`, `{"bytes":[]}`, `{"bytes":[1,2,null,255]}`, `{"bytes":[256]}`, `{"bytes":5}`, `{"bytes":"!"}`,
	`{"Time":"2024-02-29T12:30:00Z"}`, `{"Time":"2023-02-29T12:30:00Z"}`, `{"Time":"2024-02-29T12:30:00.123456789+01:30"}`, `{"Time":"2024-02-29T24:00:00Z"}`, `{"Time":"2024-02-29T12:30:60Z"}`, `{"Time":"2024-02-29t12:30:00z"}`,
	`{"Time":"2024-02-29T12:30:00.1234567891Z"}`, `{"Time":"2024-02-29T12:30:00.Z"}`, `{"Time":"2024-02-29T12:30:00,5Z"}`, `{"Time":"2024-02-29T2:30:00Z"}`, `{"Time":"2024-02-29T12:30:00+24:00"}`, `{"Time":"2024-02-29T12:30:00+23:60"}`, `{"Time":"2024-02-29T12:30:00-00:00"}`,
	`{"Time":"0001-01-01T00:00:00Z"}`, `{"Time":"0000-01-31T00:00:00Z"}`, `{"Time":"0000-02-29T00:00:00Z"}`, `{"Time":"9999-12-31T23:59:59Z"}`, `{"Time":"1677-09-21T00:12:43.145224193Z"}`, `{"Time":"1677-09-21T00:12:43.145224192Z"}`, `{"Time":"2262-04-11T23:47:16.854775807Z"}`, `{"Time":"2262-04-11T23:47:16.854775808Z"}`,
	`{"Time":"1900-02-28T23:59:59Z"}`, `{"Time":"2000-02-29T23:59:59.9Z"}`, `{"Time":"2024-02-2\u0039T12:30:00Z"}`, `{"Time":null}`, `{"Time":1}`, `{"Time":""}`, `{"Time":"2024-13-01T00:00:00Z"}`, `{"Time":"2024-00-01T00:00:00Z"}`, `{"Time":"2024-01-00T00:00:00Z"}`,
	`{"Color":"blue"}`, `{"Color":"bl\u0075e"}`, `{"Color":"pink"}`, `{"Color":1}`, `{"Color":null}`, `{"Heat":12.5}`, `{"Heat":"7°"}`, `{"Heat":null}`, `{"Heat":tru}`,
	`{"city":"Rome","Zip":5,"Place":{"Zip":1}}`, `{"Zero":{}}`, `{"Hidden":1,"-":2}`, `{"Inner":{"a":1,"P":2,"l":["x",null],"t":"2024-02-29T12:30:00Z","d":{"Zip":3},"m":[true,null,false],"n":[[1],[],null]}}`,
	`{"Inner":{"a":1},"Inner":{"p":2}}`, `{"a rather long member name":{"a":1},"a rather long member name":{"p":2}}`, `{"a rather long member name":{"a":1},"a rather long member name":null}`, `{"a rather long member namf":{"a":1}}`,
	`{"int":1,"int":2}`, `{"int":1,"int":null}`, `{"Maybe":"x","Maybe":null}`, `{"Maybe":"x","Maybe":"y"}`, `{"list":[{"a":1,"l":["p"]},{},null],"list":[{"p":4}]}`, `{"list":[]}`, `{"list":null}`, `{"list":{}}`, `{"list":[1]}`, `{"list":[{}`, `{"list":[{},]}`, `{"list":[,]}`, `{"list":[{}{}]}`,
	`{"Inner":[]}`, `{"Inner":"x"}`, `{"Inner":{"S":[{"X":1},{"X":null},{}]}}`, `[]`, `1`, `"x"`, `true`, `nulll`, `{`, `{"`, `}`, `{"x":{"y":[1,{"z":null}],"a":"\n"}}`, `{"x":[1,2}`, `{"x":{"y":1]}`, `{"x":01}`, `{"x":-}`, `{"x":"\q"}`, `{"x":truf}`, `{"x":[true,false,null,-1.5e+10,"",{},[]]}`,
	`{"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, `{"x":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`, `{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
	"{\"x\":\"\xff\"}", "{ \t\r\"int\" \t: \r1\t}\r", "{\"int\":1}\v", "\x00", `{"int":1}{"int":2}`, `{"int":1} {}`,
}

func TestAgainstEncodingJSON(t *testing.T) {
	parsers := parsersOf[here](t, ReadOptions{})
	for _, line := range lines {
		checkAgainst(t, parsers, []byte(line))
	}
	// Every truncation of a line with everything, and every byte made another.
	x, s, yes := 1.5, "s", true
	row := here{
		Place: Place{"Bern", 3000}, Bool: true, Int: -1, I64: math.MinInt64, U64: math.MaxUint64, F32: 0.1, F64: 1e-7, String: "a\nb é", Bytes: []byte("\x00\xff"),
		Time: time.Date(2024, 2, 29, 1, 2, 3, 400, time.UTC), Color: 2, Heat: temperature{3}, Maybe: &s,
		Inner: inner{P: &x, L: []string{"", "x"}, D: &Place{Zip: 1}, M: []*bool{nil, &yes}, N: [][]uint16{{1, 2}, nil, {}}},
		List:  []inner{{A: 1}, {A: 2, T: time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)}},
	}
	line := bytes.TrimSuffix(linesOf(t, []here{row}), []byte("\n"))
	checkAgainst(t, parsers, line)
	for n := range line {
		checkAgainst(t, parsers, line[:n])
		for _, c := range []byte("\x00 \"\\{}[],:0-.eé\xff") {
			changed := bytes.Clone(line)
			changed[n] = c
			checkAgainst(t, parsers, changed)
		}
	}
}

func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, line := range lines {
		if len(line) < 1000 {
			f.Add([]byte(line))
		}
	}
	parsers := parsersOf[here](f, ReadOptions{})
	f.Fuzz(func(t *testing.T, line []byte) {
		checkAgainst(t, parsers, bytes.ReplaceAll(line, []byte("\n"), []byte(" ")))
	})
}
