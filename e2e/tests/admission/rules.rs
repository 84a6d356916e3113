//! Every rule and pattern of every kind, with what breaks it and with its neighbour.

use serde_json::{Value, json};

use crate::example::{WITH_AN_INTERVAL, asset};
use crate::sentences::*;

/// A rule of one field: what breaks it, what it says, and what is just right.
pub struct Case {
    pub kind: &'static str,
    /// The field that the refusal names, without indexes: `spec.regions[].location`.
    pub field: &'static str,
    /// The whole message of the rule.
    pub says: &'static str,
    /// A merge patch of the whole example ([`example`]).
    pub wrong: Value,
    /// Another one.
    pub right: Value,
}

fn case(kind: &'static str, field: &'static str, says: &'static str, wrong: Value, right: Value) -> Case {
    Case { kind, field, says, wrong, right }
}

/// A merge patch that sets one field: `spec.azure.name`.
fn at(field: &str, value: Value) -> Value {
    field.rsplit('.').fold(value, |inner, name| json!({name: inner}))
}

/// Rules of an object by itself.
pub fn rules_of_one_object() -> Vec<Case> {
    let mut cases = vec![];
    for kind in ["registries", "workspaces"] {
        cases.extend(rules_of_a_place(kind));
        cases.extend(rules_of_selectors(kind, "spec.allowedNamespaces", &|allowed| {
            at("spec.allowedNamespaces", allowed)
        }));
        cases.extend(rules_of_selectors(kind, "spec.publishers[].namespaces", &|namespaces| {
            publisher(&json!({"namespaces": namespaces}))
        }));
        cases.extend(rules_of_publishers(kind));
    }
    for kind in WITH_AN_INTERVAL {
        for (wrong, right) in [("59s", "60s"), ("24h1s", "24h")] {
            let (wrong, right) = (at("spec.interval", wrong.into()), at("spec.interval", right.into()));
            cases.push(case(kind, "spec", "interval must be from 1m to 24h", wrong, right));
        }
    }
    cases.extend(rules_of_tags());
    cases.extend(rules_of_registries());
    cases.extend(rules_of_versions());
    cases.extend(rules_of_bindings());
    cases.extend(rules_of_periods());
    cases.extend(rules_of_references());
    cases.extend(rules_of_policies());
    cases.extend(rules_of_text());
    cases.extend(rules_of_approvals());
    cases.extend(rules_of_actions());
    cases.extend(rules_of_gates());
    cases.extend(rules_of_soak_and_waivers());
    cases
}

/// One entry in the list of publishers, with these fields.
fn publisher(fields: &Value) -> Value {
    let entry = crate::example::patched(json!({"name": "one", "namespaces": {"from": "All"}}), fields);
    at("spec.publishers", json!([entry]))
}

fn rules_of_publishers(kind: &'static str) -> Vec<Case> {
    let glob = |list: &str, glob: &str| publisher(&json!({list: [glob]}));
    let mut cases = vec![case(
        kind,
        "spec.publishers[].name",
        ENTRY_NAME,
        publisher(&json!({"name": "The first"})),
        publisher(&json!({"name": "the-1st"})),
    )];
    for wrong in ["taxi-?", "nyc/*", "", "nyc *"] {
        let field = "spec.publishers[].models[]";
        cases.push(case(kind, field, PUBLISHER_MODEL, glob("models", wrong), glob("models", "*NYC_taxi-1*")));
    }
    if kind == "workspaces" {
        for wrong in ["taxi-?", "taxi_1", ""] {
            let field = "spec.publishers[].endpoints[]";
            let right = glob("endpoints", "*taxi-1*");
            cases.push(case(kind, field, PUBLISHER_ENDPOINT, glob("endpoints", wrong), right));
        }
    }
    cases
}

/// Rules of namespaces that are selected, at this field; `put` makes of them a patch of the example.
fn rules_of_selectors(kind: &'static str, field: &'static str, put: &dyn Fn(Value) -> Value) -> Vec<Case> {
    let selector = "selector is given exactly when from is Selector";
    let at = |below: &str| -> &'static str { format!("{field}{below}").leak() };
    let allowed = |value| put(value);
    let expressions =
        |value: Value| allowed(json!({"from": "Selector", "selector": {"matchExpressions": [value]}}));
    let values = "In and NotIn need values; Exists and DoesNotExist take none";
    let expression = at(".selector.matchExpressions[]");
    let labels = |labels: Value| allowed(json!({"from": "Selector", "selector": {"matchLabels": labels}}));
    let mut cases = vec![];
    let (many, domain) = ("k".repeat(64), format!("{}/k", "d.".repeat(127)));
    for key in
        ["a b", "", "-a", "a/b/c", "/a", "a/", "A.example/a", "a..b/a", "bücher", "a\n", &many, &domain]
    {
        let right = "Example_1.b";
        let in_map = at(".selector.matchLabels");
        let says = format!("each key {LABEL_KEY}").leak();
        let prefixed = json!({right: "x", format!("{}d/{}", "d.".repeat(126), "k".repeat(63)): ""});
        cases.push(case(kind, in_map, says, labels(json!({key: "c"})), labels(prefixed)));
        let exists = |key: &str| expressions(json!({"key": key, "operator": "Exists"}));
        let in_list = at(".selector.matchExpressions[].key");
        cases.push(case(kind, in_list, LABEL_KEY, exists(key), exists("example.com/team")));
    }
    for value in ["a b", "-a", "a_", "a/b", "ä", "a\n"] {
        let in_map = at(".selector.matchLabels[]");
        let other = |value: &str| labels(json!({"other": value}));
        cases.push(case(kind, in_map, LABEL_VALUE, other(value), other("")));
        let one_of = |value: &str| expressions(json!({"key": "team", "operator": "In", "values": [value]}));
        let in_list = at(".selector.matchExpressions[].values[]");
        cases.push(case(kind, in_list, LABEL_VALUE, one_of(value), one_of("Fares_1.b-c")));
    }
    cases.extend([
        case(
            kind,
            expression,
            values,
            expressions(json!({"key": "team", "operator": "In", "values": []})),
            expressions(json!({"key": "team", "operator": "In", "values": ["fares"]})),
        ),
        case(
            kind,
            expression,
            values,
            expressions(json!({"key": "team", "operator": "Exists", "values": ["fares"]})),
            expressions(json!({"key": "team", "operator": "Exists"})),
        ),
        // A selector alone, and Selector alone.
        case(
            kind,
            field,
            selector,
            allowed(json!({"from": "All", "selector": {"matchLabels": {"team": "fares"}}})),
            allowed(json!({"from": "All", "selector": null})),
        ),
        case(
            kind,
            field,
            selector,
            allowed(json!({"from": "Selector", "selector": null})),
            allowed(json!({"from": "Same", "selector": null})),
        ),
    ]);
    cases
}

