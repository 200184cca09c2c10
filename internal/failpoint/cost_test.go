package failpoint

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCostsNothing compares machine code: without the tag a function with
// failpoints is the same as one without.
func TestCostsNothing(t *testing.T) {
	program := filepath.Join(t.TempDir(), "cost")
	output(t, "go", "build", "-o", program, "./testdata/cost")
	with, without := machineCode(t, program, "main.with"), machineCode(t, program, "main.without")
	if with != without {
		t.Errorf("with failpoints the machine code is\n%s\nwant that without them\n%s", with, without)
	}
}

// TestProgramsHaveNone holds that nothing of the package is in an ordinary build,
// of the daemons or of a job.
func TestProgramsHaveNone(t *testing.T) {
	for _, folder := range []string{"../../cmd/sheaf", "../../examples/wordcount"} {
		program := filepath.Join(t.TempDir(), "program")
		output(t, "go", "build", "-o", program, folder)
		symbols := output(t, "go", "tool", "nm", program)
		for line := range strings.Lines(symbols) {
			if strings.Contains(line, "internal/failpoint.") {
				t.Errorf("%s holds %s, want nothing of failpoints", folder, strings.TrimSpace(line))
			}
		}
		if !strings.Contains(symbols, "internal/storage.") {
			t.Errorf("%s has no symbols", folder)
		}
	}
}

// address is where a jump leads, which differs by where a function lies.
var address = regexp.MustCompile(`0x[0-9a-f]{5,}`)

// machineCode returns a function's instructions, without where they lie and what
// lines they come from.
func machineCode(t *testing.T, program, function string) string {
	t.Helper()
	var code strings.Builder
	for line := range strings.Lines(output(t, "go", "tool", "objdump", "-s", "^"+function+"$", program)) {
		fields := strings.Fields(line) // file:line, address, bytes, instruction
		if len(fields) >= 4 && strings.HasPrefix(fields[1], "0x") {
			text := address.ReplaceAllString(strings.Join(fields[3:], " "), "ADDRESS")
			code.WriteString(strings.ReplaceAll(text, function, "FUNCTION") + "\n")
		}
	}
	if code.Len() == 0 {
		t.Fatalf("there is no function %s", function)
	}
	return code.String()
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}
