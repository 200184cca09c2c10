package jsonl

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

type sale struct {
	Price  float64 `json:"price"`
	Count  int8    `json:"count"`
	Units  uint16
	Name   string
	Paid   bool
	Photo  []byte
	Tags   []string
	Color  color
	Shop   struct{ Zip int }
	Orders []struct{ Item *struct{ N int } }
}

func TestErrors(t *testing.T) {
	long := strings.Repeat("x", 100)
	for line, want := range map[string]string{
		`{"price": "abc"}`:                   `:11: member "price": "abc" is not a number (float64), at offset 15`,
		`{"price":tru}`:                      `:10: member "price": found "t" where a value should stand, at offset 14`,
		`{"price":true}`:                     `:10: member "price": true is not a number (float64), at offset 14`,
		`{"price":1.}`:                       `:10: member "price": a number is not one of JSON, at offset 14`,
		`{"price":1e999}`:                    `:10: member "price": 1e999 is outside the range of float64, at offset 14`,
		`{"count":300}`:                      `:10: member "count": 300 is outside the range of int8, at offset 14`,
		`{"count":1.5}`:                      `:10: member "count": 1.5 is not a whole number (int8), at offset 14`,
		`{"count":[1]}`:                      `:10: member "count": an array is not a whole number (int8), at offset 14`,
		`{"Units":-1}`:                       `:10: member "Units": -1 is outside the range of uint16, at offset 14`,
		`{"Name":7}`:                         `:9: member "Name": 7 is not a string (string), at offset 13`,
		`{"Name":{}}`:                        `:9: member "Name": an object is not a string (string), at offset 13`,
		`{"Name":"a\q"}`:                     `:11: member "Name": an escape in a string is not one of JSON, at offset 15`,
		"{\"Name\":\"a\tb\"}":                `:11: member "Name": the control character 0x09 in a string is not escaped, at offset 15`,
		`{"Name":"a`:                         `:11: member "Name": the line ends within a string: each row is one line, at offset 15`,
		`{"Paid":1}`:                         `:9: member "Paid": 1 is not true or false (bool), at offset 13`,
		`{"Photo":"%"}`:                      `:10: member "Photo": "%" is not a string of base64 ([]byte), at offset 14`,
		`{"Photo":{}}`:                       `:10: member "Photo": an object is not a string of base64 ([]byte), at offset 14`,
		`{"Tags":["a",5]}`:                   `:14: member "Tags[1]": 5 is not a string (string), at offset 18`,
		`{"Tags":"a"}`:                       `:9: member "Tags": "a" is not an array ([]string), at offset 13`,
		`{"Color":"pink"}`:                   `:10: member "Color": "pink" is not a jsonl.color: no color is called "pink", at offset 14`,
		`{"Shop":{"Zip":"x"}}`:               `:16: member "Shop.Zip": "x" is not a whole number (int), at offset 20`,
		`{"Shop":[]}`:                        `:9: member "Shop": an array is not an object (struct { Zip int }), at offset 13`,
		`{"Orders":[{},{"Item":{"N":"x"}}]}`: `:28: member "Orders[1].Item.N": "x" is not a whole number (int), at offset 32`,
		`{"price":"` + long + `"}`:           `:10: member "price": "` + long[:59] + `... is not a number (float64), at offset 14`,
		"{\"price\":\"\xff\"}":               `:10: member "price": "` + "\ufffd" + `" is not a number (float64), at offset 14`,
		`[]`:                                 `:1: an array is not an object (jsonl.sale), at offset 5`,
		`{"price":1 "count":2}`:              `:12: found "\"" where "," or "}" should stand, at offset 16`,
		`{"price":1,}`:                       `:12: found "}" where the name of a member should stand, at offset 16`,
		`{"price" 1}`:                        `:10: found "1" where ":" should stand, at offset 14`,
		`{"price":1`:                         `:11: the line ends where "," or "}" should stand: each row is one line, at offset 15`,
		`{"price":`:                          `:10: member "price": the line ends where a value should stand: each row is one line, at offset 14`,
		`{`:                                  `:2: the line ends where the name of a member should stand: each row is one line, at offset 6`,
		`{} {}`:                              `:4: found "{" where the end of the line should stand, at offset 8`,
		`é`:                                  `:1: found "é" where a value should stand, at offset 5`,
		`{"x":` + strings.Repeat("[", 10_001) + `}`: `:10005: values are nested deeper than 10000, at offset 10009`,
	} {
		for _, ended := range []string{"\n", "\n{}\n", ""} {
			path := file(t, "{}\n \n"+line+ended)
			_, err := readFile[sale](path)
			if err == nil {
				t.Errorf("line %.80q ended by %q: no error, want %q", line, ended, want)
				continue
			}
			if got := err.Error(); got != path+":3"+want {
				t.Errorf("line %.80q ended by %q: error\n%s, want\n%s:3%s", line, ended, got, path, want)
			}
			if kind := fault.KindOf(err); kind != fault.Invalid {
				t.Errorf("line %.80q: error of kind %v, want invalid", line, kind)
			}
		}
	}
}