fn rules_of_a_place(kind: &'static str) -> Vec<Case> {
    let unnamed = |name: &str| json!({"metadata": {"name": name}, "spec": {"azure": {"name": null}}});
    vec![
        case(
            kind,
            "<nil>",
            "metadata.name is also the name in Azure, which has 3 to 33 letters, digits and dashes: choose another, or give spec.azure.name",
            unnamed("fares.models"),
            unnamed("fares-models"),
        ),
        case(
            kind,
            "spec.azure.subscriptionId",
            SUBSCRIPTION,
            at("spec.azure.subscriptionId", "pay-as-you-go".into()),
            at("spec.azure.subscriptionId", "ABCDEF00-0000-0000-0000-000000000001".into()),
        ),
        case(
            kind,
            "spec.azure.resourceGroup",
            RESOURCE_GROUP,
            at("spec.azure.resourceGroup", "ends-with-a-dot.".into()),
            at("spec.azure.resourceGroup", "with.a-dot_(and more)".replace(' ', "").into()),
        ),
        case(
            kind,
            "spec.azure.name",
            PLACE_NAME,
            at("spec.azure.name", "-fares".into()),
            at("spec.azure.name", "1-Fares_models".into()),
        ),
    ]
}

fn rules_of_tags() -> Vec<Case> {
    let fields = [
        ("registries", "spec.tags"),
        ("modelversions", "spec.tags"),
        ("modelversions", "spec.properties"),
        ("deploymentbindings", "spec.online.endpoint.tags"),
        ("deploymentbindings", "spec.online.deployment.tags"),
    ];
    let form = r"keys must have 1 to 256 characters that can be seen: no < > % & ? / \, no control characters and none without a width, and no spaces but plain ones between others; such as cost center";
    let prefix = "keys must not begin with 'bindery-', in whatever case: that prefix is Bindery's own";
    let alike = "keys must differ in more than upper and lower case: to Azure they are the same";
    let mut cases = vec![];
    for (kind, field) in fields {
        let keys = |keys: &[&str]| {
            let tags = keys.iter().map(|key| ((*key).to_string(), json!("x"))).collect();
            at(field, Value::Object(tags))
        };
        for wrong in ["", " bindery-owner", "team ", "a/b", "a\\b", "50%", "a\nb", &"k".repeat(257)] {
            cases.push(case(kind, field, form, keys(&[wrong]), keys(&["a b", "k", &"k".repeat(256)])));
        }
        for wrong in ["bindery-owner", "Bindery-Owner", "BINDERY-STABLE"] {
            cases.push(case(
                kind,
                field,
                prefix,
                keys(&[wrong]),
                keys(&["binderyowner", "my-bindery-owner"]),
            ));
        }
        // The example has the keys `team` and, as a property, `flavor`.
        let there = if field == "spec.properties" { "Flavor" } else { "Team" };
        cases.push(case(kind, field, alike, keys(&[there]), keys(&["Other"])));
        // In every alphabet, and whatever a key means to a regular expression.
        for (one, other) in [("ÄRGER", "ärger"), ("a.Δ", "A.δ"), ("ОТДЕЛ", "отдел"), ("\u{212a}ey", "key")]
        {
            let right = keys(&["Ärger", "årger", "部署", "予算", "ü.b", "ü(b", "ü[b", "ü*b"]);
            cases.push(case(kind, field, alike, keys(&[one, other]), right));
        }
        // White space of all kinds, what has no width, and what controls: before, in and behind a key.
        for sign in "\u{a0}\u{1680}\u{2003}\u{202f}\u{205f}\u{3000}\u{2028}\u{2029}\u{85}\u{9}\u{ad}\u{34f}\u{61c}\u{3164}\u{180e}\u{200b}\u{200d}\u{2060}\u{202e}\u{fe0f}\u{feff}\u{e0020}".chars() {
            let wrong = format!("{sign}bindery-owner");
            cases.push(case(kind, field, form, keys(&[&wrong]), keys(&["Straße 7"])));
        }
        for wrong in ["te\u{200b}am", "team\u{a0}", "cost\u{a0}center"] {
            cases.push(case(kind, field, form, keys(&[wrong]), keys(&["Straße 7"])));
        }
        let value = |value: &str| at(field, json!({"other": value}));
        let told: &'static str = format!("{field}[]").leak();
        cases.push(case(kind, told, TAG_VALUE, value("two\nlines"), value("")));
        cases.push(case(kind, told, TAG_VALUE, value("a\tb"), value("<b> & 50 % of ünï?")));
        cases.push(case(kind, told, SEEN, value("a\u{202e}b"), value("")));
    }
    let (kind, field) = ("deploymentbindings", "spec.online.deployment.environmentVariables");
    let says =
        "names must have 1 to 256 characters, without '=', spaces and control characters, such as LOG_LEVEL";
    for wrong in ["", "A=B", "A B", "A\u{0}", &"A".repeat(257)] {
        let right =
            at(field, json!({"a.b-c_D": "any = thing", "bindery-x": "x", "LEVEL": "x", "level": "y"}));
        cases.push(case(kind, field, says, at(field, json!({wrong: "x"})), right));
    }
    let seen: &'static str = format!("each name {SEEN}").leak();
    let wrong = at(field, json!({"LEVEL\u{200b}": "x"}));
    cases.push(case(kind, field, seen, wrong, at(field, json!({"LEVEL": "x"}))));
    let value = |value: &str| at(field, json!({"KEY": value}));
    let told = "spec.online.deployment.environmentVariables[]";
    cases.push(case(kind, told, VARIABLE_VALUE, value("a\u{0}"), value("-----BEGIN-----\r\n\tab\n")));
    cases
}

/// A reference names an object as Kubernetes does.
fn rules_of_references() -> Vec<Case> {
    let promoted = |reference: Value| {
        let source = json!({"job": null, "modelVersionRef": reference});
        json!({"spec": {"workspaceRef": null, "registryRef": {"name": "r"}, "source": source}})
    };
    let into = |reference: Value| {
        let source = json!({"job": null, "modelVersionRef": {"name": "v"}});
        json!({"spec": {"workspaceRef": null, "registryRef": reference, "source": source}})
    };
    let from =
        |reference: Value| at("spec.policy.sources", json!([{"name": "one", "registryRef": reference}]));
    let workspace = |reference: Value| at("spec.workspaceRef", reference);
    let version = |reference: Value| at("spec.model.versionRef", reference);
    let mut cases = vec![];
    let mut of = |kind, field: &'static str, patch: &dyn Fn(Value) -> Value| {
        let named = |name: &str| patch(json!({"name": name, "namespace": "fares"}));
        let homed = |namespace: &str| patch(json!({"name": "taxi", "namespace": namespace}));
        for wrong in ["Taxi", "taxi\nfare", "taxi/fare", "-taxi"] {
            let field = format!("{field}.name").leak();
            cases.push(case(kind, field, OBJECT_NAME, named(wrong), named("taxi.fare-3")));
        }
        for wrong in ["Fares", "fares.prod", "../fares"] {
            let field = format!("{field}.namespace").leak();
            cases.push(case(kind, field, NAMESPACE, homed(wrong), homed("fares-prod")));
        }
    };
    of("modelversions", "spec.registryRef", &into);
    of("modelversions", "spec.workspaceRef", &workspace);
    of("modelversions", "spec.source.modelVersionRef", &promoted);
    of("deploymentbindings", "spec.workspaceRef", &workspace);
    of("deploymentbindings", "spec.model.versionRef", &version);
    of("workspaces", "spec.policy.sources[].registryRef", &from);
    of("workspaces", "spec.policy.soak.in[]", &|place| {
        at("spec.policy.soak", json!({"in": [place], "for": "24h"}))
    });
    of("approvals", "spec.modelVersionRef", &|reference| at("spec.modelVersionRef", reference));
    cases
}

