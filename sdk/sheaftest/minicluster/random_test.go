package minicluster_test

import "github.com/sheafdata/sheaf/sdk"

var random = sdk.Define("random", func(p *sdk.Pipeline, a wordArgs) error { return nil })