func TestStrict(t *testing.T) {
	path := file(t, `{"PRICE":1}`+"\n"+`{"price":1,"colour":{"x":1}}`+"\n")
	if rows, err := readFile[sale](path); err != nil || len(rows) != 2 || rows[0].Price != 1 {
		t.Errorf("Read = %v, error %v, want two rows", rows, err)
	}
	_, err := readFile[sale](path, ReadOptions{Strict: true})
	want := path + `:2:12: "colour" is not a member of jsonl.sale, at offset 23`
	if err == nil || err.Error() != want {
		t.Errorf("Read, strict: error %v, want %s", err, want)
	}
	inside := file(t, `{"Shop":{"Zap":1}}`)
	_, err = readFile[sale](inside, ReadOptions{Strict: true})
	want = inside + `:1:10: member "Shop": "Zap" is not a member of struct { Zip int }, at offset 9`
	if err == nil || err.Error() != want {
		t.Errorf("Read, strict: error %v, want %s", err, want)
	}
}

// A line is numbered although the piece that it is in does not begin with the
// file; in compressed files lines and offsets are those of the plain bytes.
func TestErrorsInPieces(t *testing.T) {
	good := strings.Repeat("{\"price\":1}\n\n", 50_000)
	content := good + `{"price":x}` + "\n" + good
	want := fmt.Sprintf(`:100001:10: member "price": found "x" where a value should stand, at offset %d`, len(good)+9)
	path := file(t, content)
	src := Source[sale](path)
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{1, int64(len(good)) / 3, int64(len(good)) - 5, int64(len(good))} {
		piece := splits[0]
		piece.Offset, piece.Length = offset, piece.Size-offset
		r, err := src.Open(t.Context(), piece, graph.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		if err.Error() != path+want {
			t.Errorf("piece from offset %d: error %v, want %s", offset, err, path+want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	path += ".gz"
	if err := os.WriteFile(path, formattest.Compress(t, ".gz", []byte(content)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = readFile[sale](path)
	if want := path + want + " of the decompressed bytes"; err == nil || err.Error() != want {
		t.Errorf("compressed: error %v, want %s", err, want)
	}
}

type Base struct{ ID int }

type Other struct{ ID int }

func TestRefusedTypes(t *testing.T) {
	type ambiguous struct {
		Base
		Other
	}
	type embedded struct{ *Base }
	type quoted struct {
		N int `json:"n,string"`
	}
	type twins struct {
		A int `json:"B"`
		B int
	}
	checkRefused[ambiguous](t, `two fields have the member name "ID"`)
	checkRefused[embedded](t, `field Base is an embedded pointer`)
	checkRefused[[]*quoted](t, `the json option "string" is not supported`)
	checkRefused[twins](t, `two fields have the member name "B"`)
	checkRefused[map[string]int](t, "cannot be stored")
	checkRefused[struct{ F func() }](t, "cannot be stored")
}

func checkRefused[T any](t *testing.T, want string) {
	t.Helper()
	_, writeErr := NewFormat[T]()
	readErr := Source[T]("x").(interface{ Err() error }).Err()
	for doing, err := range map[string]error{"Source": readErr, "NewFormat": writeErr} {
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s[%T]: error %v, want an invalid one with %q", doing, *new(T), err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	if err := Source[sale]("x", ReadOptions{}, ReadOptions{}).(interface{ Err() error }).Err(); err == nil || fault.KindOf(err) != fault.Invalid {
		t.Errorf("Source with two sets of options: error %v, want an invalid one", err)
	}
	if _, err := NewFormat[sale](WriteOptions{}, WriteOptions{}); err == nil || fault.KindOf(err) != fault.Invalid {
		t.Errorf("NewFormat with two sets of options: error %v, want an invalid one", err)
	}
	if _, err := NewFormat[sale](WriteOptions{Compression: "lzma"}); err == nil || fault.KindOf(err) != fault.Invalid {
		t.Errorf("NewFormat with an unknown compression: error %v, want an invalid one", err)
	}
}