fn rules_of_policies() -> Vec<Case> {
    let kind = "workspaces";
    let source = |source: Value| at("spec.policy.sources", json!([source]));
    let registry = json!({"name": "fares-models"});
    let one = "give exactly one of registryRef and thisWorkspace";
    let field = "spec.policy.sources[]";
    let right = || source(json!({"name": "one", "registryRef": registry}));
    let deployment =
        |field: &str, entry: &str| at(&format!("spec.policy.deployment.{field}"), json!([entry]));
    let environment = "azureml://registries/shared/environments/sklearn*/versions/4";
    let identity =
        "/subscriptions/s/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/*";
    vec![
        case(
            kind,
            "spec.policy.deployment.environments[]",
            ENVIRONMENT_GLOB,
            deployment("environments", "azureml:sklearn:4"),
            deployment("environments", environment),
        ),
        case(
            kind,
            "spec.policy.deployment.environments[]",
            ENVIRONMENT_GLOB,
            deployment("environments", "azureml://registries/shared/environments/a?"),
            deployment("environments", "*/workspaces/fares-prod/environments/*"),
        ),
        case(
            kind,
            "spec.policy.deployment.identities[]",
            IDENTITY_GLOB,
            deployment("identities", "admin"),
            deployment("identities", identity),
        ),
        case(
            kind,
            "spec.policy.deployment.environments[]",
            SEEN,
            deployment("environments", &environment.replace("shared", "sha\u{200b}red")),
            deployment("environments", environment),
        ),
        case(
            kind,
            "spec.policy.deployment.identities[]",
            SEEN,
            deployment("identities", &identity.replace('*', "admin\u{200e}*")),
            deployment("identities", identity),
        ),
        case(
            kind,
            "spec.policy.deployment.instanceTypes[]",
            INSTANCE_TYPE,
            deployment("instanceTypes", "Standard_DS*"),
            deployment("instanceTypes", "Standard_DS3_v2"),
        ),
        case(kind, field, one, source(json!({"name": "one"})), right()),
        case(
            kind,
            field,
            one,
            source(json!({"name": "one", "registryRef": registry, "thisWorkspace": {}})),
            right(),
        ),
        case(
            kind,
            "spec.policy.sources[].name",
            ENTRY_NAME,
            source(json!({"name": "The first", "thisWorkspace": {}})),
            source(json!({"name": "the-1st", "thisWorkspace": {}})),
        ),
        case(
            kind,
            "spec.policy.sources[].models[]",
            MODEL_GLOB,
            source(json!({"name": "one", "thisWorkspace": {}, "models": ["nyc-[a-z]"]})),
            source(json!({"name": "one", "thisWorkspace": {}, "models": ["nyc-*", "taxi_?"]})),
        ),
        case(
            kind,
            "spec.policy.approvals.fromNamespaces[]",
            NAMESPACE,
            at("spec.policy.approvals.fromNamespaces", json!(["model-risk", "Model Risk"])),
            at("spec.policy.approvals", json!({"count": 10, "fromNamespaces": ["model-risk", "7"]})),
        ),
        case(kind, "spec.tier", TIER, at("spec.tier", "prod\n".into()), at("spec.tier", "Prod_1.a".into())),
    ]
}

/// Control characters, other folders, queries and line breaks where they have no business.
fn rules_of_text() -> Vec<Case> {
    let (version, binding) = ("modelversions", "deploymentbindings");
    let deployment = "spec.online.deployment";
    let mut cases = vec![];
    let mut of = |kind, field: &str, says: &'static str, wrong: &[&str], right: &str| {
        for wrong in wrong {
            let told =
                if says.starts_with("must ") { field } else { field.rsplit_once('.').unwrap_or_default().0 };
            let told = told.to_string().leak();
            cases.push(case(kind, told, says, at(field, (*wrong).into()), at(field, right.into())));
        }
    };
    of(version, "spec.description", DESCRIPTION, &["a\u{0}", "ding\u{7}"], "two\nlines,\tand more: ünï <b>?");
    // What turns the direction of the text, has no width, or ends a line beside the control characters of ASCII.
    let unseen = "\u{85}\u{9b}\u{ad}\u{61c}\u{180e}\u{200b}\u{200e}\u{2028}\u{202e}\u{2060}\u{2066}\u{3164}\u{feff}\u{e0041}";
    for sign in unseen.chars() {
        for (field, text, right) in [
            ("spec.stage", "Prod", "\u{645}\u{6cc}\u{200c}\u{62e}"),
            ("spec.description", "better", "a \u{1f468}\u{200d}\u{1f469}"),
            ("spec.source.job.path", "outputs/model", "outputs/mod\u{e8}le"),
        ] {
            of(version, field, SEEN, &[&format!("{text}{sign}")], right);
        }
    }
    for place in ["registries", "workspaces"] {
        let wrong =
            ["Fares", "ml-platform/fares", "system:serviceaccount:ml:fares", "../fares", "fares\n", ""];
        of(place, "spec.credentials.serviceAccountName", ACCOUNT_NAME, &wrong, "fares.azure-1");
    }
    for (field, says, right) in [
        ("spec.owner.team", TEAM, "Fares & Tips"),
        ("spec.owner.contact", CONTACT, "#fares"),
        ("spec.owner.costCenter", COST_CENTER, "4"),
    ] {
        of(version, field, says, &[" fares", "fares ", "a\nb", "\t", ""], right);
        of(version, field, SEEN, &["fares\u{202e}"], right);
    }
    of(version, "spec.stage", STAGE, &["Prod\nuction", "\u{7f}", ""], "in Erprobung");
    let paths = ["/model", "model/", "a//b", "a?b", "a\\b", "a%2e%2e/b", "a\nb"];
    let other = ["..", "../../secrets", "a/../b", "./a"];
    of(version, "spec.source.job.path", JOB_FOLDER, &paths, "outputs/my model/..v3");
    of(
        version,
        "spec.source.job.path",
        "path must have no '.' or '..' between its slashes",
        &other,
        "outputs/.model",
    );
    let script = format!("{deployment}.code.scoringScript");
    of(binding, &script, SCRIPT, &paths, "src/score.py");
    of(binding, &script, SEEN, &["src/sco\u{200b}re.py", "src/\u{202e}yp.score"], "src/sc\u{f6}re.py");
    of(
        binding,
        &script,
        "scoringScript must have no '.' or '..' between its slashes",
        &other,
        "a/..score.py",
    );
    let fields = [("codes", "code.id", CODE), ("environments", "environment", ENVIRONMENT)];
    for (kind, field, says) in fields {
        let field = &format!("{deployment}.{field}");
        let own = &asset(kind, "my.asset");
        let shared = &format!("azureml://registries/azureml/{kind}/e/versions/1.0");
        let wrong = [
            "not-an-id",
            "",
            // Known to Azure's own tools, which send an id instead.
            "azureml:e:1",
            "azureml:e@latest",
            &format!("{own}?sig=x"),
            &format!("{own}#"),
            &format!("{own} "),
            &format!("{own}/"),
            &format!("{own}\n"),
            own.trim_start_matches('/'),
            &own.replace("/versions/1", ""),
            &own.replace(kind, "models"),
            &shared.replace("/versions/1.0", ""),
            &shared.replace(kind, "models"),
            // A name in another spelling would pass a policy that speaks of names.
            &own.replace("my.asset", "my%2Fasset"),
            &shared.replace("azureml/", "own%2F..%2Fazureml/"),
            &shared.replace("/e/", "//"),
        ];
        for right in [own, shared, &own.to_lowercase()] {
            of(binding, field, says, &wrong, right);
        }
        let unseen =
            [own.replace("my.asset", "my\u{200b}asset"), shared.replace("azureml/", "azur\u{ad}eml/")];
        of(binding, field, SEEN, &unseen.each_ref().map(String::as_str), own);
        let name = field.rsplit('.').next().unwrap_or_default();
        let dots = format!("{name} must have no '.' or '..' between its slashes").leak();
        of(binding, field, dots, &[&own.replace("my.asset", "..")], own);
    }
    let latest = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest";
    of(binding, &format!("{deployment}.environment"), ENVIRONMENT, &["latest"], latest);
    of(
        binding,
        &format!("{deployment}.instanceType"),
        INSTANCE_TYPE,
        &["../../etc", "Standard DS3"],
        "my-gpu.large",
    );
    let uri = |uri: &str| json!({"spec": {"source": {"job": null, "uri": uri}}});
    for wrong in ["azureml://d/x?sig=secret", "azureml://d/x\ny", "azureml://d/x#y", "azureml://d/x y"] {
        cases.push(case(
            version,
            "spec.source.uri",
            MODEL_URI,
            uri(wrong),
            uri("azureml://datastores/d/paths/x"),
        ));
    }
    let (wrong, right) = ("azureml://datastores/d/paths/\u{202e}x", "azureml://datastores/d/paths/\u{fc}");
    cases.push(case(version, "spec.source.uri", SEEN, uri(wrong), uri(right)));
    let says = "uri must have no '.' or '..' between its slashes";
    for wrong in ["azureml://datastores/d/paths/../../x", "azureml://datastores/d/paths/%2E%2e/x"] {
        cases.push(case(
            version,
            "spec.source",
            says,
            uri(wrong),
            uri("azureml://datastores/d/paths/a%20b/..x"),
        ));
    }
    let id =
        "/subscriptions/s/resourcegroups/ml/providers/microsoft.managedidentity/userassignedidentities/u";
    for (kind, field) in [("registries", "spec.identity"), (binding, "spec.online.endpoint.identity")] {
        let ids = |id: &str| at(field, json!({"userAssigned": [id]}));
        for wrong in [
            "readers",
            &format!("{id}?x"),
            &format!("{id}%2Fv"),
            &format!("{id}/../v"),
            &id.replace("userassigned", ""),
        ] {
            let field = format!("{field}.userAssigned[]").leak();
            cases.push(case(kind, field, IDENTITY, ids(wrong), ids(id)));
        }
        let field = format!("{field}.userAssigned[]").leak();
        cases.push(case(kind, field, SEEN, ids(&format!("{id}\u{200b}")), ids(id)));
    }
    cases
}

