//! Text in which control characters, other folders, queries and line breaks have no business.

use serde_json::json;

use super::{Case, at, case};
use crate::example::asset;
use crate::sentences::*;

/// Control characters, other folders, queries and line breaks where they have no business.
pub(super) fn rules_of_text() -> Vec<Case> {
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
