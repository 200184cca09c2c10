// Package args turns a command line into a job's arguments, which are a struct
// with tags, and the engine's settings, which are the flags under "sheaf.". It
// prints the help text, and carries arguments to other processes as JSON. The
// sdk calls it once, before anything else runs; it owns no goroutine.
//
// A field is a flag by its tags:
//
//	Input string `flag:"input" help:"files to read" required:"true"`
//	Top   int    `flag:"top" help:"words to print" default:"10"`
//
// Fields are strings, bools, integers, floats, time.Duration, []string (by
// comma, or the flag repeated) and types with UnmarshalText. The fields of an
// embedded struct are flags like any other; those of a named struct field with
// the tag flag:"db" are called --db.NAME. The tag flag:"-" leaves a field alone.
package args

import (
	"errors"
	"flag"
	"io"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// ErrHelp says that the help text was asked for and printed: the program ends
// with exit code 0.
var ErrHelp = errors.New("help was asked for")

// ExitUsage is the exit code of a program that was called wrongly.
const ExitUsage = 2

// UsageError is a command line or a tagged struct that cannot be used: an error
// of kind fault.Invalid whose message says what to do. Programs print it and
// end with ExitUsage.
type UsageError struct {
	// Flag is the flag at fault, without dashes; empty where there is none or
	// more than one.
	Flag string
	// Err is the error of kind fault.Invalid.
	Err error
}

// Error returns the message.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error of kind fault.Invalid.
func (e *UsageError) Unwrap() error { return e.Err }

func usage(name, format string, values ...any) error {
	return &UsageError{Flag: name, Err: fault.New(fault.Invalid, format, values...)}
}

// Parse reads argv (without the program's name) into target, a pointer to a
// tagged struct, and the engine's settings. Program and doc (what the program
// does, in one line) head the help text, which goes to out. Flags win over the
// environment (SHEAF_MEMORY and so on, engine flags only), and that wins over
// defaults. It returns ErrHelp after the help text, else a *UsageError; target
// is then in no particular state.
func Parse(program, doc string, target any, argv []string, out io.Writer) (Engine, error) {
	return parse(thisHost(), program, doc, target, argv, out)
}

func parse(h host, program, doc string, target any, argv []string, out io.Writer) (Engine, error) {
	job, err := jobOptions(target)
	if err != nil {
		return Engine{}, err
	}
	engine, settings := engineOptions(h)
	all := append(append([]*option(nil), job...), settings...)
	for _, o := range all {
		if err := o.applyDefault(); err != nil {
			return Engine{}, err
		}
	}
	switch err := readFlags(program, all, argv); {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(out, helpText(program, doc, job, settings))
		return Engine{}, ErrHelp
	case err != nil:
		return Engine{}, err
	}
	if err := missing(program, job); err != nil {
		return Engine{}, err
	}
	if err := readEnvironment(h, settings); err != nil {
		return Engine{}, err
	}
	for _, o := range settings {
		if o.given {
			engine.engine.Given = append(engine.engine.Given, strings.TrimPrefix(o.name, reserved))
		}
	}
	return engine.finish(h)
}

// readFlags runs the standard flag package, whose messages it replaces: they
// name neither the form of a value nor what to do.
func readFlags(program string, options []*option, argv []string) error {
	set := flag.NewFlagSet(program, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	byName := make(map[string]*option, len(options))
	for _, o := range options {
		set.Var(o, o.name, o.help)
		byName[o.name] = o
	}
	err := set.Parse(argv)
	switch {
	case err == nil && set.NArg() == 0:
		return nil
	case err == nil:
		return positional(byName, argv, len(argv)-set.NArg())
	case errors.Is(err, flag.ErrHelp):
		return err
	}
	for _, o := range options {
		if o.err != nil {
			return o.err
		}
	}
	return refused(program, byName, offender(byName, argv, len(argv)-set.NArg()))
}

// offender returns the argument at which the flag package stopped: the one
// before index next, or the one there if it has not even the form of a flag.
func offender(byName map[string]*option, argv []string, next int) string {
	if next < len(argv) && malformedFlag(argv[next]) {
		if next == 0 || argv[next-1] == "" || argv[next-1][0] != '-' || byName[flagName(argv[next-1])] != nil {
			return argv[next]
		}
	}
	return argv[next-1]
}

// malformedFlag reports whether arg begins like a flag but names none.
func malformedFlag(arg string) bool {
	name := flagName(arg)
	return len(arg) > 1 && arg[0] == '-' && (name == "" || name[0] == '-')
}

// flagName returns the name in "-name", "--name" and "--name=value".
func flagName(arg string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	return name
}

// refused explains an argument that is no flag of ours or lacks its value.
func refused(program string, byName map[string]*option, arg string) error {
	name := flagName(arg)
	if malformedFlag(arg) {
		return usage("", "%q is not a flag: flags look like --name=value or --name value", arg)
	}
	if o := byName[name]; o != nil {
		return usage(name, "flag --%s needs a value: expected %s, for example %s", name, o.form(), o.example())
	}
	return usage(name, "unknown flag --%s%s (%s --help lists all flags)", name, suggest(name, byName), program)
}

// positional explains the argument at index at, which belongs to no flag.
func positional(byName map[string]*option, argv []string, at int) error {
	arg := argv[at]
	if at > 0 {
		name := strings.TrimLeft(argv[at-1], "-")
		if o := byName[name]; o != nil && o.IsBoolFlag() && argv[at-1] != name {
			return usage(name, "unexpected argument %q: the value of a switch follows an equals sign, as in --%s=%s", arg, name, arg)
		}
	}
	if at > 1 {
		name := strings.TrimLeft(argv[at-2], "-")
		if o := byName[name]; o != nil && argv[at-2] != name {
			return usage(name, "unexpected argument %q: if the shell expanded a pattern, quote it, as in --%s '*.txt'", arg, name)
		}
	}
	return usage("", "unexpected argument %q: every argument is given by a flag, as in --name=value", arg)
}

// missing names all required flags that were not given.
func missing(program string, options []*option) error {
	var names []string
	for _, o := range options {
		if o.required && !o.given {
			names = append(names, "--"+o.name)
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		return usage(names[0][2:], "required flag %s is missing: %s --help says what it means", names[0], program)
	}
	return usage("", "required flags %s are missing: %s --help says what they mean", strings.Join(names, ", "), program)
}