/// What somebody decides about an asset, and what the decision rests on.
fn rules_of_approvals() -> Vec<Case> {
    let kind = "approvals";
    let mut cases = vec![];
    let mut of = |field: &str, says, put: &dyn Fn(&str) -> Value, wrong: &[&str], right: &[&str]| {
        let field: &'static str = field.to_string().leak();
        for wrong in wrong {
            cases.extend(right.iter().map(|right| case(kind, field, says, put(wrong), put(right))));
        }
    };
    let shared = "azureml://registries/fares-models/models/nyc-taxi-fare/versions/3";
    let own = &asset("models", "nyc_taxi-fare");
    let id = |id: &str| at("spec.assetId", id.into());
    let wrong = [
        "",
        "nyc-taxi-fare:3",
        "azureml:nyc-taxi-fare:3",
        own.trim_start_matches('/'),
        &own.replace("/versions/1", ""),
        &own.replace("/models/", "/environments/"),
        &own.replace("nyc_taxi-fare", "nyc%5Ftaxi-fare"),
        &own.replace("/versions/1", "/versions/01"),
        &format!("{own}/"),
        &format!("{own}\n"),
        &format!("{own}?api-version=1"),
        &format!("{own} "),
        &shared.replace("/versions/3", "/versions/*"),
        &shared.replace("/versions/3", "/labels/latest"),
        &shared.replace("fares-models", "fares/models"),
        &shared.replace("fares-models", "fares models"),
        &shared.replace("fares-models", ""),
    ];
    of("spec.assetId", ASSET_ID, &id, &wrong, &[shared, own, &own.to_lowercase()]);
    let unseen = ["fares\u{200b}-models", "fares\u{202e}-models", "fares\u{ad}-models"];
    let unseen = unseen.map(|name| shared.replace("fares-models", name));
    of("spec.assetId", SEEN, &id, &unseen.each_ref().map(String::as_str), &[shared]);

    let by = |by: &str| at("spec.by", by.into());
    let wrong = [
        "",
        " ",
        " ada",
        "ada ",
        "ada\n",
        "ada\tlovelace",
        "ada\u{7f}",
        "ada\u{200b}",
        "a\u{202e}da",
        "ada\u{85}",
    ];
    let right = [
        "ada@fares.example",
        "system:serviceaccount:argocd:argocd-application-controller",
        "Ada Lovelace",
        "a",
        "Ädä",
    ];
    of("spec.by", PERSON, &by, &wrong, &right);

    let tiers = |tier: &str| at("spec.tiers", json!(["staging", tier]));
    of("spec.tiers[]", TIER, &tiers, &["", "all tiers", "-prod", "prod\n"], &["Prod_1.a"]);

    let document = |field: &str, value: &str| {
        let mut document = json!({"name": "report", "uri": "https://reports.example/3.pdf"});
        document[field] = value.into();
        at("spec.evidence", json!([document]))
    };
    let named = |name: &str| document("name", name);
    of("spec.evidence[].name", ENTRY_NAME, &named, &["", "The report", "report-"], &["report-1"]);
    let uri = |uri: &str| document("uri", uri);
    let wrong = [
        "",
        "https://",
        "http://reports.example/3.pdf",
        "HTTPS://reports.example/3.pdf",
        "javascript:alert(1)",
        "reports.example/3.pdf",
        "https://ada:secret@reports.example/3.pdf",
        "https://reports.example/3.pdf?sig=secret",
        "https://reports.example/3.pdf#page=2",
        "https://reports.example/3 4.pdf",
        "https://reports.example/3.pdf\n",
        "https://reports.example\\3.pdf",
        "https://reports.example/<b>",
        "https://reports.example/\"3",
    ];
    let right = [
        "https://reports.example:8443/fares/3.pdf",
        "https://reports.example/%C3%A4/(3)~'&=;+$,!*",
        "https://ä.example/ü",
    ];
    of("spec.evidence[].uri", DOCUMENT, &uri, &wrong, &right);
    let unseen = ["https://reports.example/\u{202e}fdp.3", "https://reports.example/3\u{200b}.pdf"];
    of("spec.evidence[].uri", SEEN, &uri, &unseen, &right);
    let sha256 = |digits: &str| document("sha256", digits);
    let digits = "0123456789abcdef".repeat(4);
    let wrong = ["", &digits[1..], &digits.to_uppercase(), &digits.replace('f', "g")];
    of("spec.evidence[].sha256", SHA256, &sha256, &wrong, &[&digits]);

    let reason = |reason: &str| at("spec.reason", reason.into());
    of(
        "spec.reason",
        DESCRIPTION,
        &reason,
        &["a\u{0}", "ding\u{7}"],
        &["", "two\nlines,\tand more: ünï <b>?"],
    );
    of(
        "spec.reason",
        SEEN,
        &reason,
        &["bet\u{200b}ter", "\u{2066}better"],
        &["a \u{1f468}\u{200d}\u{1f469}"],
    );
    cases
}

