package operator

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Rand returns the random numbers of the function at work in this task. Their
// seed is made of the job, the stage, the task's partition and the place of the
// function among the job's operators, so every attempt of the task draws the same
// ones, row by row: a retry gives the same rows. Another run of the job draws
// others. It is for the goroutine that called the function alone, and no source of
// secrets.
//
// The rows must come in the same order for that. They do in a stage that reads a
// source or sorted rows; behind an exchange without an order (see docs/operators.md)
// draw for a row from a source seeded by the row itself.
func (c *Context) Rand() *rand.Rand {
	if c.random == nil {
		c.random = rand.New(c.seeded())
	}
	return c.random
}

// seeded returns a source that is the same in every attempt of the task.
func (c *Context) seeded() rand.Source {
	b := append([]byte("sheaf rand "), c.attempt.Job[:]...)
	for _, n := range []int{int(c.attempt.Task.Stage), c.attempt.Task.Index, c.operator} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	sum := sha256.Sum256(b)
	return rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:]))
}
