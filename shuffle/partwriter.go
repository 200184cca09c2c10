package shuffle

import (
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
)

// NewPartWriter returns a writer whose rows go to the buckets that their keys name:
// see plan.AppendPartKey. The number is part of what the digest of rows covers, so
// that rows which go elsewhere when they are made again are noticed.
func NewPartWriter[V any](env *Env, exchange plan.ExchangeID, buckets int, typ *column.Type) *HashWriter[V] {
	w := NewHashWriter[V](env, exchange, buckets, typ)
	w.b.numbered = true
	return w
}
