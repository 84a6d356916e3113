//! That answers are held against what is documented (`support/documented`): every operation that is served is driven
//! here at least once, the service's own answers pass, and what is wrong does not.

mod net;
mod tour;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::support::documented::{Contract, Operation, contract};
use crate::support::{REGISTRY, SUBSCRIPTION, World, registry_body};

/// Asks for something that an operation's path can name.
fn probe(world: &mut World, operation: &Operation) -> Value {
    let named = |segment: &str| match segment {
        "{subscriptionId}" => SUBSCRIPTION.to_owned(),
        "{resourceGroupName}" => "ml".to_owned(),
        "{workspaceName}" => "dev".to_owned(),
        "{registryName}" => "models".to_owned(),
        name if name.starts_with('{') => "nothing".to_owned(),
        word => word.to_owned(),
    };
    let path: Vec<String> = operation.path.split('/').map(named).collect();
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
    let body = (method != Method::GET).then(|| json!({}));
    world.ask(method, &path.join("/"), body.as_ref()).value()
}

/// The operations of the specification that the emulator does not refuse as unknown to it.
fn served(contract: &'static Contract) -> BTreeSet<&'static str> {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let mut found = BTreeSet::new();
    for operation in contract.operations.iter().filter(|operation| operation.specified) {
        let error = probe(&mut world, operation)["error"].clone();
        let unknown = ["MethodNotAllowed", "InvalidResourceType"].map(Value::from).contains(&error["code"])
            || error["message"].as_str().is_some_and(|message| message.starts_with("No route for"));
        if !unknown {
            found.insert(operation.id.as_str());
        }
    }
    found
}

#[test]
fn every_operation_that_is_served_is_held_against_what_is_documented() {
    let contract = contract();
    let served = served(contract);
    let mut world = World::new();
    tour::everything(&mut world);
    let missing: Vec<&&str> = served.difference(&world.documented).collect();
    assert!(missing.is_empty(), "served, and no success of it was checked: {missing:#?}");
    let all = contract.operations.iter().filter(|operation| operation.specified).count();
    let known = format!(
        "Each of the {} operations of Microsoft's specification that are\nserved, of {all}",
        served.len()
    );
    assert!(
        include_str!("../../../../docs/emulator.md").contains(&known),
        "docs/emulator.md does not say: {known}"
    );
}