/// What somebody asks of a rollout.
fn rules_of_actions() -> Vec<Case> {
    let kind = "rolloutactions";
    let with =
        |fields: Value| crate::example::patched(json!({"spec": {"step": null}}), &json!({"spec": fields}));
    let other = |action: &str| with(json!({"action": action}));
    let promote = "Promote names exactly one of step, which passes that step, and full: true, which passes all that are left; the other actions name neither";
    let back = "toRevision belongs to Rollback only";
    let elsewhere = "toRevision is another revision than revision, which is the one to go back from";
    let mut cases = vec![
        case(kind, "spec", promote, with(json!({})), with(json!({"full": true}))),
        case(kind, "spec", promote, with(json!({"full": false})), with(json!({"step": "watch"}))),
        case(
            kind,
            "spec",
            promote,
            with(json!({"full": true, "step": "watch"})),
            with(json!({"full": false, "step": "watch"})),
        ),
        case(kind, "spec", back, with(json!({"full": true, "toRevision": "1a2b3c4d5e"})), other("Rollback")),
        case(
            kind,
            "spec",
            elsewhere,
            with(json!({"action": "Rollback", "toRevision": "5e6f7a8b90"})),
            with(json!({"action": "Rollback", "toRevision": "1a2b3c4d5e"})),
        ),
    ];
    for action in ["Abort", "Retry", "Rollback", "Release"] {
        for field in [json!({"step": "watch"}), json!({"full": true}), json!({"full": false})] {
            let wrong = crate::example::patched(other(action), &json!({"spec": field}));
            cases.push(case(kind, "spec", promote, wrong, other(action)));
        }
        if action != "Rollback" {
            let wrong = with(json!({"action": action, "toRevision": "1a2b3c4d5e"}));
            cases.push(case(kind, "spec", back, wrong, other(action)));
        }
    }
    for wrong in ["", "5e6f7a8b9", "5E6F7A8B90", "5e6f7a8b9g", "5e6f7a8b9\n"] {
        let to = |to: &str| with(json!({"action": "Rollback", "toRevision": to}));
        cases.push(case(kind, "spec.revision", REVISION, at("spec.revision", wrong.into()), json!({})));
        cases.push(case(kind, "spec.toRevision", REVISION, to(wrong), to("0123456789")));
    }
    for wrong in ["", "Watch", "-watch", "watch.1"] {
        cases.push(case(
            kind,
            "spec.step",
            STEP_NAME,
            at("spec.step", wrong.into()),
            at("spec.step", "watch-1".into()),
        ));
    }
    for wrong in ["", " ada", "ada\n", "a\u{202e}da"] {
        let by = |by: &str| at("spec.requestedBy", by.into());
        cases.push(case(kind, "spec.requestedBy", PERSON, by(wrong), by("Ada Lovelace")));
    }
    let reason = |reason: &str| at("spec.reason", reason.into());
    cases.push(case(kind, "spec.reason", DESCRIPTION, reason("ding\u{7}"), reason("two\nlines")));
    cases.push(case(kind, "spec.reason", SEEN, reason("bet\u{200b}ter"), reason("")));
    let binding = |name: &str| at("spec.bindingRef.name", name.into());
    cases.push(case(kind, "spec.bindingRef.name", OBJECT_NAME, binding("Taxi"), binding("taxi.fare-3")));
    cases
}

/// Gates of versions and of places.
fn rules_of_gates() -> Vec<Case> {
    let mut cases = vec![];
    let own: fn(Value) -> Value = |gate| at("spec.gates", json!([gate]));
    let places: fn(Value) -> Value = |gate| at("spec.policy.gates", json!({"define": [gate]}));
    let (binding, scope) = (json!({"bindingRef": {"name": "taxi"}}), json!({"scope": "Stable"}));
    for (kind, list, put, against) in [
        ("modelversions", "spec.gates[]", own, binding),
        ("workspaces", "spec.policy.gates.define[]", places, scope),
    ] {
        let gate = |rest: Value| put(crate::example::patched(json!({"name": "g", "metric": "rmse"}), &rest));
        let field = |name: &str| -> &'static str { format!("{list}.{name}").leak() };
        let bounded = |rest: Value| gate(crate::example::patched(json!({"max": "4"}), &rest));
        let compared = |rest: Value| {
            gate(crate::example::patched(json!({"against": against, "better": "Higher"}), &rest))
        };
        let bound = "give min, max or both, or against: what the metric is held against";
        let better =
            "better says whether a lower or a higher metric is better: give it with against, and only there";
        let by = "by is a margin over what the metric is held against: give it only with against";
        cases.extend([
            case(kind, list, bound, gate(json!({})), bounded(json!({}))),
            case(kind, list, bound, compared(json!({"min": "1"})), compared(json!({}))),
            case(kind, list, better, compared(json!({"better": null})), compared(json!({"better": "Lower"}))),
            case(kind, list, better, bounded(json!({"better": "Lower"})), bounded(json!({"min": "-4"}))),
            case(kind, list, by, bounded(json!({"by": "1"})), compared(json!({"by": "1"}))),
            case(
                kind,
                list,
                "min must not be more than max",
                bounded(json!({"min": "4.1"})),
                bounded(json!({"min": "4.0"})),
            ),
            case(
                kind,
                field("name"),
                ENTRY_NAME,
                bounded(json!({"name": "Best"})),
                bounded(json!({"name": "best-1"})),
            ),
            case(
                kind,
                field("metric"),
                METRIC,
                bounded(json!({"metric": "a\tb"})),
                bounded(json!({"metric": "--val loss/é"})),
            ),
            case(
                kind,
                field("metric"),
                SEEN,
                bounded(json!({"metric": "rm\u{200b}se"})),
                bounded(json!({"metric": "rmse"})),
            ),
            case(
                kind,
                field("max"),
                DECIMAL,
                bounded(json!({"max": "1e3"})),
                bounded(json!({"max": "-1000.5"})),
            ),
            case(
                kind,
                field("min"),
                DECIMAL,
                bounded(json!({"min": "NaN"})),
                bounded(json!({"min": "0.000000000000001"})),
            ),
            case(kind, field("by"), MARGIN, compared(json!({"by": "-1"})), compared(json!({"by": "0.5"}))),
        ]);
    }
    let policy = |gates: Value| at("spec.policy.gates", gates);
    cases.push(case(
        "workspaces",
        "spec.policy.gates.require[]",
        ENTRY_NAME,
        policy(json!({"require": ["a b"]})),
        policy(json!({"require": ["a-b"], "define": null})),
    ));
    cases.push(case(
        "workspaces",
        "spec.policy.gates",
        "give require, define or both",
        policy(json!({"require": null, "define": null})),
        policy(json!({"require": null})),
    ));
    cases.push(case(
        "modelversions",
        "spec.gates[].against.bindingRef.name",
        OBJECT_NAME,
        own(json!({"name": "g", "metric": "m", "better": "Lower", "against": {"bindingRef": {"name": "A"}}})),
        own(json!({"name": "g", "metric": "m", "better": "Lower", "against": {"bindingRef": {"name": "a"}}})),
    ));
    cases
}

