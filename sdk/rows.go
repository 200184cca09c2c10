package sdk

import (
	"io"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/wire"
)

// rowsExit hands what the job collected on a cluster to the functions that wait
// for it. The graph is built again, since they are part of it.
func rowsExit(p Program, argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if err := takeRows(p, argv, stdin, stdout); err != nil {
		(&teller{out: stderr, job: p.Name()}).failed(err)
		return exitFailed
	}
	return exitOK
}

func takeRows(p Program, argv []string, stdin io.Reader, stdout io.Writer) error {
	cmd, err := p.read(argv, stdout)
	if err != nil {
		return fault.Wrap(fault.Invalid, err)
	}
	c, err := cmd.compile()
	if err != nil {
		return err
	}
	h, err := wire.ReadHandover(stdin)
	if err != nil {
		return err
	}
	if h.Fingerprint != c.Plan.Fingerprint {
		return fault.New(fault.Invalid, "the job ran graph %s, and this program builds %s: its build function must give the same graph every time", h.Fingerprint, c.Plan.Fingerprint)
	}
	return handCollected(c.Compiled, h.Rows)
}
