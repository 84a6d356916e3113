use kube::runtime::reflector::Store;

use super::place::{find_workspace, lets_in};
use super::{look, place, poll, settle};
use crate::api::{DeploymentBinding, Management, ModelVersion, Period, Workspace};
use crate::azure::model::resource::{OnlineDeployment, OnlineEndpoint, Provisioning};
use crate::azure::model::{Operation, ResourceId};
use crate::controller::context::{Context, Stores};
use crate::controller::kind::Kind;
use crate::controller::names::Name;
use crate::decide::deployment_binding::Facts;
use crate::decide::{Look, Place, Situation};

/// The ARM id of the endpoint, as far as the workspace is known; from the status otherwise.
fn endpoint_id(object: &DeploymentBinding, stores: &Stores) -> Option<ResourceId> {
    find_workspace(&object.spec.workspace_ref, &object.home(), stores)
        .map(|w| w.id().child("onlineEndpoints", &object.spec.online.endpoint.name))
        .or_else(|| Some(ResourceId::new(object.status.as_ref()?.endpoint.as_ref()?.id.clone())))
}

impl Kind for DeploymentBinding {
    type Facts = Facts;

    fn store(stores: &Stores) -> &Store<Self> {
        &stores.bindings
    }

    fn operation(&self) -> Option<Operation> {
        self.status.as_ref()?.operation.clone()
    }

    fn mode(&self) -> (bool, Management, Option<&Period>) {
        (self.spec.suspend, self.spec.management, self.spec.interval.as_ref())
    }

    fn target(&self, stores: &Stores) -> Option<ResourceId> {
        endpoint_id(self, stores)
    }

    fn let_in(&self, stores: &Stores) -> bool {
        let home = self.home();
        let place = find_workspace(&self.spec.workspace_ref, &home, stores);
        lets_in(place.as_deref(), |w| &w.spec.allowed_namespaces, &home, stores)
    }

    fn names(&self) -> Vec<Name> {
        let (spec, home) = (&self.spec, self.home());
        vec![
            Name::resource(&format!("onlineEndpoints/{}", spec.online.endpoint.name)),
            Name::meant::<Workspace>(&spec.workspace_ref, &home),
            Name::meant::<ModelVersion>(&spec.model.version_ref, &home),
        ]
    }

    async fn gather(&self, context: &Context, situation: Situation) -> Self::Facts {
        binding(self, context, situation).await
    }
}

/// The facts of a binding.
async fn binding(object: &DeploymentBinding, context: &Context, mut situation: Situation) -> Facts {
    let (azure, stores, home) = (&context.azure, &context.stores, object.home());
    let place = place::workspace_place(&object.spec.workspace_ref, &home, stores);
    let version = place::version(&object.spec.model.version_ref, &home, stores);
    let id = endpoint_id(object, stores);
    let may_look = matches!(place, Place::Ready { .. }) || (situation.deleting && id.is_some());
    let mut facts = Facts {
        endpoint: Look::Unseen,
        deployments: vec![],
        spec: object.spec.clone(),
        status: object.current(),
        place,
        id: id.clone(),
        version,
        situation: situation.clone(),
    };
    if let Some(id) = id.filter(|_| may_look) {
        let named = place::named(object);
        facts.endpoint = look::<OnlineEndpoint>(&mut situation, &id, &named, azure.get(&id).await);
        if facts.endpoint.found().is_some() {
            let deployments = deployments(context, &id, &mut facts).await;
            let what = format!("the deployments of {named}");
            if !matches!(look(&mut situation, &id, &what, deployments.map(Some)), Look::Found(())) {
                facts.endpoint = Look::Unseen;
            }
        }
    }
    settle(&mut situation, &facts.endpoint);
    let operation = object.operation();
    // While the resource itself says that it changes, its operation has nothing to add.
    let changes = |name: &str| {
        let endpoint = facts.endpoint.found().is_some_and(|e| e.provisioning() == Provisioning::Running);
        let deployment =
            facts.deployments.iter().any(|d| d.name() == name && d.provisioning() == Provisioning::Running);
        endpoint || deployment
    };
    let ask = may_look && operation.as_ref().is_some_and(|o| !changes(o.resource.name()));
    situation.operation = poll(azure, operation.clone(), ask).await;
    facts.situation = situation;
    facts
}

/// The deployments on an endpoint: those of the list, and by a GET what a list is not believed about.
async fn deployments(
    context: &Context,
    endpoint: &ResourceId,
    facts: &mut Facts,
) -> Result<(), crate::azure::model::Error> {
    facts.deployments = context.azure.list(&format!("{endpoint}/deployments"), &[]).await?;
    for name in facts.to_read() {
        let found = context.azure.get::<OnlineDeployment>(&endpoint.child("deployments", &name)).await?;
        facts.look_afresh(&name, found);
    }
    Ok(())
}
