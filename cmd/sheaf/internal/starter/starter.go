// Package starter writes the module of a first job: a program with typed rows and
// flags, a test that passes, and a README with the commands. What it writes
// stands in files as templates. It owns no goroutine.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/sheafdata/sheaf/internal/fault"
)

// sheafModule is what a job's program is built with.
const sheafModule = "github.com/sheafdata/sheaf"

// goVersion is the least version of Go for that.
const goVersion = "1.26.0"

//go:embed files
var files embed.FS

// names are the names of files whose templates are called otherwise: the go
// command and git would take them for their own here.
var names = map[string]string{"gitignore": ".gitignore"}

// Module says what to write, and where.
type Module struct {
	Dir      string // made where it is not there
	Path     string // of the module; empty for one that is named after Dir
	Version  string // of Sheaf, to require
	Checkout string // a directory to take Sheaf from, instead of that version; empty for none
	Force    bool   // Dir may hold something; files of the same names are replaced
}

// Write writes the module and returns the names of its files. Errors of the
// user's doing are of kind Invalid.
func (m *Module) Write() (written []string, err error) {
	dir, err := filepath.Abs(m.Dir)
	if err != nil {
		return nil, fmt.Errorf("make %s absolute: %w", m.Dir, err)
	}
	if err := m.settle(filepath.Base(dir)); err != nil {
		return nil, err
	}
	if err := m.checkDir(); err != nil {
		return nil, err
	}
	texts := map[string]string{} // all of them before the first is written
	err = fs.WalkDir(files, "files", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		to := strings.TrimSuffix(strings.TrimPrefix(name, "files/"), ".tmpl")
		if other := names[to]; other != "" {
			to = other
		}
		texts[to], err = m.render(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, to := range slices.Sorted(maps.Keys(texts)) {
		if err := m.write(to, texts[to]); err != nil {
			return written, err
		}
		written = append(written, to)
	}
	return written, nil
}

// settle checks what the user chose, and chooses the rest.
func (m *Module) settle(base string) error {
	if m.Path == "" {
		// Without a dot in its first part it might be a package of Go's own.
		m.Path = "example.com/" + base
		if err := module.CheckPath(m.Path); err != nil {
			return fault.New(fault.Invalid, "a module cannot be named after the directory %q: name it by --module", base)
		}
	}
	// Paths without a dot are for modules that nobody else imports.
	if err := module.CheckImportPath(m.Path); err != nil {
		return fault.New(fault.Invalid, "--module: %w", err)
	}
	if m.Path == sheafModule || strings.HasPrefix(m.Path, sheafModule+"/") {
		return fault.New(fault.Invalid, "--module %s: that is Sheaf itself: name a module of your own", m.Path)
	}
	return nil
}

func (m *Module) checkDir() error {
	entries, err := os.ReadDir(m.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fault.New(fault.Invalid, "%w: give a directory that does not exist yet", err)
	case len(entries) > 0 && !m.Force:
		return fault.New(fault.Invalid, "%s holds %s already: give a directory that is new or empty, or --force, which replaces files of the same names", m.Dir, entries[0].Name())
	}
	return nil
}

// render makes the text of one file.
func (m *Module) render(name string) (string, error) {
	// Go code holds the usual marks.
	t, err := template.New(path.Base(name)).Delims("<<", ">>").ParseFS(files, name)
	if err != nil {
		return "", err
	}
	checkout := m.Checkout
	if checkout != "" {
		checkout = modfile.AutoQuote(filepath.ToSlash(checkout))
	}
	plain, _, _ := module.SplitPathVersion(m.Path)
	var text strings.Builder
	err = t.Execute(&text, map[string]string{"Name": path.Base(plain), "Path": m.Path, "Go": goVersion, "Version": m.Version, "Checkout": checkout})
	return text.String(), err
}

func (m *Module) write(to, text string) error {
	file := filepath.Join(m.Dir, filepath.FromSlash(to))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return fault.Wrap(fault.Invalid, err)
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	if m.Force {
		flags = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	f, err := os.OpenFile(file, flags, 0o666)
	if err != nil {
		return fault.Wrap(fault.Invalid, err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// Checkout finds the checkout of Sheaf that a path lies in.
func Checkout(from string) (dir string, ok bool) {
	if !filepath.IsAbs(from) {
		return "", false
	}
	for dir = filepath.Clean(from); ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && modfile.ModulePath(text) == sheafModule {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}
