package agg

import (
	"cmp"
	"slices"
)

// lazy is a list that is put in order from time to time, so that adding costs
// the logarithm of its length.
//
// Invariant: Items[:Sorted] is in order.
type lazy[T cmp.Ordered] struct {
	Items  []T
	Sorted int
}

// fewItems wait at least before they are put in order.
const fewItems = 16

// has reports whether an item stands in the part that is in order.
func (l *lazy[T]) has(item T) bool {
	_, found := slices.BinarySearch(l.Items[:l.Sorted], item)
	return found
}

// full reports whether so many items wait that it is time to put them in order.
func (l *lazy[T]) full() bool { return len(l.Items) >= 2*l.Sorted+fewItems }

func (l *lazy[T]) sort() {
	if l.Sorted < len(l.Items) {
		slices.Sort(l.Items)
		l.Sorted = len(l.Items)
	}
}

// cut keeps the first n items of a sorted list.
func (l *lazy[T]) cut(n int) {
	if n < len(l.Items) {
		clear(l.Items[n:])
		l.Items, l.Sorted = l.Items[:n], n
	}
}

// distinct sorts and leaves one of each item.
func (l *lazy[T]) distinct() {
	l.sort()
	l.Items = slices.Compact(l.Items)
	l.Sorted = len(l.Items)
}

// copied is the list with items of its own: a state that is finished or merged
// into another one stays as it is.
func (l lazy[T]) copied() lazy[T] {
	l.Items = slices.Clone(l.Items)
	return l
}
