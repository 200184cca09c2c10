package program

import (
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

func TestEnvironmentHoldsNoToken(t *testing.T) {
	t.Setenv("SHEAF_TOKEN", "a-secret")
	t.Setenv("KEPT", "yes")
	env := environment(plan.ModePlan)
	if i := slices.IndexFunc(env, func(v string) bool { return strings.Contains(v, "a-secret") }); i >= 0 {
		t.Errorf("environment holds %q, want no token", env[i])
	}
	for _, want := range []string{"KEPT=yes", plan.ModeVariable + "=" + plan.ModePlan} {
		if !slices.Contains(env, want) {
			t.Errorf("environment lacks %q", want)
		}
	}
}
