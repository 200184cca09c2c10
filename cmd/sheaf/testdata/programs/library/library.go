// Package library is no program.
package library

// Seven is not of interest.
const Seven = 7