/// Where a version has to have served before, and which rules somebody may waive.
fn rules_of_soak_and_waivers() -> Vec<Case> {
    let (place, approval) = ("workspaces", "approvals");
    let soak =
        |period: &str| at("spec.policy.soak", json!({"in": [{"name": "fares-staging"}], "for": period}));
    let mut cases = vec![
        case(place, "spec.policy.soak.for", PERIOD, soak("1d"), soak("24h")),
        case(place, "spec.policy.soak", "for must be from 1s to 2160h", soak("0s"), soak("1s")),
        case(place, "spec.policy.soak", "for must be from 1s to 2160h", soak("2160h1s"), soak("2160h")),
        case(
            approval,
            "spec",
            "a waiver has to end: with waives give expiresAt, such as 2027-03-31T00:00:00Z",
            json!({"spec": {"waives": ["Soak"], "expiresAt": null}}),
            json!({"spec": {"waives": ["Soak"], "expiresAt": "2027-03-31T00:00:00Z"}}),
        ),
        case(
            approval,
            "spec",
            "a rejection waives nothing: take waives out, or make decision Approved",
            json!({"spec": {"waives": ["Soak"], "decision": "Rejected"}}),
            json!({"spec": {"waives": null, "decision": "Rejected"}}),
        ),
    ];
    for (kind, field) in [(place, "spec.policy.approvals.waivable"), (approval, "spec.waives")] {
        let told: &'static str = format!("{field}[]").leak();
        for wrong in [
            "",
            "soak",
            "Windows",
            "Approvals",
            "Sources",
            "Gate",
            "Gate/",
            "Gate/RMSE",
            "Gate/*",
            "Soak\n",
            "Gate/a/b",
        ] {
            let right = at(field, json!(["Soak", "Gate/rmse-1"]));
            cases.push(case(kind, told, WAIVABLE_RULE, at(field, json!(["Gate/a", wrong])), right));
        }
    }
    cases
}

fn rules_of_registries() -> Vec<Case> {
    let identity = "an identity is systemAssigned, userAssigned, or both: leave identity out to have Azure's left as it is";
    vec![
        case(
            "registries",
            "spec.location",
            REGION,
            json!({"spec": {"location": "East US", "regions": null}}),
            json!({"spec": {"location": "eastus2", "regions": null}}),
        ),
        case(
            "registries",
            "spec.regions[].location",
            REGION,
            json!({"spec": {"regions": [{"location": "West Europe"}, {"location": "eastus"}]}}),
            json!({"spec": {"regions": [{"location": "westeurope"}, {"location": "eastus"}]}}),
        ),
        case(
            "registries",
            "spec",
            "regions must include location, the primary region",
            json!({"spec": {"regions": [{"location": "westeurope"}]}}),
            json!({"spec": {"regions": null}}),
        ),
        case(
            "registries",
            "spec.identity",
            identity,
            at("spec.identity", json!({"systemAssigned": false, "userAssigned": []})),
            at("spec.identity", json!({"systemAssigned": false})),
        ),
        case(
            "deploymentbindings",
            "spec.online.endpoint.identity",
            identity,
            at("spec.online.endpoint.identity", json!({"systemAssigned": false, "userAssigned": null})),
            at("spec.online.endpoint.identity", json!({"systemAssigned": true, "userAssigned": null})),
        ),
    ]
}

fn rules_of_versions() -> Vec<Case> {
    let kind = "modelversions";
    let registry = json!({"name": "fares-models"});
    let promoted = json!({"job": null, "modelVersionRef": {"name": "taxi-fare-3-dev"}});
    let place = "give exactly one of registryRef and workspaceRef: the place where the version lives";
    let source = "give exactly one of job, uri, modelVersionRef and existing";
    let pairing = "a version comes into a registry by source.modelVersionRef, and into a workspace by source.job or source.uri; source.existing, for what Azure has already, goes with both";
    let uri = "azureml://datastores/models/paths/taxi/3";
    vec![
        case(
            kind,
            "spec",
            place,
            json!({"spec": {"registryRef": registry}}),
            json!({"spec": {"registryRef": registry, "workspaceRef": null, "source": promoted}}),
        ),
        case(kind, "spec", place, json!({"spec": {"workspaceRef": null}}), json!({})),
        case(
            kind,
            "spec",
            pairing,
            json!({"spec": {"source": promoted}}),
            json!({"spec": {"source": {"job": null, "uri": uri}}}),
        ),
        case(
            kind,
            "spec",
            pairing,
            json!({"spec": {"registryRef": registry, "workspaceRef": null}}),
            json!({"spec": {"registryRef": registry, "workspaceRef": null, "source": promoted}}),
        ),
        case(kind, "spec.source", source, json!({"spec": {"source": {"uri": uri}}}), json!({})),
        // What is in Azure already may be in a workspace or in a registry.
        case(
            kind,
            "spec.source",
            source,
            json!({"spec": {"source": {"existing": {}}}}),
            json!({"spec": {"source": {"job": null, "existing": {}}}}),
        ),
        case(
            kind,
            "spec.source",
            source,
            json!({"spec": {"source": {"existing": {}}}}),
            json!({"spec": {"registryRef": registry, "workspaceRef": null, "source": {"job": null, "existing": {}}}}),
        ),
        case(kind, "spec.source", source, json!({"spec": {"source": {"job": null}}}), json!({})),
        case(
            kind,
            "spec.source.uri",
            MODEL_URI,
            json!({"spec": {"source": {"job": null, "uri": "https://store.example/model"}}}),
            json!({"spec": {"source": {"job": null, "uri": uri}}}),
        ),
        case(
            kind,
            "spec.source.job.name",
            JOB_NAME,
            at("spec.source.job.name", "taxi train".into()),
            at("spec.source.job.name", "taxi_train-3".into()),
        ),
        case(
            kind,
            "spec.model",
            MODEL_NAME,
            at("spec.model", "nyc/taxi".into()),
            at("spec.model", "NYC_taxi-1".into()),
        ),
        case(
            kind,
            "spec.owner",
            "give at least one of team, contact and costCenter",
            at("spec.owner", json!({"team": null, "contact": null, "costCenter": null})),
            at("spec.owner", json!({"team": null, "contact": null})),
        ),
        case(kind, "spec.version", VERSION, at("spec.version", "0".into()), at("spec.version", "10".into())),
        case(kind, "spec.version", VERSION, at("spec.version", "1.0".into()), at("spec.version", "1".into())),
        case(kind, "spec.version", VERSION, at("spec.version", "03".into()), at("spec.version", "3".into())),
        flavor("spec.flavors[].name", FLAVOR_NAME, ("spark ml", json!({})), ("python_function", json!({}))),
        flavor("spec.flavors[].name", FLAVOR_NAME, ("", json!({})), ("spark-ml.3", json!({}))),
        flavor(
            "spec.flavors[].data",
            FLAVOR_KEY,
            ("a", json!({"a b": "x"})),
            ("a", json!({"a.b-c_D": "x", "A": "y", "a": "z"})),
        ),
        flavor("spec.flavors[].data", FLAVOR_KEY, ("a", json!({"": "x"})), ("a", json!({}))),
        flavor(
            "spec.flavors[].data[]",
            FLAVOR_VALUE,
            ("a", json!({"k": "a\nb"})),
            ("a", json!({"k": "<b> & ünï?"})),
        ),
        flavor("spec.flavors[].data[]", SEEN, ("a", json!({"k": "a\u{202e}b"})), ("a", json!({"k": ""}))),
    ]
}

