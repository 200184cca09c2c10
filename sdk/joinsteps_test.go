package sdk

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
)

// joinKey is a key that can be null.
type joinKey struct {
	Text  string
	Num   int64
	Maybe *int32
}

func joinKeyOf(i item) joinKey { return joinKey{i.Key, i.Num, i.Maybe} }

// label tells keys apart.
func (k joinKey) label() string {
	if k.Maybe == nil {
		return fmt.Sprintf("%q %d nil", k.Text, k.Num)
	}
	return fmt.Sprintf("%q %d %d", k.Text, k.Num, *k.Maybe)
}

// Some keys stand on one side only.
func onLeft(i item) bool  { return i.Num%3 != 0 }
func onRight(i item) bool { return i.Num%2 == 0 }

func paired(k joinKey, l, r *item) item {
	out := item{Key: k.label() + " none none"}
	if l != nil {
		out.Num, out.Inner.Flag = l.Num, l.Inner.Flag
		out.Key = fmt.Sprint(k.label(), l.Tags)
	}
	if r != nil {
		out.Ratio, out.Inner.Raw = r.Ratio, r.Inner.Raw
	}
	return out
}

// naiveJoin pairs items by nested loops over those of one key. right gives the
// items of the right side.
func naiveJoin(right func(in []item) []item, keepLeft, keepRight bool) func(in []item) []item {
	return func(in []item) (out []item) {
		rights := map[string][]item{}
		matched := map[string]bool{}
		for _, i := range right(in) {
			if onRight(i) {
				rights[joinKeyOf(i).label()] = append(rights[joinKeyOf(i).label()], i)
			}
		}
		for _, l := range in {
			if !onLeft(l) {
				continue
			}
			k := joinKeyOf(l)
			partners := rights[k.label()]
			if k.Maybe == nil {
				partners = nil
			}
			for _, r := range partners {
				out = append(out, paired(k, &l, &r))
			}
			if matched[k.label()] = matched[k.label()] || len(partners) > 0; len(partners) == 0 && keepLeft {
				out = append(out, paired(k, &l, nil))
			}
		}
		for label, all := range rights {
			for _, r := range all {
				if keepRight && !matched[label] {
					out = append(out, paired(joinKeyOf(r), nil, &r))
				}
			}
		}
		return out
	}
}

func naiveFilterJoin(right func(in []item) []item, matched bool) func(in []item) []item {
	return func(in []item) (out []item) {
		keys := map[string]bool{}
		for _, i := range right(in) {
			if onRight(i) && i.Maybe != nil {
				keys[joinKeyOf(i).label()] = true
			}
		}
		for _, i := range in {
			if onLeft(i) && keys[joinKeyOf(i).label()] == matched {
				out = append(out, i)
			}
		}
		return out
	}
}

func joinSides(d Dataset[item]) (left, right Dataset[KV[joinKey, item]]) {
	return KeyBy(Filter(d, onLeft), joinKeyOf), KeyBy(Filter(d, onRight), joinKeyOf)
}

// itself is the right side of a self join.
func itself(in []item) []item { return in }

// others are the items of a right side that is no part of the left one: some keys
// many times, some null. They are few, so that chains of joins stay small.
var others = func() (all []item) {
	r := rand.New(rand.NewPCG(42, 42))
	for range 24 {
		all = append(all, randomItem(r))
	}
	return all
}()

func otherItems([]item) []item { return others }

// besideOthers are the sides of a join with the others.
func besideOthers(d Dataset[item]) (left, right Dataset[KV[joinKey, item]]) {
	return KeyBy(Filter(d, onLeft), joinKeyOf), KeyBy(Filter(Values(d.pipeline, others...), onRight), joinKeyOf)
}

// sidesText says what stood on each side of a key, and in which order.
func sidesText[V any](groups ...iter.Seq[V]) string {
	var b []byte
	for _, g := range groups {
		b = append(b, '|')
		for v := range g {
			b = fmt.Append(b, v, ";")
		}
	}
	return string(b)
}

func naiveCoGroup(sides ...func(item) bool) func(in []item) []item {
	return func(in []item) (out []item) {
		groups := map[string][][]item{}
		for _, i := range in {
			for n, on := range sides {
				if !on(i) {
					continue
				}
				if groups[i.Key] == nil {
					groups[i.Key] = make([][]item, len(sides))
				}
				groups[i.Key][n] = append(groups[i.Key][n], i)
			}
		}
		for key, of := range groups {
			var all []iter.Seq[int64]
			for _, g := range of {
				all = append(all, sortedNums(slices.Values(g)))
			}
			out = append(out, item{Key: key + sidesText(all...)})
		}
		return out
	}
}

// sortedNums gives the numbers of items in order: that of the items themselves may
// be any, after another step.
func sortedNums(items iter.Seq[item]) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		var nums []int64
		for i := range items {
			nums = append(nums, i.Num)
		}
		slices.Sort(nums)
		slices.Values(nums)(yield)
	}
}

func everywhere(item) bool { return true }

