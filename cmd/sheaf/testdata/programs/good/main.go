// A program that answers as a job's program does when it is asked for its plan.
package main

import (
	"fmt"
	"os"
)

func main() {
	if os.Getenv("SHEAF_MODE") != "plan" {
		fmt.Fprintln(os.Stderr, "this program was started without being asked for its plan")
		os.Exit(9)
	}
	fmt.Println(`{"version":1,"plan":{"name":"built","fingerprint":"f","stages":[{"id":0,"name":"text.Read","source":{"name":"in"},"sinks":[0]}],"sinks":[{"id":0,"name":"text.Write","destination":"out"}]},"graph":["text.Read"],"directory":"/"}`)
}
