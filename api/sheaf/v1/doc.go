// Package sheafv1 holds the messages of the control plane, generated from the
// .proto files beside it: what clients and executors ask of a coordinator, what
// an executor and its worker say to each other, and what a coordinator's journal
// keeps. The numbers of fields are permanent: a field that is not used any more
// is reserved with the reason, and no number gets a second meaning. Package wire
// turns the messages into the types that the rest of Sheaf works with, and
// checks them: nothing that came from elsewhere is used unchecked.
package sheafv1
