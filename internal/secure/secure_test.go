package secure

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

// wantError checks an error's text and kind; an empty text means no error.
func wantError(t *testing.T, call string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s = %v, want no error", call, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s = %v, want an error with %q", call, err, want)
	case want != "" && fault.KindOf(err) != fault.Invalid:
		t.Errorf("%s is of kind %v, want %v", call, fault.KindOf(err), fault.Invalid)
	}
}

func TestSecretIsNeverSeen(t *testing.T) {
	const value = "hunter2-hunter2-hunter2"
	s := NewSecret(value)
	inside := struct {
		Shown  Secret
		hidden Secret
	}{s, s}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "inside", inside)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "inside", inside)
	marshaled, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(marshaled), s.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, inside), fmt.Sprintf(verb, []Secret{s}))
	}
	for _, text := range texts {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("a secret prints as %q", text)
		}
	}
	if got := s.String(); got != "[redacted]" {
		t.Errorf("String() = %q, want %q", got, "[redacted]")
	}
	if s.Reveal() != value || !s.Given() || (Secret{}).Given() {
		t.Errorf("Reveal, Given = %q, %v, want %q, true; Given of none = %v, want false", s.Reveal(), s.Given(), value, Secret{}.Given())
	}
}

func TestCheckListen(t *testing.T) {
	tests := []struct {
		addr        string
		tls, gossip bool
		want        string
	}{
		{addr: "127.0.0.1:7440"},
		{addr: "127.9.9.9:0"},
		{addr: "[::1]:7440"},
		{addr: "[::ffff:127.0.0.1]:7440"},
		{addr: "localhost:7440"},
		{addr: "LocalHost:7440"},
		{addr: "0.0.0.0:7440", tls: true, gossip: true},
		{addr: ":7440", tls: true, gossip: true},
		{addr: "0.0.0.0:7440", want: "give certificates (--tls-cert, --tls-key and --tls-ca) and a gossip key (--gossip-key), or listen on 127.0.0.1:7440"},
		{addr: ":7440", want: "whoever reaches that address could run programs here"},
		{addr: "[::]:7440", want: "or listen on 127.0.0.1:7440"},
		{addr: "10.0.0.1:7440", tls: true, want: "give a gossip key (--gossip-key), or"},
		{addr: "10.0.0.1:7440", gossip: true, want: "give certificates (--tls-cert, --tls-key and --tls-ca), or"},
		{addr: "localhost.example:7440", want: "listen on localhost.example:7440"},
		{addr: "2130706433:7440", want: "listen on 2130706433:7440"},
		{addr: "127.0.0.1", want: "not an address"},
		{addr: "", want: "not an address"},
	}
	for _, test := range tests {
		wantError(t, fmt.Sprintf("CheckListen(%q, %v, %v)", test.addr, test.tls, test.gossip), CheckListen(test.addr, test.tls, test.gossip), test.want)
	}
}

func TestReadGossipKey(t *testing.T) {
	key := strings.Repeat("k", 32)
	good := base64.StdEncoding.EncodeToString([]byte(key))
	tests := []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{name: "good", text: good, mode: 0o600},
		{name: "line end", text: good + "\n", mode: 0o400},
		{name: "a group may read", text: good, mode: 0o440},
		{name: "others may read", text: good, mode: 0o604, want: "chmod 600"},
		{name: "the group may write", text: good, mode: 0o660, want: "chmod 600"},
		{name: "short", text: base64.StdEncoding.EncodeToString([]byte(key[1:])), mode: 0o600, want: "has 31 bytes, want 32"},
		{name: "no base64", text: "secret!", mode: 0o600, want: "is not base64"},
		{name: "empty", mode: 0o600, want: "has 0 bytes"},
		{name: "large", text: strings.Repeat("A", maxFileBytes+1), mode: 0o600, want: "is it the right file?"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := securetest.File(t, "gossip.key", test.text)
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			got, err := ReadGossipKey(path)
			wantError(t, "ReadGossipKey", err, test.want)
			if err == nil && got.Reveal() != key {
				t.Errorf("ReadGossipKey = %q, want %q", got.Reveal(), key)
			}
			if err != nil && test.text != "" && strings.Contains(err.Error(), test.text) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	_, err := ReadGossipKey(filepath.Join(t.TempDir(), "absent"))
	wantError(t, "ReadGossipKey of an absent file", err, "no such file")
	_, err = ReadGossipKey(t.TempDir())
	wantError(t, "ReadGossipKey of a directory", err, "is a directory")
}
