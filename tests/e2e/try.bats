#!/usr/bin/env bats
# workflows/try.sh, as a user meets it in a namespace of a cluster, and what it says when it cannot work.

load helpers

@test "try.sh makes a Secret where there is none, and never changes one" {
  kubectl delete -k workflows
  kubectl delete secret postgres
  kubectl delete pvc --all
  run -0 workflows/try.sh
  [[ $output == *"kubectl create secret generic postgres"* ]]
  [[ $output == *"once more  already applied"* ]]
  secret() { kubectl get secret postgres -o 'jsonpath={.data}{.metadata.resourceVersion}'; }
  before=$(secret)
  run -0 workflows/try.sh
  [[ $output != *"create secret"* ]]
  [ "$(secret)" = "$before" ]
}

@test "an image that no node has is named at once, and ends try.sh early" {
  run -1 timeout 120 workflows/try.sh -p image-prefix=registry.invalid/team/
  [[ $output == *"waiting    for "*"fake-gen"*" ErrImagePull "* || $output == *"waiting    for "*"fake-gen"*" ImagePullBackOff "* ]]
  [[ $output == *"try.sh: the node has no such image"*"registry.invalid/team/fake_gen:latest"* ]]
  ended "$(kubectl get workflows -o 'jsonpath={.items[0].metadata.name}')" Failed
}

@test "a Secret without the server's own password is refused in words, before anything is applied" {
  kubectl patch secret postgres --type json --patch '[{"op": "remove", "path": "/data/admin-password"}]'
  run -1 workflows/try.sh
  [[ $output == *"has no key admin-password"* ]]
  [[ $output != *"kubectl apply"* ]]
}
