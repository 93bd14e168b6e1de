//! Tests public audit events with the public rules for them. The name of each file describes its contents.
//! The expected numbers are those of this program and agree with the names. So the test detects changes,
//! but does not prove that Falco has the same numbers.

use std::collections::BTreeMap;
use std::process::ExitCode;

use eyas_testing::{data_or_ignore, test};

mod common;

use common::{engine, events, plugins};

fn main() -> ExitCode {
    eyas_testing::main()
}

/// Files, the rule that matches their events, and the number of matches. Without a rule, no event matches.
const FILES: &[(&str, &str, usize)] = &[
    ("anonymous_creates_namespace_foo", "Anonymous Request Allowed", 1),
    ("attach_cluster_admin_role", "Attach to cluster-admin Role", 1),
    ("attach_pod", "Attach/Exec Pod", 1),
    ("create_cluster_role_pod_exec", "ClusterRole With Pod Exec Created", 1),
    ("create_cluster_role_wildcard_resources", "ClusterRole With Wildcard Created", 1),
    ("create_cluster_role_wildcard_verbs", "ClusterRole With Wildcard Created", 1),
    ("create_cluster_role_write_privileges", "ClusterRole With Write Privileges Created", 1),
    ("create_clusterrole", "K8s ClusterRole Created", 1),
    ("create_clusterrolebinding", "K8s ClusterRoleBinding Created", 1),
    ("create_configmap", "K8s ConfigMap Created", 1),
    ("create_configmap_no_sensitive_values", "K8s ConfigMap Created", 1),
    ("create_configmap_sensitive_values", "Create/Modify Configmap With Private Credentials", 6),
    ("create_deployment", "K8s Deployment Created", 1),
    ("create_kube_system_secret", "", 0),
    ("create_nginx_pod_hostnetwork", "Create HostNetwork Pod", 1),
    ("create_nginx_pod_no_secctx_1st_container_privileged_2nd_container", "Create Privileged Pod", 1),
    ("create_nginx_pod_nohostnetwork", "", 0),
    ("create_nginx_pod_privileged", "Create Privileged Pod", 1),
    ("create_nginx_pod_privileged_2nd_container", "Create Privileged Pod", 1),
    ("create_nginx_pod_sensitive_mount", "Create Sensitive Mount Pod", 1),
    ("create_nginx_pod_sensitive_mount_2nd_container", "Create Sensitive Mount Pod", 1),
    ("create_nginx_pod_unprivileged", "", 0),
    ("create_nginx_pod_unsensitive_mount", "", 0),
    ("create_nginx_service_nodeport", "Create NodePort Service", 1),
    ("create_nginx_service_nonodeport", "K8s Service Created", 1),
    ("create_pod_kube_public_namespace", "Pod Created in Kube Namespace", 1),
    ("create_pod_kube_system_namespace", "Pod Created in Kube Namespace", 1),
    ("create_secret", "K8s Secret Created", 1),
    ("create_service", "K8s Service Created", 1),
    ("create_service_account_token_secret", "", 0),
    ("create_serviceaccount", "K8s Serviceaccount Created", 1),
    ("create_serviceaccount_kube_public_namespace", "Service Account Created in Kube Namespace", 1),
    ("create_serviceaccount_kube_system_namespace", "Service Account Created in Kube Namespace", 1),
    ("delete_cluster_role_kube_aggregator", "System ClusterRole Modified/Deleted", 1),
    ("delete_clusterrole", "K8s ClusterRole Deleted", 1),
    ("delete_clusterrolebinding", "K8s ClusterRoleBinding Deleted", 1),
    ("delete_configmap", "K8s ConfigMap Deleted", 1),
    ("delete_deployment", "K8s Deployment Deleted", 1),
    ("delete_namespace_foo", "K8s Namespace Deleted", 1),
    ("delete_secret", "K8s Secret Deleted", 1),
    ("delete_service", "K8s Service Deleted", 1),
    ("delete_serviceaccount", "K8s Serviceaccount Deleted", 1),
    ("exec_pod", "Attach/Exec Pod", 1),
    ("fal_01_003", "", 0),
    ("minikube_creates_namespace_foo", "Create Disallowed Namespace", 1),
    ("modify_cluster_role_node_problem_detector", "System ClusterRole Modified/Deleted", 1),
    ("some-user_creates_namespace_foo", "Disallowed K8s User", 1),
];

/// Number of alerts of each rule for a file; only the first matching rule of an event counts.
fn by_rule(log: &str) -> BTreeMap<String, usize> {
    let (log, rules) = (data_or_ignore(log), data_or_ignore("rules/plugins/k8s_audit_rules.yaml"));
    let set = plugins();
    let engine = engine(&set, &[&rules]);
    let (mut evaluator, mut found, mut counts) = (engine.evaluator(), Vec::new(), BTreeMap::new());
    events(&set, Some(&engine), &log, |event| {
        evaluator.matches(event, &mut found).unwrap();
        let first = found.drain(..).next();
        first.into_iter().for_each(|hit| *counts.entry(engine.rule(hit.rule).name.clone()).or_default() += 1);
    });
    counts
}

#[test]
fn each_file_has_its_alerts() {
    for (file, rule, count) in FILES {
        let expected: BTreeMap<_, _> =
            (*count > 0).then(|| ((*rule).to_owned(), *count)).into_iter().collect();
        assert_eq!(by_rule(&format!("plugins/data/k8s_audit/{file}.json")), expected, "{file}");
    }
}

#[test]
fn all_events_in_one_log_have_the_alerts_of_all_files() {
    let counts = by_rule("plugins/data/all_k8s_audit.jsonl");
    let total: usize = counts.values().sum();
    let in_files: usize = FILES.iter().map(|(_, _, count)| count).sum();
    assert_eq!(total, in_files, "{counts:?}");
    assert!(counts.keys().all(|rule| FILES.iter().any(|(_, expected, _)| expected == rule)), "{counts:?}");
}
