package sdk

import "github.com/sheafdata/sheaf/executor/operator"

// Maybe is a row, or none: then OK is false.
type Maybe[V any] = operator.Maybe[V]
