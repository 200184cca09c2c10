package secure

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

const (
	adaToken = "ada-0123456789-0123456789"
	bobToken = "bob-0123456789-0123456789"
	eveToken = "eve-0123456789-0123456789"
	opsToken = "ops-0123456789-0123456789"
)

func hashed(token string) string {
	hash := sha256.Sum256([]byte(token))
	return hashPrefix + hex.EncodeToString(hash[:])
}

// tokenFile is the token file of the tests.
var tokenFile = "# who may what\n\nada submit " + adaToken + "\n  bob\tread " + hashed(bobToken) + "\r\nops admin " + opsToken

func mustTokens(t testing.TB, text string) *Tokens {
	t.Helper()
	tokens, err := ReadTokens(securetest.File(t, "tokens", text))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestLookup(t *testing.T) {
	tokens := mustTokens(t, tokenFile)
	tests := []struct {
		token, name string
		role        Role
		ok          bool
	}{
		{adaToken, "ada", Submit, true},
		{bobToken, "bob", Read, true},
		{opsToken, "ops", Admin, true},
		{eveToken, "", None, false},
		{hashed(bobToken), "", None, false},
		{"", "", None, false},
		{adaToken[:len(adaToken)-1], "", None, false},
	}
	for _, test := range tests {
		name, role, ok := tokens.Lookup(test.token)
		if name != test.name || role != test.role || ok != test.ok {
			t.Errorf("Lookup(%q) = %q, %v, %v, want %q, %v, %v", test.token, name, role, ok, test.name, test.role, test.ok)
		}
	}
}

func TestReadTokensRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "no token in it"},
		{"comments alone", "# nobody\n", "no token in it"},
		{"two fields", "\nada " + adaToken, "line 2: 2 fields, want 3"},
		{"unknown role", "ada root " + adaToken, "line 1: the second field is no role"},
		{"no role", "ada none " + adaToken, "is no role"},
		{"role and token exchanged", "ada " + adaToken + " read", "is no role"},
		{"short token", "ada read hunter2", "has 7 bytes, want 20 or more"},
		{"long token", "ada read " + strings.Repeat("x", maxTokenBytes+1), "at most 512"},
		{"not ASCII", "ada read " + strings.Repeat("é", 20), "cannot be sent"},
		{"short hash", "ada read " + hashed(adaToken)[:41], "64 hexadecimal digits"},
		{"no hash", "ada read sha256:" + strings.Repeat("z", 64), "64 hexadecimal digits"},
		{"hash of nothing", "ada read " + hashed(""), "that of an empty token"},
		{"hash of a line end", "ada read " + hashed("\n"), "that of an empty token"},
		{"a name twice", "ada read " + adaToken + "\nada read " + bobToken, `line 2: the name "ada" stands in line 1`},
		{"a token twice", "ada read " + adaToken + "\nbob read " + hashed(adaToken), "line 2: the token stands in line 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := securetest.File(t, "tokens", test.text)
			_, err := ReadTokens(path)
			wantError(t, "ReadTokens", err, test.want)
			if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "0123456789") || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("ReadTokens = %v, want the file's name and no token", err)
			}
		})
	}
	path := securetest.File(t, "tokens", tokenFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := ReadTokens(path)
	wantError(t, "ReadTokens of a file that others may read", err, "chmod 600 "+path)
}

func TestTokensAreKeptAsHashes(t *testing.T) {
	if text := fmt.Sprintf("%+v %#v", *mustTokens(t, tokenFile), mustTokens(t, tokenFile)); strings.Contains(text, "0123456789-") {
		t.Errorf("Tokens hold a token: %s", text)
	}
}

func TestReadToken(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"good", adaToken + "\n", ""},
		{"empty", "", "has 0 bytes"},
		{"two", adaToken + "\n" + bobToken, "cannot be sent"},
	}
	for _, test := range tests {
		got, err := ReadToken(securetest.File(t, "token", test.text))
		wantError(t, "ReadToken of "+test.name, err, test.want)
		if err == nil && got.Reveal() != adaToken {
			t.Errorf("ReadToken = %q, want %q", got.Reveal(), adaToken)
		}
	}
}

// FuzzTokens holds that a file is refused or gives tokens that open a door only
// to who shows them.
func FuzzTokens(f *testing.F) {
	f.Add([]byte(tokenFile))
	for i := range tokenFile {
		f.Add([]byte(tokenFile[:i]))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tokens, err := parseTokens(text)
		if err != nil {
			return
		}
		for _, e := range tokens.entries {
			if e.role == None || e.name == "" {
				t.Errorf("parseTokens(%q) gives the entry %q with role %v", text, e.name, e.role)
			}
		}
		if name, _, ok := tokens.Lookup(""); ok {
			t.Errorf("parseTokens(%q) lets in %q without a token", text, name)
		}
	})
}
