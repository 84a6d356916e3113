//! What a real API server says to manifests: every rule of every kind refuses what is wrong with its sentence alone, and
//! takes its neighbour.

#![allow(clippy::unwrap_used)]

mod example;
mod rules;
mod sentences;
mod stand;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::example::{KINDS, SUBSCRIPTION, asset, example, patched};
use crate::rules::{Case, rules_of_changes, rules_of_one_object};
use crate::stand::Stand;

/// Is this the refusal that the case expects, and no other beside it?
fn refused_by(case: &Case, answer: &Result<Value, String>) -> bool {
    let Err(message) = answer else { return false };
    let (before, after) = message.split_once("Invalid value: ").unwrap_or_default();
    // Several refusals are a list.
    !message.contains("is invalid: [")
        && without_keys(before).ends_with(&format!(" {}: ", case.field))
        && after.ends_with(case.says)
}

/// A path has indexes and keys; that of a case has none.
fn without_keys(path: &str) -> String {
    match path.split_once('[') {
        Some((list, rest)) => {
            let (_, rest) = rest.split_once(']').unwrap_or_default();
            format!("{list}[]{}", without_keys(rest))
        }
        None => path.into(),
    }
}

#[tokio::test]
async fn a_manifest_that_is_wrong_in_itself_is_refused_with_a_sentence() {
    let stand = Stand::new("admission").await;
    for kind in KINDS {
        let answer = stand.create(kind, &example(kind), "&dryRun=All").await;
        assert!(answer.is_ok(), "{kind}: {answer:?}");
    }
    let mut bad = vec![];
    for case in rules_of_one_object() {
        let send = async |patch| {
            let object = patched(example(case.kind), patch);
            stand.create(case.kind, &object, "&dryRun=All").await
        };
        let wrong = send(&case.wrong).await;
        if !refused_by(&case, &wrong) {
            bad.push(format!("{} {} {}: {:?}", case.kind, case.field, case.wrong, wrong.err()));
        }
        if let Err(message) = send(&case.right).await {
            bad.push(format!("{} {} was refused: {message}", case.kind, case.right));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    stand.leave().await;
}

/// The refusal of a word names the field and the words that there are.
#[tokio::test]
async fn a_word_that_a_field_does_not_know_is_refused_with_those_that_it_does() {
    let stand = Stand::new("words").await;
    let retirement = |action: &str| json!({"retirement": {"at": "2027-03-31T00:00:00Z", "action": action}});
    let deletion = |word: &str| json!({"policy": {"endpointDeletion": word}});
    let known = [
        (
            "workspaces",
            "spec.policy.endpointDeletion",
            &deletion as &dyn Fn(&str) -> Value,
            ["Allow", "Forbid"],
        ),
        ("modelversions", "spec.retirement.action", &retirement, ["BlockNewDeployments", "Archive"]),
    ];
    for (kind, field, with, words) in known {
        let send = async |word: &str| {
            stand.create(kind, &patched(example(kind), &json!({"spec": with(word)})), "&dryRun=All").await
        };
        for wrong in ["Never", "forbid", "archive", ""] {
            let [first, second] = words;
            let expected = format!(
                "{field}: Unsupported value: \"{wrong}\": supported values: \"{first}\", \"{second}\""
            );
            let said = send(wrong).await.unwrap_err();
            assert!(said.contains(&expected), "{said}");
        }
        for right in words {
            assert!(send(right).await.is_ok(), "{kind} {right}");
        }
    }
    stand.leave().await;
}

#[tokio::test]
async fn a_selector_with_a_word_that_kubernetes_does_not_know_is_refused() {
    let stand = Stand::new("selector").await;
    for kind in ["registries", "workspaces"] {
        for operator in ["in", "Equals", "Unknown"] {
            let expression = json!({"key": "team", "operator": operator, "values": ["fares"]});
            let allowed = json!({"from": "Selector", "selector": {"matchExpressions": [expression]}});
            let object = patched(example(kind), &json!({"spec": {"allowedNamespaces": allowed}}));
            let said = stand.create(kind, &object, "&dryRun=All").await.unwrap_err();
            let expected = "Unsupported value: \"{}\": supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\"";
            assert!(said.contains(&expected.replace("{}", operator)), "{said}");
        }
    }
    stand.leave().await;
}

/// Of a set whose last item is removed, the API server would keep no list at all, which means to keep every identity.
#[tokio::test]
async fn an_empty_list_of_identities_stays_one_when_it_is_applied() {
    let stand = Stand::new("identities").await;
    let assigned =
        "/subscriptions/s/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a";
    for (kind, field) in
        [("registries", "/spec/identity"), ("deploymentbindings", "/spec/online/endpoint/identity")]
    {
        for list in [json!([assigned]), json!([])] {
            let mut object = example(kind);
            *object.pointer_mut(field).unwrap() = json!({"systemAssigned": true, "userAssigned": list});
            let applied = stand.apply(kind, &object).await.unwrap();
            assert_eq!(applied.pointer(field).unwrap()["userAssigned"], list, "{kind}");
        }
    }
    stand.leave().await;
}

/// What the schema itself bounds: the sentence is Kubernetes' own, and names the field.
#[tokio::test]
async fn a_decision_and_a_policy_have_their_bounds() {
    let stand = Stand::new("bounds").await;
    let policy = |policy: Value| json!({"spec": {"policy": {"approvals": policy}}});
    let count = |count: i32| policy(json!({"count": count}));
    let decision = |field: &str, value: Value| json!({"spec": {field: value}});
    let soak = |places: Value| json!({"spec": {"policy": {"soak": {"in": places}}}});
    let mirror = |share: i32| json!({"spec": {"strategy": {"steps": [{"name": "shadow", "mirror": share}]}}});
    let document = json!({"name": "report", "uri": "https://reports.example/3.pdf"});
    let (from, most) = ("spec.policy.approvals.fromNamespaces", "x".repeat(253));
    let many = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>();
    let cases = [
        ("workspaces", count(0), "spec.policy.approvals.count", "greater than or equal to 1", count(1)),
        ("workspaces", count(11), "spec.policy.approvals.count", "less than or equal to 10", count(10)),
        ("workspaces", policy(json!({"fromNamespaces": null})), from, "Required value", policy(Value::Null)),
        (
            "workspaces",
            policy(json!({"fromNamespaces": []})),
            from,
            "at least 1 items",
            policy(json!({"count": null})),
        ),
        (
            "workspaces",
            policy(json!({"fromNamespaces": many(65)})),
            from,
            "at most 64 items",
            policy(json!({"fromNamespaces": many(64)})),
        ),
        (
            "workspaces",
            policy(json!({"fromNamespaces": ["a", "a"]})),
            "fromNamespaces[1]",
            "Duplicate value",
            policy(json!({"fromNamespaces": ["a", "b"]})),
        ),
        (
            "workspaces",
            policy(json!({"onWithdrawal": "Rollback"})),
            "onWithdrawal",
            "supported values: \"KeepServing\", \"RollBack\"",
            policy(json!({"onWithdrawal": "KeepServing"})),
        ),
        (
            "approvals",
            decision("decision", "Maybe".into()),
            "spec.decision",
            "supported values: \"Approved\", \"Rejected\"",
            json!({"spec": {"decision": "Rejected", "waives": null}}),
        ),
        ("approvals", decision("waives", json!([])), "spec.waives", "at least 1 items", json!({})),
        (
            "approvals",
            decision("waives", json!(["Soak", "Soak"])),
            "spec.waives[1]",
            "Duplicate value",
            decision("waives", json!(["Soak", "Gate/a"])),
        ),
        (
            "workspaces",
            policy(json!({"waivable": []})),
            "spec.policy.approvals.waivable",
            "at least 1 items",
            policy(json!({"waivable": null})),
        ),
        (
            "workspaces",
            soak(json!([])),
            "spec.policy.soak.in",
            "at least 1 items",
            soak(json!([{"name": "a"}])),
        ),
        (
            "workspaces",
            soak(Value::Null),
            "spec.policy.soak.in",
            "Required value",
            soak(json!([{"name": "a", "namespace": "b"}, {"name": "b"}])),
        ),
        (
            "workspaces",
            json!({"spec": {"policy": {"soak": {"for": null}}}}),
            "spec.policy.soak.for",
            "Required value",
            json!({}),
        ),
        ("approvals", decision("decision", Value::Null), "spec.decision", "Required value", json!({})),
        ("approvals", decision("by", Value::Null), "spec.by", "Required value", json!({})),
        (
            "approvals",
            decision("by", format!("{most}x").into()),
            "spec.by",
            "may not be more than 253",
            decision("by", most.into()),
        ),
        ("approvals", decision("assetId", Value::Null), "spec.assetId", "Required value", json!({})),
        (
            "approvals",
            decision("modelVersionRef", Value::Null),
            "spec.modelVersionRef",
            "Required value",
            json!({}),
        ),
        (
            "approvals",
            decision("tiers", json!([])),
            "spec.tiers",
            "at least 1 items",
            decision("tiers", Value::Null),
        ),
        (
            "approvals",
            decision("tiers", json!(["a", "a"])),
            "spec.tiers[1]",
            "Duplicate value",
            decision("tiers", json!(["a", "A"])),
        ),
        (
            "approvals",
            decision("tiers", many(33).into()),
            "spec.tiers",
            "at most 32 items",
            decision("tiers", many(32).into()),
        ),
        (
            "approvals",
            decision("evidence", json!([])),
            "spec.evidence",
            "at least 1 items",
            decision("evidence", Value::Null),
        ),
        (
            "approvals",
            decision("evidence", json!([document, document])),
            "spec.evidence[1]",
            "Duplicate value",
            decision("evidence", json!([document])),
        ),
        (
            "approvals",
            decision("evidence", json!([{"name": "report"}])),
            "spec.evidence[0].uri",
            "Required value",
            json!({}),
        ),
        ("approvals", decision("comment", "x".into()), "spec.comment", "unknown field", json!({})),
        (
            "rolloutactions",
            json!({"spec": {"action": "Pause", "step": null}}),
            "spec.action",
            "supported values: \"Promote\", \"Abort\", \"Retry\", \"Rollback\", \"Release\"",
            json!({"spec": {"action": "Abort", "step": null}}),
        ),
        ("rolloutactions", decision("revision", Value::Null), "spec.revision", "Required value", json!({})),
        (
            "rolloutactions",
            decision("bindingRef", Value::Null),
            "spec.bindingRef",
            "Required value",
            json!({}),
        ),
        (
            "rolloutactions",
            decision("requestedBy", Value::Null),
            "spec.requestedBy",
            "Required value",
            json!({}),
        ),
        (
            "rolloutactions",
            decision("bindingRef", json!({"name": "taxi", "namespace": "fares"})),
            "spec.bindingRef.namespace",
            "unknown field",
            decision("bindingRef", json!({"name": "taxi"})),
        ),
        ("deploymentbindings", mirror(0), "mirror", "greater than or equal to 1", mirror(1)),
        ("deploymentbindings", mirror(51), "mirror", "less than or equal to 50", mirror(50)),
    ];
    let mut bad = vec![];
    for (kind, wrong, field, says, right) in cases {
        let send = async |patch| stand.create(kind, &patched(example(kind), patch), "&dryRun=All").await;
        let told = send(&wrong).await.err().unwrap_or_default();
        if !(told.contains(field) && told.contains(says)) {
            bad.push(format!("{kind} {wrong}: {told}"));
        }
        if let Err(message) = send(&right).await {
            bad.push(format!("{kind} {right} was refused: {message}"));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    stand.leave().await;
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_with_a_sentence_and_the_rest_can() {
    let stand = Stand::new("changes").await;
    for kind in KINDS {
        stand.create(kind, &example(kind), "").await.unwrap();
    }
    let mut bad = vec![];
    for case in rules_of_changes() {
        let wrong = stand.change(case.kind, &case.wrong).await;
        if !refused_by(&case, &wrong) {
            bad.push(format!("{} {} {}: {:?}", case.kind, case.field, case.wrong, wrong.err()));
        }
        if let Err(message) = stand.change(case.kind, &case.right).await {
            bad.push(format!("{} {} was refused: {message}", case.kind, case.right));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    stand.leave().await;
}

#[tokio::test]
async fn every_rule_has_a_case_and_nothing_is_said_as_a_regular_expression() {
    let mut rules = BTreeSet::new();
    for crd in bindery::api::crds() {
        let kind = crd.spec.names.plural.clone();
        let crd = serde_json::to_value(crd).unwrap();
        let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for rule in root["x-kubernetes-validations"].as_array().into_iter().flatten() {
            rules.insert(format!("{kind} <nil>: {}", rule["message"].as_str().unwrap()));
        }
        every_field(&root["properties"]["spec"], "spec", &mut |field, schema| {
            for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                rules.insert(format!("{kind} {field}: {}", rule["message"].as_str().unwrap()));
            }
            assert!(schema["pattern"].is_null(), "{kind} {field} is refused without a sentence");
        });
    }
    let cases: BTreeSet<String> = rules_of_one_object()
        .into_iter()
        .chain(rules_of_changes())
        .map(|case| format!("{} {}: {}", case.kind, case.field, case.says))
        .collect();
    let missing: Vec<_> = rules.difference(&cases).collect();
    assert!(missing.is_empty(), "rules without a case: {missing:#?}");
    let odd: Vec<_> = cases.difference(&rules).collect();
    assert!(odd.is_empty(), "cases of rules that there are not: {odd:#?}");
}

fn every_field(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        every_field(property, &format!("{path}.{name}"), visit);
    }
    for several in ["items", "additionalProperties"] {
        if schema[several].is_object() {
            every_field(&schema[several], &format!("{path}[]"), visit);
        }
    }
}

/// The API server gives the rules of an object only so much work: what the bounds allow must fit into it.
#[tokio::test]
async fn the_largest_manifest_is_taken() {
    let stand = Stand::new("largest").await;
    let text = |letter: &str, length: usize| letter.repeat(length);
    let many = |count: usize, item: &dyn Fn(usize) -> Value| Value::Array((0..count).map(item).collect());
    let map = |count: usize, key: &dyn Fn(usize) -> String, value: &str| {
        // The example has one key already.
        Value::Object((1..count).map(|n| (key(n), value.into())).collect())
    };
    let tags = map(40, &|n| format!("{n:02}{}", text("k", 254)), &text("v", 256));
    let foreign = map(40, &|n| format!("{n:02}{}", text("ä", 100)), &text("ä", 128));
    let name = |n: usize| format!("{n:02}{}", text("n", 61));
    let label = |n: usize| format!("{}d.d/{}", text("d.", 125), name(n));
    let expressions =
        many(32, &|n| json!({"key": label(n), "operator": "In", "values": many(32, &|n| name(n).into())}));
    let selector = json!({"matchLabels": map(32, &label, &name(0)), "matchExpressions": expressions});
    let allowed = json!({"from": "Selector", "selector": selector});
    let group = text("g", 90);
    let identities = many(20, &|n| {
        let start = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}");
        format!("{start}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{n:02}{}", text("i", 200))
            .into()
    });
    let identity = json!({"userAssigned": identities});
    let regions = many(32, &|n| {
        if n == 0 {
            json!({"location": "eastus"})
        } else {
            json!({"location": format!("{n:02}{}", text("r", 38))})
        }
    });
    let globs = many(64, &|n| format!("{n:02}{}", text("*", 253)).into());
    let sources = many(
        32,
        &|n| json!({"name": name(n), "registryRef": {"name": text("r", 253), "namespace": name(n)}, "models": globs}),
    );
    let data = map(21, &|n| format!("{n:02}{}", text("k", 126)), &text("v", 256));
    let flavors = many(8, &|n| json!({"name": name(n), "data": data}));
    let identity_globs = many(64, &|n| format!("*{n:02}{}", text("i", 500)).into());
    let environment_globs = many(64, &|n| format!("*{n:02}{}", text("e", 1000)).into());
    let sizes = many(64, &|n| format!("s{n:02}{}", text("z", 60)).into());
    let deployment =
        json!({"environments": environment_globs, "identities": identity_globs, "instanceTypes": sizes});
    let rules = many(32, &|n| format!("Gate/{}", name(n)).into());
    let approvals = json!({"count": 10, "fromNamespaces": many(64, &|n| name(n).into()), "waivable": rules});
    let soak = json!({"in": many(8, &|n| json!({"name": text("w", 253), "namespace": name(n)})), "for": "2159h59m59s"});
    let evidence = many(20, &|n| {
        let uri = format!("https://{n:02}{}", text("ä", 1014));
        json!({"name": name(n), "uri": uri, "sha256": text("f", 64)})
    });
    let registry = text("ä", 700);
    let decision = json!({
        "assetId": format!("azureml://registries/{registry}/models/{}/versions/1234567890", text("m", 255)),
        "tiers": many(32, &|n| name(n).into()), "by": text("ä", 253), "reason": text("ä", 4096), "evidence": evidence,
        "waives": rules,
    });
    let publishers = |lists: &[&str]| {
        many(24, &|n| {
            // An object has room for one selector of this size, and the API server for not much more.
            let namespaces = if n == 0 { allowed.clone() } else { json!({"from": "All"}) };
            let mut entry = json!({"name": name(n), "namespaces": namespaces});
            for list in lists {
                let length = if *list == "models" { 253 } else { 30 };
                entry[*list] = many(64, &|n| format!("{n:02}{}", text("*", length)).into());
            }
            entry
        })
    };
    let variables = map(100, &|n| format!("{n:02}{}", text("V", 254)), &text("v", 4096));
    let environment = asset("environments", &text("e", 800));
    let code = json!({"id": asset("codes", &text("c", 800)), "scoringScript": text("s/", 127) + "s"});
    let steps = many(20, &|n| match n {
        0..5 => json!({"name": name(n), "mirror": n + 1}),
        n if n % 2 == 0 => json!({"name": name(n), "setTraffic": n + 1}),
        n => json!({"name": name(n), "pause": {"for": "719h59m59s"}}),
    });
    let action = json!({
        "bindingRef": {"name": text("b", 253)}, "step": name(0), "reason": text("ä", 4096), "requestedBy": text("ä", 253),
    });
    let patches = [
        (
            "registries",
            json!({"spec": {"tags": tags, "regions": regions, "identity": identity, "allowedNamespaces": allowed,
                "publishers": publishers(&["models"])}}),
        ),
        ("registries", json!({"spec": {"tags": foreign}})),
        (
            "workspaces",
            json!({"spec": {"policy": {"sources": sources, "deployment": deployment, "approvals": approvals, "soak": soak}, "allowedNamespaces": allowed,
                "publishers": publishers(&["models", "endpoints"])}}),
        ),
        (
            "modelversions",
            json!({"spec": {"tags": tags, "properties": foreign, "description": text("ä", 2048),
            "flavors": flavors, "source": {"job": {"path": text("a/", 511) + "a"}}}}),
        ),
        (
            "deploymentbindings",
            json!({"spec": {"strategy": {"steps": steps}, "online": {
            "endpoint": {"tags": tags, "identity": identity},
            "deployment": {"tags": foreign, "environmentVariables": variables, "environment": environment, "code": code}}}}),
        ),
        ("approvals", json!({"spec": decision})),
        ("rolloutactions", json!({"spec": action})),
    ];
    for (kind, patch) in patches {
        let answer = stand.create(kind, &patched(example(kind), &patch), "&dryRun=All").await;
        assert!(answer.is_ok(), "{kind}: {}", answer.unwrap_err());
    }
    stand.leave().await;
}

#[tokio::test]
async fn a_new_object_says_that_nobody_has_looked_at_it() {
    let stand = Stand::new("fresh").await;
    for kind in KINDS {
        let object = stand.create(kind, &example(kind), "").await.unwrap();
        assert_eq!(object["status"], json!({"observedGeneration": -1}), "{kind}");
        assert_eq!(object["metadata"]["generation"], 1);
    }
    stand.leave().await;
}

#[tokio::test]
async fn a_field_that_is_left_out_gets_the_default_that_its_text_names() {
    let stand = Stand::new("defaults").await;
    let azure = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": "ml"});
    let place = json!({"name": "p"});
    let smallest = [
        (
            "registries",
            json!({"azure": azure, "location": "eastus", "regions": [{"location": "eastus", "storage": {}}]}),
            json!({"allowedNamespaces": {"from": "Same"}, "management": "Manage", "deletionPolicy": "Retain",
                "adoption": "Refuse", "regionRemoval": "Refuse", "suspend": false}),
        ),
        (
            "workspaces",
            json!({"azure": azure}),
            json!({"allowedNamespaces": {"from": "Same"}, "policy": {}, "adoption": "Refuse"}),
        ),
        (
            "modelversions",
            json!({"workspaceRef": place, "model": "m", "version": "1", "source": {"job": {"name": "j"}}}),
            json!({"management": "Manage", "deletionPolicy": "Retain",
                "suspend": false, "source": {"job": {"name": "j", "path": "model"}}}),
        ),
        (
            "deploymentbindings",
            json!({"workspaceRef": place, "model": {"versionRef": {"name": "v"}},
                "online": {"endpoint": {"name": "taxi"}, "deployment": {}}}),
            json!({"management": "Manage", "deletionPolicy": "Delete", "suspend": false, "strategy": {}}),
        ),
        (
            "approvals",
            json!({"modelVersionRef": place, "assetId": asset("models", "m"), "decision": "Approved", "by": "ada"}),
            json!({}),
        ),
        (
            "rolloutactions",
            json!({"bindingRef": place, "action": "Abort", "revision": "5e6f7a8b90", "requestedBy": "ada"}),
            json!({}),
        ),
    ];
    for (kind, spec, defaults) in smallest {
        let mut object = example(kind);
        object["spec"] = spec.clone();
        let answer = stand.create(kind, &object, "&dryRun=All").await.unwrap();
        assert_eq!(answer["spec"], patched(spec, &defaults), "{kind}");
    }
    stand.leave().await;
}

#[tokio::test]
async fn a_manifest_that_is_applied_twice_says_unchanged() {
    let stand = Stand::new("twice").await;
    for kind in KINDS {
        let mut object = example(kind);
        if kind == "registries" {
            object["spec"]["regions"] = json!([{"location": "eastus"}, {"location": "westeurope"}]);
        }
        let apply = || stand.kubectl_applies(&object);
        assert!(apply().ends_with(" created\n"));
        assert!(apply().ends_with(" unchanged\n"), "{kind}: a default has got into what was applied");
    }
    stand.leave().await;
}

#[tokio::test]
async fn kubectl_explains_every_field() {
    let stand = Stand::new("explain").await;
    let words = "What happens in Azure when this object is deleted. Retain (default)";
    stand.kubectl_says_at_last(&["explain", "amlreg.spec.deletionPolicy"], words).await;
    let field = "deploymentbindings.spec.online.deployment.instanceCount";
    stand.kubectl_says_at_last(&["explain", field], "The number of instances, 1 to 50.").await;

    // What `kubectl explain` reads: the API server's own document, for all fields at once.
    let request = http::Request::get("/openapi/v3/apis/bindery.dev/v1alpha1").body(vec![]).unwrap();
    let document: Value = stand.client.request(request).await.unwrap();
    let (mut silent, mut seen) = (vec![], 0);
    let kinds = [
        "Registry",
        "Workspace",
        "ModelVersion",
        "DeploymentBinding",
        "Approval",
        "RolloutAction",
        "MetricProvider",
    ];
    for kind in kinds {
        let spec =
            &document["components"]["schemas"][format!("dev.bindery.v1alpha1.{kind}")]["properties"]["spec"];
        every_field(spec, &format!("{kind}.spec"), &mut |path, schema| {
            seen += 1;
            // An item is explained by its list.
            if !path.ends_with("[]") && schema["description"].as_str().is_none_or(str::is_empty) {
                silent.push(path.to_string());
            }
        });
    }
    assert!(silent.is_empty(), "kubectl explain says nothing about {silent:?}");
    assert!(seen > 100, "only {seen} fields were looked at");
    stand.leave().await;
}

#[tokio::test]
async fn kubectl_get_is_a_useful_page() {
    let stand = Stand::new("columns").await;
    for kind in KINDS {
        stand.create(kind, &example(kind), "").await.unwrap();
    }
    let page = stand.kubectl_says(&["get", "bindery", "--all-namespaces"]);
    let headers: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("NAMESPACE"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let expected = [
        "NAMESPACE NAME PLACE MODEL VERSION GATES SERVING READY REASON AGE",
        "NAMESPACE NAME REGIONS READY REASON AGE",
        "NAMESPACE NAME TIER LOCATION READY REASON AGE",
        "NAMESPACE NAME WORKSPACE ENDPOINT VERSION PHASE TRAFFIC READY REASON AGE",
        "NAMESPACE NAME DECISION BY VERSION EXPIRES READY REASON AGE",
        "NAMESPACE NAME BINDING ACTION REVISION BY ACCEPTED COMPLETE READY REASON AGE",
        "NAMESPACE NAME ADDRESS READY REASON AGE",
    ];
    assert_eq!(headers, expected.map(str::to_string).into());
    // Where it is: a version in its registry or workspace, a binding in its workspace, at its endpoint.
    let row = |kind: &str| -> Vec<String> {
        let name = format!("{kind}.bindery.dev/example");
        let line = page.lines().find(|line| line.contains(&name) && line.contains(&stand.namespace));
        line.unwrap_or_default().split_whitespace().skip(2).map(str::to_string).collect()
    };
    assert_eq!(row("modelversion")[..3], ["fares-dev", "nyc-taxi-fare", "3"]);
    assert_eq!(row("deploymentbinding")[..3], ["fares-prod", "taxi-fare-prod", "taxi-fare-3"]);
    let decided = ["Approved", "ada@fares.example", "taxi-fare-3", "2027-03-31T00:00:00Z"];
    assert_eq!(row("approval")[..4], decided);
    assert_eq!(row("rolloutaction")[..4], ["taxi-fare", "Promote", "5e6f7a8b90", "ada@fares.example"]);
    let names = [
        "registry",
        "workspace",
        "modelversion",
        "deploymentbinding",
        "approval",
        "rolloutaction",
        "metricprovider",
    ];
    for name in names {
        assert!(page.contains(&format!("{name}.bindery.dev/example")), "{page}");
    }
    let short = stand.kubectl_says(&[
        "get",
        "--namespace",
        &stand.namespace,
        "amlreg,amlws,amlmv,amlbind,amlappr,amlact,amlmp",
        "--output",
        "name",
    ]);
    assert_eq!(short.lines().collect::<Vec<_>>(), names.map(|n| format!("{n}.bindery.dev/example")));
    stand.leave().await;
}

#[tokio::test]
async fn the_samples_are_taken_as_they_are() {
    let platform = Stand::with("ml-platform").await;
    let stand = Stand::with("fares").await;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let samples = repository.join("config/samples");
    let folder = samples.to_str().unwrap();
    let said = stand.kubectl_says(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "--filename",
        folder,
    ]);
    let mut expected = ["fares", "ml-platform"].map(|name| format!("namespace/{name}")).to_vec();
    expected.push("registry.bindery.dev/fares-models".into());
    expected.extend(["fares-dev", "fares-prod"].map(|name| format!("workspace.bindery.dev/{name}")));
    for version in 1..=3 {
        let version = format!("modelversion.bindery.dev/taxi-fare-{version}");
        expected.extend([format!("{version}-dev"), version]);
    }
    expected.push("deploymentbinding.bindery.dev/taxi-fare".into());
    expected.push("configmap/taxi-fare-smoke".into());
    let mut found: Vec<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    platform.leave().await;
    stand.leave().await;
}

#[tokio::test]
async fn the_recipes_are_taken_as_they_are() {
    let stand = Stand::with("fares-recipes").await;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(repository.join("docs/guide/recipes.md")).unwrap();
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recipes");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (at, block) in blocks.enumerate() {
        let mut object: Value = serde_yaml::from_str(block).unwrap();
        object["metadata"]["namespace"] = json!(stand.namespace);
        // The recipes are of one binding, and each is another object here.
        object["metadata"]["name"] = json!(format!("recipe-{at}"));
        fs::write(folder.join(format!("{at}.json")), object.to_string()).unwrap();
    }
    let folder = folder.to_str().unwrap();
    let said = stand.kubectl_says(&[
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
        "--filename",
        folder,
    ]);
    let taken = |kind: &str| said.lines().filter(|line| line.starts_with(kind)).count();
    assert_eq!((taken(""), taken("configmap/")), (7, 1), "{said}");
    stand.leave().await;
}
