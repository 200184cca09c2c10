package peer

import (
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

func TestParse(t *testing.T) {
	got, err := Parse("a=10.0.0.1:7444, b=node-2:7444,c=[2001:db8::1]:7444")
	want := []Peer{{"a", "10.0.0.1:7444"}, {"b", "node-2:7444"}, {"c", "[2001:db8::1]:7444"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Parse = %v, %v, want %v", got, err, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", `"" has no name`},
		{"one", "a=h:1", "1 coordinators: name 3"},
		{"two", "a=h:1,b=h:2", "with two, the end of either is the end of both"},
		{"four", "a=h:1,b=h:2,c=h:3,d=h:4", "4 coordinators: name 3"},
		{"no name", "a=h:1,h:2,c=h:3", `"h:2" has no name: write name=host:port`},
		{"an empty name", "a=h:1,=h:2,c=h:3", `"" is no name`},
		{"an odd name", "a=h:1,b/b=h:2,c=h:3", `"b/b" is no name`},
		{"a long name", "a=h:1," + strings.Repeat("b", 101) + "=h:2,c=h:3", "is no name"},
		{"a name twice", "a=h:1,a=h:2,c=h:3", "a=h:2: the name or the address is that of another one too"},
		{"an address twice", "a=h:1,b=h:1,c=h:3", "b=h:1: the name or the address is that of another one too"},
		{"no port", "a=h,b=h:2,c=h:3", `"h" is no address of coordinator a that others reach: write`},
		{"a free port", "a=h:0,b=h:2,c=h:3", `"h:0" is no address`},
		{"a port too large", "a=h:65536,b=h:2,c=h:3", `"h:65536" is no address`},
		{"no host", "a=:1,b=h:2,c=h:3", `":1" is no address`},
		{"a long address", "a=" + strings.Repeat("h", 260) + ":1,b=h:2,c=h:3", "is no address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.text)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse(%q) = %v of kind %v, want an invalid one that says %q", tt.text, err, fault.KindOf(err), tt.want)
			}
		})
	}
}
