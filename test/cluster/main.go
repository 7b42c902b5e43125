// Command cluster is a real Kubernetes control plane in one binary: etcd and the three kube components, as hyperkube once was.
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

const usage = `usage: cluster [--parent-pid PID] COMMAND [ARGUMENTS]

  etcd | kube-apiserver | kube-controller-manager | kube-scheduler   run that component
  certs DIR                                                          write certificates and keys into DIR
  exec PROGRAM [ARGUMENTS]                                           run another program under the same watch

--parent-pid PID   end as soon as the process PID is no longer our parent`

func main() {
	args := watchParent(os.Args[1:])
	if len(args) == 0 {
		fail(usage)
	}
	os.Args = args
	switch args[0] {
	case "etcd":
		etcdmain.Main(args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	case "certs":
		if len(args) != 2 {
			fail(usage)
		}
		if err := writeCertificates(args[1]); err != nil {
			fail(err.Error())
		}
	case "exec":
		if len(args) < 2 {
			fail(usage)
		}
		os.Exit(runWatched(args[1:]))
	default:
		fail(usage)
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(64)
}
