package main

import (
	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/sheafdata/sheaf/sdk"
)

var (
	saleSchema = arrow.NewSchema([]arrow.Field{
		{Name: "Country", Type: arrow.BinaryTypes.String},
		{Name: "Revenue", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	sumSchema = arrow.NewSchema([]arrow.Field{
		{Name: "Key", Type: arrow.BinaryTypes.String},
		{Name: "Value", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
)

// byColumns is byRows as one would write it by hand for the least time.
func byColumns(_ *sdk.Context, in arrow.Record) (arrow.Record, error) {
	country := in.Column(2).(*array.String)
	quantity := in.Column(3).(*array.Int32).Int32Values()
	cents := in.Column(4).(*array.Int64).Int64Values()
	ends, text := country.ValueOffsets(), country.ValueBytes()
	// Offsets of a sliced column count from the beginning of the buffer.
	first := ends[0]

	revenue := make([]int64, len(quantity))
	offsets := make([]int32, len(quantity)+1)
	chars := make([]byte, 0, len(text))
	kept := 0
	for i, q := range quantity {
		if q < leastQuantity {
			continue
		}
		revenue[kept] = int64(q) * cents[i]
		chars = append(chars, text[ends[i]-first:ends[i+1]-first]...)
		kept++
		offsets[kept] = int32(len(chars))
	}
	return array.NewRecord(saleSchema, []arrow.Array{
		array.NewStringData(array.NewData(arrow.BinaryTypes.String, kept, []*memory.Buffer{
			nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets[:kept+1])), memory.NewBufferBytes(chars),
		}, nil, 0, 0)),
		int64Column(revenue[:kept]),
	}, int64(kept)), nil
}

// sumRevenue gives one row for a batch of sales.
func sumRevenue(in arrow.Record) arrow.Record {
	sum := int64(0)
	for _, r := range in.Column(1).(*array.Int64).Int64Values() {
		sum += r
	}
	key := array.NewStringBuilder(memory.DefaultAllocator)
	key.Append("revenue")
	return array.NewRecord(sumSchema, []arrow.Array{key.NewArray(), int64Column([]int64{sum})}, 1)
}

func int64Column(values []int64) arrow.Array {
	return array.NewInt64Data(array.NewData(arrow.PrimitiveTypes.Int64, len(values), []*memory.Buffer{
		nil, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(values)),
	}, nil, 0, 0))
}
