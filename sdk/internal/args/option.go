package args

import (
	"reflect"
	"unicode/utf8"
)

// option is one flag: where its value goes and what its tags say. It is a
// flag.Value of the standard flag package.
type option struct {
	name     string
	help     string
	field    string // "Args.Input", for messages about the program itself
	required bool
	fallback string // the default as it was written
	hasDef   bool   // fallback is set
	shown    string // the default as help shows it; empty for none
	env      string // the environment variable; empty for none
	alone    string // the value where the flag stands without one; empty if it may not
	value    reflect.Value
	kind     kind
	check    func() error // further demands on the value; may be nil

	given bool  // a flag set it
	err   error // the *UsageError of the last Set
}

// String returns the value as text; the flag package asks even zero options.
func (o *option) String() string {
	if o == nil || !o.value.IsValid() {
		return ""
	}
	return o.kind.format(o.value)
}

// IsBoolFlag reports whether the flag may stand without a value.
func (o *option) IsBoolFlag() bool {
	return o.alone != "" || o.value.IsValid() && o.value.Kind() == reflect.Bool && !o.kind.text
}

// Set takes a value from the command line.
func (o *option) Set(text string) error {
	if o.alone != "" && text == "true" { // what the flag package makes of none
		text = o.alone
	}
	o.err = o.set("--"+o.name, text, o.given)
	o.given = true
	return o.err
}

// set parses text into the field. Origin is how the user wrote the option.
func (o *option) set(origin, text string, again bool) error {
	if !utf8.ValidString(text) {
		// Arguments travel as JSON, which would replace the broken bytes.
		return usage(o.name, "%s=%q is not valid UTF-8: write it as text, or as a pattern that matches the name", origin, text)
	}
	if o.required && text == "" {
		return usage(o.name, "%s is empty: expected %s, for example %s", origin, o.form(), o.example())
	}
	if err := o.kind.parse(o.value, text, again); err != nil {
		return o.malformed(origin, text, err)
	}
	if o.check == nil {
		return nil
	}
	if err := o.check(); err != nil {
		return usage(o.name, "%s=%q: %w", origin, text, err)
	}
	return nil
}

// malformed explains a text that has not the form of its kind.
func (o *option) malformed(origin, text string, err error) error {
	if o.kind.text {
		return usage(o.name, "%s=%q: %w", origin, text, err)
	}
	return usage(o.name, "%s=%q: expected %s, for example %s=%s", origin, text, o.form(), origin, o.kind.sample(o.value))
}

// applyDefault sets the default. Without one the field keeps what it holds.
func (o *option) applyDefault() error {
	if !o.hasDef {
		if o.shown == "" && !o.value.IsZero() {
			o.shown = o.String()
		}
		return nil
	}
	if err := o.set("default", o.fallback, false); err != nil {
		return usage(o.name, "field %s (--%s) has a default that it cannot take: %w", o.field, o.name, err)
	}
	if o.shown == "" {
		o.shown = o.fallback
	}
	return nil
}

func (o *option) form() string { return o.kind.form(o.value) }

func (o *option) example() string {
	return "--" + o.name + "=" + o.kind.sample(o.value)
}
