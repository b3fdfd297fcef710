#!/usr/bin/env bats
# The network policies, as the box enforces them: what pods with a step's labels reach, and what not.

load helpers

reaches() { # POD HOST PORT: has time, where there is a way
  kubectl exec "$1" -- nc -w 30 "$2" "$3" </dev/null
}

cut_off() { # POD HOST PORT: packets are dropped, so that nothing can be waited for
  run -1 kubectl exec "$1" -- nc -w 3 "$2" "$3" </dev/null
}

start_pods() { # RUNTIME-CLASS: a step of each kind, a stranger, and what must not be reached
  jq -n --arg class "$1" '
    def pod($name; $labels; $command): {
      apiVersion: "v1", kind: "Pod", metadata: {$name, $labels}, spec: {
        runtimeClassName: (if $class == "" then null else $class end),
        terminationGracePeriodSeconds: 0,
        securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: "RuntimeDefault"}},
        containers: [{
          name: "main", image: "busybox", imagePullPolicy: "IfNotPresent", $command,
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}
        }]}};
    def step($name): pod($name; {
      "app.kubernetes.io/name": $name, "app.kubernetes.io/part-of": "argo-steps",
      "workflows.argoproj.io/workflow": "none"}; ["sleep", "600"]);
    step("aggregator"), step("fake-gen"), pod("stranger"; {}; ["sleep", "600"]),
    (pod("elsewhere"; {}; ["httpd", "-f", "-p", "8080"]) |
      .spec.containers[0].readinessProbe = {tcpSocket: {port: 8080}, periodSeconds: 1})' |
    kubectl create -f -
  kubectl wait --for=condition=Ready --timeout=180s pod/{aggregator,fake-gen,stranger,elsewhere}
  elsewhere=$(kubectl get pod elsewhere -o 'jsonpath={.status.podIP}')
  # What follows would pass without a listener too.
  reaches stranger "$elsewhere" 8080
}

@test "an aggregator's pod reaches names and PostgreSQL, and no other pod" {
  start_pods ''
  reaches aggregator postgres 5432
  cut_off aggregator "$elsewhere" 8080
}

@test "of its node a pod reaches the API server alone, and that where a policy lets it" {
  local address device
  start_pods ''
  reaches aggregator kubernetes.default.svc.cluster.local 443
  reaches stranger kubernetes.default.svc.cluster.local 443
  cut_off postgres-0 10.96.0.1 443
  for address in 192.168.77.1 10.244.0.1; do cut_off stranger "$address" 10250; done
  # The kubelet listens at the link-local address of the pod's own wire, too.
  device=$("$box" inside ip route get "$(kubectl get pod stranger -o 'jsonpath={.status.podIP}')" |
    grep -o 'veth[0-9a-f]*')
  address=$("$box" inside ip -6 -o address show dev "$device" | grep -o 'fe80[0-9a-f:]*')
  cut_off stranger "$address%eth0" 10250
}

@test "an aggregator's pod in gVisor reaches names and PostgreSQL, and no other pod" {
  start_pods gvisor
  reaches aggregator postgres 5432
  cut_off aggregator "$elsewhere" 8080
}

@test "a generator's pod reaches names, but neither PostgreSQL nor any other pod" {
  start_pods ''
  kubectl exec fake-gen -- nslookup "postgres.$namespace.svc.cluster.local"
  cut_off fake-gen postgres 5432
  cut_off fake-gen "$elsewhere" 8080
}

@test "PostgreSQL's pod reaches nothing, and is reached by no stranger" {
  start_pods ''
  cut_off stranger postgres 5432
  cut_off postgres-0 "$elsewhere" 8080
}
