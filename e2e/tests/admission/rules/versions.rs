//! Rules of model versions.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::sentences::*;

pub(super) fn rules_of_versions() -> Vec<Case> {
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
