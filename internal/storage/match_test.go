package storage

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// naiveMatch holds a whole path against a whole pattern by trying everything.
// It knows *, ?, [set], ** and literals; braces are multiplied out before.
func naiveMatch(pattern, path []string) bool {
	if len(pattern) == 0 {
		return len(path) == 0
	}
	if len(pattern) == 1 && pattern[0] == "**" {
		// At the end it stands for the files below, not for a file in its place.
		return len(path) > 0 && !slices.ContainsFunc(path, hidden)
	}
	if pattern[0] == "**" {
		return naiveMatch(pattern[1:], path) || len(path) > 0 && !hidden(path[0]) && naiveMatch(pattern, path[1:])
	}
	if len(path) == 0 || hidden(path[0]) && !strings.HasPrefix(pattern[0], path[0][:1]) {
		return false
	}
	return naiveName(pattern[0], path[0]) && naiveMatch(pattern[1:], path[1:])
}

func naiveName(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch pattern[0] {
	case '*':
		return naiveName(pattern[1:], name) || name != "" && naiveName(pattern, name[1:])
	case '?':
		return name != "" && naiveName(pattern[1:], name[1:])
	case '[':
		end := strings.IndexByte(pattern, ']')
		set := pattern[1:end]
		not := strings.HasPrefix(set, "!")
		set = strings.TrimPrefix(set, "!")
		return name != "" && strings.Contains(set, name[:1]) != not && naiveName(pattern[end+1:], name[1:])
	}
	return name != "" && name[0] == pattern[0] && naiveName(pattern[1:], name[1:])
}

// naiveBraces multiplies out the first innermost braces until there are none.
func naiveBraces(pattern string) []string {
	end := strings.IndexByte(pattern, '}')
	if end < 0 {
		return []string{pattern}
	}
	start := strings.LastIndexByte(pattern[:end], '{')
	var all []string
	for text := range strings.SplitSeq(pattern[start+1:end], ",") {
		all = append(all, naiveBraces(pattern[:start]+text+pattern[end+1:])...)
	}
	return all
}

func TestExpandEqualsTryingEverything(t *testing.T) {
	name := rapid.StringOfN(rapid.SampledFrom([]rune("aab._")), 1, 3, -1).Filter(func(s string) bool { return s != "." && s != ".." })
	piece := rapid.SampledFrom([]string{"a", "b", "a", "_", ".", "*", "*", "?", "[ab]", "[!a]", "{a,b}", "{,a*}", "{b,{?,_}}"})
	segment := rapid.OneOf(
		rapid.Just("**"),
		rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 1, 3).Draw(t, "pieces"), "") }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		root := makeRandomTree(rt, t, rapid.SliceOfN(rapid.SliceOfN(name, 1, 4), 1, 12).Draw(rt, "files"))
		pattern := strings.Join(rapid.SliceOfN(segment, 1, 4).Draw(rt, "segments"), "/")
		for _, plain := range naiveBraces(pattern) {
			for part := range strings.SplitSeq(plain, "/") {
				// These name no entry of a directory; Expand's own cases cover them.
				if part == "" || part == "." || part == ".." || strings.Contains(part, "**") && part != "**" {
					rt.Skip("degenerate pattern")
				}
			}
		}
		want := naiveExpand(rt, root, pattern)
		files, err := Expand(context.Background(), root+"/"+pattern)
		got := []string{}
		for _, f := range files {
			got = append(got, strings.TrimPrefix(f.Path, root+"/"))
		}
		// Nothing is an error, or a directory with nothing to list in it.
		if err != nil && len(want) > 0 || !slices.Equal(got, want) {
			rt.Fatalf("Expand(%q) = %q, %v, want %q", pattern, got, err, want)
		}
	})
}