func init() {
	type side = Dataset[KV[joinKey, item]]
	value := func(kv KV[joinKey, item]) item { return kv.Value }
	joins := []struct {
		name                string
		keepLeft, keepRight bool
		join                func(l, r side, opts ...JoinOption) Dataset[item]
	}{
		{"join", false, false, func(l, r side, opts ...JoinOption) Dataset[item] {
			return Join(l, r, func(k joinKey, l, r item) item { return paired(k, &l, &r) }, opts...)
		}},
		{"left join", true, false, func(l, r side, opts ...JoinOption) Dataset[item] {
			return LeftJoin(l, r, func(k joinKey, l item, r *item) item { return paired(k, &l, r) }, opts...)
		}},
		{"right join", false, true, func(l, r side, _ ...JoinOption) Dataset[item] {
			return RightJoin(l, r, func(k joinKey, l *item, r item) item { return paired(k, l, &r) })
		}},
		{"full join", true, true, func(l, r side, _ ...JoinOption) Dataset[item] { return FullJoin(l, r, paired) }},
	}
	for _, j := range joins {
		steps = append(steps, step{j.name, func(d Dataset[item]) Dataset[item] { l, r := joinSides(d); return j.join(l, r) }, naiveJoin(itself, j.keepLeft, j.keepRight)})
	}
	for form, opts := range map[string][]JoinOption{"by size": nil, "broadcast": {Broadcast()}, "sorted": {SortMerge()}} {
		for _, j := range joins {
			steps = append(steps, step{j.name + " with others, " + form, func(d Dataset[item]) Dataset[item] { l, r := besideOthers(d); return j.join(l, r, opts...) }, naiveJoin(otherItems, j.keepLeft, j.keepRight)})
		}
		steps = append(steps,
			step{"semi join with others, " + form, func(d Dataset[item]) Dataset[item] {
				l, r := besideOthers(d)
				return Map(SemiJoin(l, r, opts...), value)
			}, naiveFilterJoin(otherItems, true)},
			step{"anti join with others, " + form, func(d Dataset[item]) Dataset[item] {
				l, r := besideOthers(d)
				return Map(AntiJoin(l, r, opts...), value)
			}, naiveFilterJoin(otherItems, false)})
	}
	// Chosen by number, and so in one order.
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.name, b.name) })
	steps = append(steps,
		step{"repartition", func(d Dataset[item]) Dataset[item] { return Repartition(d) }, itself},
		step{"repartition by", func(d Dataset[item]) Dataset[item] { return RepartitionBy(d, joinKeyOf) }, itself},
		step{"repartition with, sorted", func(d Dataset[item]) Dataset[item] {
			return SortWithin(RepartitionWith(d, byKey, 5, func(key string) int { return len(key) % 5 }))
		}, itself},
		step{"repartition, sorted", func(d Dataset[item]) Dataset[item] { return SortWithin(RepartitionBy(d, byKey)) }, itself},
		step{"split", func(d Dataset[item]) Dataset[item] {
			parts := RandomSplit(d, 5, 0.25, 0.25, 0.5)
			return Union(parts[0], parts[1:]...)
		}, itself},
		step{"zip", func(d Dataset[item]) Dataset[item] {
			return Map(ZipWithIndex(d), func(kv KV[int64, item]) item { return kv.Value })
		}, itself})
	steps = append(steps,
		step{"semi join", func(d Dataset[item]) Dataset[item] {
			l, r := joinSides(d)
			return Map(SemiJoin(l, r), value)
		}, naiveFilterJoin(itself, true)},
		step{"anti join", func(d Dataset[item]) Dataset[item] {
			l, r := joinSides(d)
			return Map(AntiJoin(l, r), value)
		}, naiveFilterJoin(itself, false)},
		step{"cogroup", func(d Dataset[item]) Dataset[item] {
			return CoGroup(KeyBy(Filter(d, onLeft), byKey), KeyBy(Filter(d, onRight), byKey), func(k string, l, r iter.Seq[item], emit Emit[item]) {
				emit(item{Key: k + sidesText(sortedNums(l), sortedNums(r))})
			})
		}, naiveCoGroup(onLeft, onRight)},
		step{"cogroup of three", func(d Dataset[item]) Dataset[item] {
			return CoGroup3(KeyBy(Filter(d, onRight), byKey), KeyBy(d, byKey), KeyBy(Filter(d, onLeft), byKey),
				func(k string, a, b, c iter.Seq[item], emit Emit[item]) {
					emit(item{Key: k + sidesText(sortedNums(a), sortedNums(b), sortedNums(c))})
				})
		}, naiveCoGroup(onRight, everywhere, onLeft)},
		step{"cogroup of all", func(d Dataset[item]) Dataset[item] {
			all := []Dataset[KV[string, item]]{KeyBy(Filter(d, onLeft), byKey), KeyBy(d, byKey), KeyBy(Filter(d, onRight), byKey), KeyBy(d, byKey)}
			return CoGroupAll(all, func(k string, groups []iter.Seq[item], emit Emit[item]) {
				var nums []iter.Seq[int64]
				for _, g := range groups {
					nums = append(nums, sortedNums(g))
				}
				emit(item{Key: k + sidesText(nums...)})
			})
		}, naiveCoGroup(onLeft, everywhere, onRight, everywhere)},
		step{"group sorted", func(d Dataset[item]) Dataset[item] {
			return GroupSorted(KeyBy(d, byKey), func(k string, values iter.Seq[item], emit Emit[item]) {
				emit(item{Key: k + sidesText(orderedNums(values))})
			}, By(func(i item) float64 { return i.Ratio }).Descending(), By(func(i item) int64 { return i.Num }))
		}, func(in []item) (out []item) {
			in = slices.Clone(in)
			slices.SortStableFunc(in, func(a, b item) int {
				return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(b.Ratio, a.Ratio), cmp.Compare(a.Num, b.Num))
			})
			for len(in) > 0 {
				n := slices.IndexFunc(in, func(i item) bool { return i.Key != in[0].Key })
				if n < 0 {
					n = len(in)
				}
				out = append(out, item{Key: in[0].Key + sidesText(orderedNums(slices.Values(in[:n])))})
				in = in[n:]
			}
			return out
		}},
	)
}

// orderedNums gives ratio and number of items as they come.
func orderedNums(items iter.Seq[item]) iter.Seq[[2]float64] {
	return func(yield func([2]float64) bool) {
		for i := range items {
			if !yield([2]float64{i.Ratio, float64(i.Num)}) {
				return
			}
		}
	}
}
