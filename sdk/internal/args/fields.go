package args

import (
	"reflect"
	"regexp"
	"strings"
)

// reserved begins the names of the engine's flags.
const reserved = "sheaf."

var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// jobOptions returns the options of target's fields, in their order. Errors
// are mistakes of the program's author; they name the field.
func jobOptions(target any) ([]*option, error) {
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, usage("", "arguments are a %T: want a pointer to a struct with flag tags", target)
	}
	c := collector{seen: make(map[string]string)}
	name := v.Elem().Type().Name()
	if name == "" {
		name = "struct"
	}
	if err := c.structure(v.Elem(), name, ""); err != nil {
		return nil, err
	}
	return c.options, nil
}

// collector gathers options while it walks through a struct.
type collector struct {
	options []*option
	seen    map[string]string // flag name to field
}

func (c *collector) structure(v reflect.Value, path, prefix string) error {
	t := v.Type()
	for i := range t.NumField() {
		if err := c.field(v.Field(i), t.Field(i), path+"."+t.Field(i).Name, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) field(v reflect.Value, f reflect.StructField, path, prefix string) error {
	name, tagged := f.Tag.Lookup("flag")
	_, scalar := kindOf(f.Type)
	switch {
	case name == "-":
		return nil
	case f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct && !scalar:
		return c.structure(v, path, prefix)
	case !f.IsExported() && !tagged:
		return nil
	case !f.IsExported():
		return usage("", "field %s has a flag tag but is not exported: begin its name with a capital", path)
	case !tagged:
		return usage("", `field %s has no flag tag: add flag:"name", or flag:"-" to leave it alone`, path)
	}
	if err := c.claim(prefix+name, name, path); err != nil {
		return err
	}
	if f.Type.Kind() == reflect.Struct && !scalar {
		return c.structure(v, path, prefix+name+".")
	}
	return c.leaf(v, f, path, prefix+name)
}

// claim checks a name and takes it.
func (c *collector) claim(full, name, path string) error {
	switch {
	case full == "sheaf" || strings.HasPrefix(full, reserved):
		return usage(full, "field %s is called --%s: names under %q belong to the engine, choose another", path, full, reserved)
	case !validName.MatchString(name):
		return usage(full, "field %s has the flag name %q: want a letter, then letters, digits, - or _", path, name)
	case full == "help" || full == "h":
		return usage(full, "field %s is called --%s: that prints the help text, choose another name", path, full)
	case c.seen[full] != "":
		return usage(full, "fields %s and %s are both called --%s: rename one", c.seen[full], path, full)
	}
	c.seen[full] = path
	return nil
}

func (c *collector) leaf(v reflect.Value, f reflect.StructField, path, name string) error {
	k, ok := kindOf(f.Type)
	if !ok {
		return usage(name, "field %s (--%s) has type %s, which cannot be a flag: use a string, number, bool, time.Duration, []string or a type with UnmarshalText", path, name, f.Type)
	}
	o := &option{name: name, help: f.Tag.Get("help"), field: path, value: v, kind: k}
	o.fallback, o.hasDef = f.Tag.Lookup("default")
	switch required := f.Tag.Get("required"); required {
	case "", "false":
	case "true":
		o.required = true
	default:
		return usage(name, `field %s (--%s) has required:%q: want "true" or "false"`, path, name, required)
	}
	if o.required && o.hasDef {
		return usage(name, "field %s (--%s) is required and has a default: keep one of the two", path, name)
	}
	c.options = append(c.options, o)
	return nil
}
