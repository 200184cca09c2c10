// Package wiretest fills the types that cross the wire with random values, for
// tests of conversions alone. It goes by reflection, so that a field somebody
// adds to a type is filled at once, and a conversion that forgets it fails. It
// owns no goroutine.
package wiretest

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
)

// Filler fills values. All values are valid on the wire: numbers are not
// negative, enumerations known, digests hexadecimal, lists nil or not empty.
type Filler struct {
	Rand *rand.Rand
	// Full gives every field a value other than its zero value, and every list
	// elements, as far as a type allows it.
	Full bool
}

// New returns a filler; equal seeds give equal values.
func New(seed uint64, full bool) *Filler {
	return &Filler{Rand: rand.New(rand.NewPCG(seed, 0x5eaf)), Full: full}
}

// Fill fills what a pointer points to.
func (f *Filler) Fill(pointer any) { f.value(reflect.ValueOf(pointer).Elem(), "") }

// enumerations are the known values of types and of named fields.
var enumerations = map[string][]string{
	"plan.Work":         {string(plan.Enumerate), string(plan.Run), string(plan.Publish), string(plan.Discard)},
	"plan.ExchangeKind": {string(plan.Hash), string(plan.Range), string(plan.Gather)},
	"plan.Promise":      {string(plan.Deterministic), string(plan.Indeterminate)},
	"State": {
		progress.Planning, progress.Running, progress.Committing,
		progress.Done, progress.Failed, progress.Canceled,
	},
}

// digests are the sizes of fields that hold hexadecimal digits.
var digests = map[string]int{"Digest": 16, "RowDigest": 16, "XXH3": 16, "ArtifactSHA256": 32, "ClusterID": 16, "Job": 16}

func (f *Filler) value(v reflect.Value, field string) {
	if f.special(v, field) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.value(v.Field(i), v.Type().Field(i).Name)
		}
		f.mend(v)
	case reflect.Pointer:
		if f.keep() {
			v.Set(reflect.New(v.Type().Elem()))
			f.value(v.Elem(), "")
		}
	case reflect.Slice:
		if n := f.some(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				f.element(v.Index(i), field)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			f.value(v.Index(i), "")
		}
	case reflect.String:
		v.SetString(f.text(field))
	case reflect.Bool:
		v.SetBool(f.Full || f.Rand.IntN(2) == 0)
	case reflect.Int64:
		v.SetInt(f.integer(math.MaxInt64))
	case reflect.Int:
		v.SetInt(f.integer(math.MaxInt32))
	case reflect.Uint8:
		v.SetUint(uint64(f.Rand.UintN(math.MaxUint8) + 1))
	case reflect.Uint32:
		v.SetUint(uint64(f.integer(math.MaxUint32)))
	case reflect.Uint64:
		v.SetUint(uint64(f.integer(math.MaxInt64)) * 2)
		if given[field] && v.IsZero() {
			v.SetUint(1)
		}
	default:
		panic(fmt.Sprintf("wiretest: field %s is a %v: say how to fill it", field, v.Type()))
	}
}

// element fills an element of a list. Those of a list of bytes are not empty,
// since lists tell no nil from an empty one.
func (f *Filler) element(v reflect.Value, field string) {
	f.value(v, field)
	if v.Kind() == reflect.Slice && v.Len() == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	}
}

// special fills types that only take some of their values.
func (f *Filler) special(v reflect.Value, field string) bool {
	switch p := v.Addr().Interface().(type) {
	case *fault.Kind:
		*p = fault.Kind(1 + f.Rand.IntN(int(fault.Internal)))
	case *time.Duration:
		*p = time.Duration(f.integer(math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	case *plan.TaskID:
		// Pseudo stages are negative.
		*p = plan.TaskID{Stage: plan.StageID(1 + f.integer(1000)), Index: int(f.integer(math.MaxInt32))}
		if !f.Full {
			p.Stage = plan.StageID(f.Rand.IntN(5)) + plan.PublishStage
		}
	default:
		names := enumerations[v.Type().String()]
		if names == nil && v.Kind() == reflect.String {
			names = enumerations[field]
		}
		if names == nil {
			return false
		}
		v.SetString(names[f.Rand.IntN(len(names))])
	}
	return true
}

// mend makes a struct valid whose fields depend on each other.
func (f *Filler) mend(v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *plan.Stage: // reads a source or an exchange
		if p.Source != nil && p.Exchange != nil || p.Source == nil && p.Exchange == nil {
			p.Source, p.Exchange = &plan.Source{Name: f.text("")}, nil
			if x := plan.ExchangeID(f.integer(math.MaxInt32)); f.Rand.IntN(2) == 0 {
				p.Source, p.Exchange = nil, &x
			}
		}
	case *plan.RowRange: // ends before the last number
		p.Row = min(p.Row, math.MaxInt64-p.Rows)
	case *plan.Partition:
		if p.ToKey == nil && f.Rand.IntN(2) == 0 {
			p.ToKey = []byte{} // not the same as none
		}
	default:
		// A range of versions, whose package this one cannot import.
		if v.Type().String() == "wire.Versions" {
			lowest := 1 + f.Rand.Int64N(10)
			v.FieldByName("Min").SetInt(lowest)
			v.FieldByName("Max").SetInt(lowest + f.Rand.Int64N(3))
		}
	}
}

func (f *Filler) keep() bool { return f.Full || f.Rand.IntN(2) == 0 }

// some returns how long a list is.
func (f *Filler) some(limit int) int {
	if f.Full {
		return 1 + f.Rand.IntN(limit)
	}
	return f.Rand.IntN(limit)
}

// integer returns a number up to limit, often a small one or the limit.
func (f *Filler) integer(limit int64) int64 {
	switch f.Rand.IntN(4) {
	case 0:
		return limit
	case 1:
		return 1 + f.Rand.Int64N(limit)
	case 2:
		return 1 + f.Rand.Int64N(min(limit, 300))
	}
	if f.Full {
		return 1
	}
	return 0
}

func (f *Filler) text(field string) string {
	if n, ok := digests[field]; ok {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(f.Rand.UintN(256))
		}
		return hex.EncodeToString(b)
	}
	if !f.keep() && !given[field] {
		return ""
	}
	const letters = "aß→𝛼/\\\"\n 0"
	runes := []rune(letters)
	out := make([]rune, 1+f.Rand.IntN(12))
	for i := range out {
		out[i] = runes[f.Rand.IntN(len(runes))]
	}
	return string(out)
}

// given are the fields that a reader wants.
var given = map[string]bool{"Executor": true, "DataAddress": true, "OS": true, "Arch": true, "FirstReport": true}
