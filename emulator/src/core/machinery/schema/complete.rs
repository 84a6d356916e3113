//! Nothing that Microsoft's specification has as a field that can be written is lost: every one is in our bodies.

use std::collections::BTreeSet;

use super::{Field, Kinds, Shape, bodies};
use crate::contract::{self, Access, Contract};

const SPECIFICATION: &str = include_str!("../../../../contract/answers.schema");

/// The bodies by the types that document them.
const DOCUMENTED: [(&str, &str); 17] = [
    ("registries", "Registry"),
    ("workspaces/batchEndpoints", "BatchEndpoint"),
    ("workspaces/batchEndpoints/deployments", "BatchDeployment"),
    ("workspaces/codes", "CodeContainer"),
    ("workspaces/codes/versions", "CodeVersion"),
    ("workspaces/components", "ComponentContainer"),
    ("workspaces/components/versions", "ComponentVersion"),
    ("workspaces/data", "DataContainer"),
    ("workspaces/data/versions", "DataVersionBase"),
    ("workspaces/datastores", "Datastore"),
    ("workspaces/environments", "EnvironmentContainer"),
    ("workspaces/environments/versions", "EnvironmentVersion"),
    ("workspaces/jobs", "JobBase"),
    ("workspaces/models", "ModelContainer"),
    ("workspaces/models/versions", "ModelVersion"),
    ("workspaces/onlineEndpoints", "OnlineEndpoint"),
    ("workspaces/onlineEndpoints/deployments", "OnlineDeployment"),
];

/// Not in our bodies: where a job names one kind of input alone, the ARM schema has no description of it.
const NOT_TAKEN: [&str; 4] = [
    "testData.description",
    "trainingData.description",
    "validationData.description",
    "checkpointModel.description",
];

#[test]
fn every_documented_field_that_can_be_written_is_known() {
    let all: Contract = SPECIFICATION.parse().unwrap();
    let mut lost = BTreeSet::new();
    for (kinds, name) in DOCUMENTED {
        compare(&all, name, &[bodies::of(kinds).unwrap()], name, &mut lost);
    }
    for path in NOT_TAKEN {
        let before = lost.len();
        lost.retain(|lost| !lost.ends_with(path));
        assert!(lost.len() < before, "{path} is taken");
    }
    assert!(lost.is_empty(), "not in our bodies: {lost:#?}");
}

#[test]
fn a_field_that_is_not_known_is_told() {
    let all: Contract = SPECIFICATION.parse().unwrap();
    let mut lost = BTreeSet::new();
    compare(&all, "ModelVersion", &[&[]], "ModelVersion", &mut lost);
    assert_eq!(lost, BTreeSet::from(["ModelVersion.properties".to_owned()]));
}

/// Notes what a type has and the fields have not.
fn compare(all: &Contract, name: &str, known: &[&[Field]], path: &str, lost: &mut BTreeSet<String>) {
    for field in written(all, name) {
        let path = format!("{path}.{}", field.name);
        match known.iter().copied().flatten().find(|known| known.name == field.name) {
            Some(known) => within(all, &field.shape, &known.shape, &path, lost),
            None => drop(lost.insert(path)),
        }
    }
}

fn within(
    all: &Contract,
    documented: &contract::Shape,
    shape: &Shape,
    path: &str,
    lost: &mut BTreeSet<String>,
) {
    match (shape, documented) {
        (Shape::Map(inner), contract::Shape::Map(documented))
        | (Shape::List(inner), contract::Shape::List(documented)) => {
            within(all, documented, inner, path, lost);
        }
        (Shape::Object(fields), contract::Shape::Of(name)) => compare(all, name, &[fields], path, lost),
        (Shape::OneOf(Kinds { by, common, each }), contract::Shape::Of(name)) => {
            for (word, kind) in kinds_below(all, name) {
                let path = format!("{path}.{word}");
                match each.iter().find(|(known, _)| known == word) {
                    Some((_, own)) => {
                        compare(all, kind, &[common, own], &path, lost);
                        lost.remove(&format!("{path}.{by}"));
                    }
                    None => drop(lost.insert(path)),
                }
            }
        }
        _ => {}
    }
}

/// The words and the types of a type's kinds, and of those that types between them have.
fn kinds_below<'a>(all: &'a Contract, name: &str) -> Vec<(&'a str, &'a str)> {
    let own = all.types[name].kinds.iter().map(|(word, kind)| (word.as_str(), kind.as_str()));
    let between = all.types.iter().filter(|(other, known)| {
        known.bases.iter().any(|base| base == name)
            && !all.types[name].kinds.iter().any(|(_, kind)| kind == *other)
    });
    own.chain(between.flat_map(|(other, _)| kinds_below(all, other))).collect()
}

/// The fields of a type and of its bases that a client can write.
fn written<'a>(all: &'a Contract, name: &str) -> Vec<&'a contract::Field> {
    let own = &all.types[name];
    let bases = own.bases.iter().flat_map(|base| written(all, base));
    bases.chain(own.fields.iter().filter(|field| field.access != Access::Read)).collect()
}