// makeRandomTree makes files; a path that needs a file as a directory is left out.
func makeRandomTree(rt *rapid.T, t *testing.T, files [][]string) string {
	root, err := os.MkdirTemp(t.TempDir(), "tree")
	if err != nil {
		rt.Fatal(err)
	}
	for _, parts := range files {
		path := filepath.Join(root, filepath.Join(parts...))
		if os.MkdirAll(filepath.Dir(path), 0o777) != nil {
			continue
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			continue // a directory has the name
		}
		f.Close()
	}
	return root
}

func naiveExpand(rt *rapid.T, root, pattern string) []string {
	want := []string{}
	plains := naiveBraces(pattern)
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		relative := strings.TrimPrefix(path, root+"/")
		for _, plain := range plains {
			wild := strings.ContainsAny(plain, "*?[")
			matches := naiveMatch(strings.Split(plain, "/"), strings.Split(relative, "/"))
			// A path without wildcards that is a directory stands for its files.
			below := !wild && strings.HasPrefix(relative, plain+"/") &&
				naiveMatch([]string{"**"}, strings.Split(strings.TrimPrefix(relative, plain+"/"), "/"))
			if !entry.IsDir() && (matches || below) {
				want = append(want, relative)
				break
			}
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
	slices.Sort(want)
	return want
}

func TestSegmentMatches(t *testing.T) {
	cases := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true},
		{"a*b*c", "aXbXbXc", true},
		{"a*b*c", "aXbXbX", false},
		{"*a", "aaa", true},
		{"?", "é", true},
		{"??", "é", false},
		{"*?", "\xff", true},
		{"[à-é]", "á", true},
		{"[^à-é]", "á", false},
		{"[]a]", "]", true},
		{`[\]]`, "]", true},
		{`[a\-c]`, "b", false},
		{"[\xff]", "\xff", true},
		{"[\xff]", "\xfe", false},
		{"[\xff]", "\uFFFD", false},
		{"[!a]", "\xff", true},
		{strings.Repeat("*a", 50) + "b", strings.Repeat("a", 5000), false},
	}
	for _, c := range cases {
		items, err := parsePatterns(c.pattern)
		if err != nil {
			t.Errorf("parsePatterns(%q) = %v, want no error", c.pattern, err)
			continue
		}
		if got := newSegment(items[0].paths[0]).matches(c.name); got != c.want {
			t.Errorf("segment %q matches %q = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

// escape protects every character of a path, so that it names just itself.
func escape(path string) string {
	var b strings.Builder
	for i := range len(path) {
		b.WriteByte('\\')
		b.WriteByte(path[i])
	}
	return b.String()
}

func FuzzPatterns(f *testing.F) {
	for _, seed := range []string{"a,b", `a\,b`, "{a,{b,c}}/**/[!x-z]?*", "[", "{", "}", "**", "a/**/", "[]]", "[a-", "\\", "é/[é-ü]", "{,}{,}{,}", "//", "../*/.."} {
		f.Add(seed, "name")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		items, err := parsePatterns(text)
		if err == nil {
			for _, it := range items {
				for _, path := range it.paths {
					for _, s := range newGlob(path).segments {
						s.matches(name)
					}
				}
			}
		}
		if name == "" {
			return
		}
		items, err = parsePatterns(escape(name))
		if err != nil || len(items) != 1 || len(items[0].paths) != 1 {
			t.Fatalf("parsePatterns(%q) = %v, %v, want one path", escape(name), items, err)
		}
		if g := newGlob(items[0].paths[0]); g.prefix != name || len(g.segments) != 0 {
			t.Errorf("newGlob(%q).prefix = %q, want %q", escape(name), g.prefix, name)
		}
	})
}

// TestParseEveryTruncationAndChange cuts and changes a pattern with everything in it.
func TestParseEveryTruncationAndChange(t *testing.T) {
	const sample = `data/{a,b{c,\,}}/**/[!x-z\]]?*.é,other`
	for i := range len(sample) + 1 {
		parsePatterns(sample[:i]) // must not panic
	}
	for i := range len(sample) * 8 {
		changed := []byte(sample)
		changed[i/8] ^= 1 << (i % 8)
		parsePatterns(string(changed))
	}
}