/// A rule of flavors: a name with its data that breaks the rule, and another one that is right.
fn flavor(
    field: &'static str,
    says: &'static str,
    (wrong, breaks): (&str, Value),
    (right, fits): (&str, Value),
) -> Case {
    let of = |name: &str, data: Value| at("spec.flavors", json!([{"name": name, "data": data}]));
    case("modelversions", field, says, of(wrong, breaks), of(right, fits))
}

fn rules_of_bindings() -> Vec<Case> {
    let kind = "deploymentbindings";
    let endpoint = "spec.online.endpoint.name";
    let steps = |steps| at("spec.strategy.steps", steps);
    let other = "each setTraffic of steps must have another weight: put the pauses of one weight together";
    let rise = "the weights of setTraffic must rise from step to step";
    let one = "a step is exactly one of setTraffic, mirror and pause";
    let name = "each step must have another name";
    let shares = "the shares of mirror must rise from step to step";
    let first =
        "mirror comes before the first setTraffic: Azure copies no requests to a deployment that has traffic";
    let mirror = |name: &str, share: i32| json!({"name": name, "mirror": share});
    let called = |name: &str| steps(json!([{"name": name, "setTraffic": 10}]));
    let pause = json!({"pause": {"for": "1m"}});
    vec![
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "1-taxi".into()), at(endpoint, "taxi-1".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi-".into()), at(endpoint, "Taxi".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi--1".into()), at(endpoint, "t-a-xi".into())),
        case(kind, "spec", "give online: what serves the version", at("spec.online", Value::Null), json!({})),
        case(
            kind,
            "spec.model",
            "give versionRef: the ModelVersion to serve",
            at("spec.model.versionRef", Value::Null),
            json!({}),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            "give the step a name: a person ends a pause without for by promoting the step of that name",
            steps(json!([{"pause": {}}])),
            steps(json!([{"name": "watch", "pause": {}}, pause])),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            "give the step a name: status and history call a mirror step by its name",
            steps(json!([{"mirror": 10}])),
            steps(json!([mirror("shadow", 50)])),
        ),
        case(
            kind,
            "spec.strategy",
            name,
            steps(json!([{"name": "a", "setTraffic": 10}, {"name": "a", "pause": {}}])),
            steps(json!([{"name": "a", "setTraffic": 10}, pause, {"name": "b", "pause": {}}, pause])),
        ),
        case(
            kind,
            "spec.strategy",
            shares,
            steps(json!([mirror("a", 20), mirror("b", 10)])),
            steps(json!([mirror("a", 10), pause, mirror("b", 20), {"setTraffic": 1}])),
        ),
        case(
            kind,
            "spec.strategy",
            shares,
            steps(json!([mirror("a", 20), mirror("b", 20)])),
            steps(json!([mirror("a", 20), mirror("b", 21)])),
        ),
        case(
            kind,
            "spec.strategy",
            first,
            steps(json!([{"setTraffic": 10}, mirror("a", 20)])),
            steps(json!([pause, mirror("a", 20), {"setTraffic": 10}])),
        ),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called("Watch"), called("w")),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called("watch-"), called("watch-2")),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called(""), called("7")),
        case(
            kind,
            "spec.strategy.steps[]",
            one,
            steps(json!([{"name": "a", "mirror": 10, "setTraffic": 10}])),
            steps(json!([mirror("a", 10), {"setTraffic": 10}])),
        ),
        case(
            kind,
            "spec.strategy",
            other,
            steps(json!([{"setTraffic": 10}, pause, {"setTraffic": 10}])),
            steps(json!([{"setTraffic": 10}, pause, pause])),
        ),
        case(
            kind,
            "spec.strategy",
            rise,
            steps(json!([{"setTraffic": 50}, {"setTraffic": 10}])),
            steps(json!([{"setTraffic": 10}, {"setTraffic": 50}, {"setTraffic": 100}, pause])),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            one,
            steps(json!([{"setTraffic": 10, "pause": {"for": "1m"}}])),
            steps(json!([{"setTraffic": 10}, pause])),
        ),
        case(kind, "spec.strategy.steps[]", one, steps(json!([{}])), steps(json!([]))),
    ]
}

/// Every length of time takes what Kubernetes writes, and nothing else.
fn rules_of_periods() -> Vec<Case> {
    let deployment = "spec.online.deployment";
    let mut fields: Vec<(&'static str, String)> =
        WITH_AN_INTERVAL.map(|kind| (kind, "spec.interval".to_string())).to_vec();
    for name in ["keepPrevious", "keepFailed", "progressDeadline", "handover"] {
        fields.push(("deploymentbindings", format!("spec.strategy.{name}")));
    }
    fields.push(("deploymentbindings", format!("{deployment}.requestSettings.requestTimeout")));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for name in ["timeout", "period", "initialDelay"] {
            fields.push(("deploymentbindings", format!("{deployment}.{probe}.{name}")));
        }
    }
    let mut cases = vec![];
    for (kind, field) in fields {
        let field: &'static str = field.leak();
        let (parent, name) = field.rsplit_once('.').unwrap_or_default();
        let (least, most) = match name {
            "interval" | "progressDeadline" => ("1m", "24h"),
            "keepPrevious" | "keepFailed" => ("0s", "720h"),
            "handover" => ("0s", "24h"),
            "requestTimeout" => ("1s", "180s"),
            "initialDelay" => ("0s", "1h"),
            _ => ("1s", "1h"),
        };
        let says = format!("{name} must be from {least} to {most}").leak();
        for wrong in ["10 minutes", "1.5h", "30m1h", "1d", "h", "10", "", "123456s"] {
            cases.push(case(kind, field, PERIOD, at(field, wrong.into()), at(field, "1m30s".into())));
        }
        for (wrong, right) in [("0s", least), ("99999h", most)] {
            if wrong != right {
                cases.push(case(kind, parent, says, at(field, wrong.into()), at(field, right.into())));
            }
        }
    }
    let pause = |period: &str| at("spec.strategy.steps", json!([{"pause": {"for": period}}]));
    cases.push(case(
        "deploymentbindings",
        "spec.strategy.steps[].pause.for",
        PERIOD,
        pause("1d"),
        pause("24h"),
    ));
    for (wrong, right) in [("0s", "1s"), ("99999h", "720h")] {
        let says = "for must be from 1s to 720h";
        cases.push(case(
            "deploymentbindings",
            "spec.strategy.steps[].pause",
            says,
            pause(wrong),
            pause(right),
        ));
    }
    cases
}

/// Rules of a change.
pub fn rules_of_changes() -> Vec<Case> {
    let mut cases = vec![];
    let place = "subscriptionId and resourceGroup cannot be changed: make a new object for another place";
    let name = "name cannot be changed: make a new object for another place";
    for kind in ["registries", "workspaces"] {
        let kept =
            json!({"spec": {"interval": "7m", "allowedNamespaces": {"from": "All", "selector": null}}});
        let other = "00000000-0000-0000-0000-000000000002";
        let mut of_azure = |says, field: &str, value: Value| {
            cases.push(case(kind, "spec.azure", says, at(field, value), kept.clone()));
        };
        of_azure(place, "spec.azure.subscriptionId", other.into());
        of_azure(place, "spec.azure.resourceGroup", "other".into());
        of_azure(name, "spec.azure.name", "other".into());
        of_azure(name, "spec.azure.name", Value::Null);
    }
    cases.push(case(
        "registries",
        "spec",
        "location is the primary region and cannot be changed: Azure has no way to move a registry",
        at("spec.location", "westeurope".into()),
        json!({"spec": {"regions": null, "deletionPolicy": "Retain", "identity": null}}),
    ));
    let accounts = "storage of a region cannot be changed: Azure keeps the accounts as they were made";
    let regions = |all: Value| json!({"spec": {"regions": all}});
    let another = json!({"location": "westus", "storage": {"accountType": "Standard_GRS"}});
    // What is not written may be written later, and what is written may be taken out: the controller compares it with
    // what Azure made.
    let west = json!({"location": "westeurope", "storage": {"accountType": "Standard_GRS"}});
    for (field, other) in [
        ("accountType", json!("Standard_GRS")),
        ("hierarchicalNamespace", json!(false)),
        ("allowBlobPublicAccess", json!(true)),
    ] {
        let wrong = regions(json!([{"location": "eastus", "storage": {field: other}}]));
        let right = regions(json!([{"location": "eastus"}, west, another]));
        cases.push(case("registries", "spec.regions[]", accounts, wrong, right));
    }
    let less = regions(json!([{"location": "eastus", "storage": {"accountType": "Standard_ZRS"}}]));
    let wrong = regions(json!([{"location": "eastus", "storage": {"accountType": "Standard_LRS"}}]));
    cases.push(case("registries", "spec.regions[]", accounts, wrong, less));

    let kind = "modelversions";
    let promoted = json!({"job": null, "modelVersionRef": {"name": "taxi-fare-3-dev"}});
    let immutable =
        "model, version and type cannot be changed: a version is immutable; make a new ModelVersion";
    let source =
        "source cannot be changed: a version is immutable; make a new ModelVersion with the next version";
    let place = "registryRef and workspaceRef cannot be changed: a version stays where it is; make a new ModelVersion";
    // A namespace that comes or goes may mean the same place, and so may a type that is no longer named.
    let free = json!({"spec": {"workspaceRef": {"namespace": null}, "type": null, "archived": false, "stage": null, "description": "better", "tags": null,
        "deletionPolicy": "Delete", "management": "Manage"}});
    for (says, wrong) in [
        (place, at("spec.workspaceRef.name", "other".into())),
        (place, at("spec.workspaceRef.namespace", "other".into())),
        (place, json!({"spec": {"registryRef": {"name": "r"}, "workspaceRef": null, "source": promoted}})),
        (immutable, at("spec.model", "other".into())),
        (immutable, at("spec.version", "4".into())),
        (immutable, at("spec.type", "Triton".into())),
        (source, at("spec.source.job.name", "other".into())),
        (source, at("spec.source.job.path", Value::Null)),
        (source, at("spec.source", json!({"job": null, "uri": "azureml://datastores/m/paths/t"}))),
        // What is no place is not told to be another one.
        (
            "give exactly one of registryRef and workspaceRef: the place where the version lives",
            at("spec.workspaceRef", Value::Null),
        ),
    ] {
        cases.push(case(kind, "spec", says, wrong, free.clone()));
    }
    let one = "give exactly one of job, uri, modelVersionRef and existing";
    for source in [json!({"job": null}), json!({"existing": {}})] {
        cases.push(case(kind, "spec.source", one, at("spec.source", source), free.clone()));
    }

    let kind = "deploymentbindings";
    let workspace =
        "workspaceRef cannot be changed: an endpoint stays in its workspace; make a new DeploymentBinding";
    let endpoint =
        "online.endpoint.name cannot be changed: make a new DeploymentBinding for another endpoint";
    let next = json!({"spec": {"workspaceRef": {"namespace": null}, "model": {"versionRef": {"name": "taxi-fare-4"}}}});
    for field in ["name", "namespace"] {
        let other = at(&format!("spec.workspaceRef.{field}"), "other".into());
        cases.push(case(kind, "spec", workspace, other, next.clone()));
    }
    let none = "give online: what serves the version";
    cases.push(case(kind, "spec", none, at("spec.online", Value::Null), next));
    let smaller = at("spec.online.deployment", json!({"instanceCount": 1, "instanceType": null}));
    cases.push(case(kind, "spec", endpoint, at("spec.online.endpoint.name", "other".into()), smaller));

    let kind = "approvals";
    let says = "an Approval cannot be changed: make a new one, and delete this one to withdraw it";
    let labels =
        json!({"metadata": {"labels": {"team": "fares"}, "annotations": {"bindery.dev/reconcile": "1"}}});
    for wrong in [
        json!({"spec": {"decision": "Rejected", "waives": null}}),
        at("spec.waives", Value::Null),
        at("spec.waives", json!(["Soak", "Gate/rmse-bound"])),
        at("spec.by", "eve".into()),
        at("spec.assetId", asset("models", "other").into()),
        at("spec.modelVersionRef.name", "taxi-fare-4".into()),
        at("spec.modelVersionRef.namespace", Value::Null),
        at("spec.tiers", json!(["production", "staging"])),
        at("spec.tiers", Value::Null),
        at("spec.reason", "Worse.".into()),
        at("spec.reason", Value::Null),
        at("spec.evidence", Value::Null),
        at("spec.evidence", json!([{"name": "report", "uri": "https://reports.example/other"}])),
        at("spec.expiresAt", "2037-03-31T00:00:00Z".into()),
        json!({"spec": {"expiresAt": null, "waives": null}}),
    ] {
        cases.push(case(kind, "<nil>", says, wrong, labels.clone()));
    }

    let kind = "rolloutactions";
    let says = "a RolloutAction cannot be changed: make a new one";
    for wrong in [
        json!({"spec": {"action": "Abort", "step": null}}),
        json!({"spec": {"full": true, "step": null}}),
        at("spec.full", false.into()),
        at("spec.step", "other".into()),
        at("spec.revision", "1a2b3c4d5e".into()),
        at("spec.bindingRef.name", "other".into()),
        at("spec.requestedBy", "eve".into()),
        at("spec.reason", "Another.".into()),
        at("spec.reason", Value::Null),
    ] {
        cases.push(case(kind, "<nil>", says, wrong, labels.clone()));
    }
    cases
}
