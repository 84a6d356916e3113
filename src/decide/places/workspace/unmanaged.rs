//! What is served in a workspace past Bindery: endpoints that no binding owns, and deployments on others that are not the
//! binding's. The owner's tag says who owns an endpoint; whoever writes an endpoint in Azure may write it, so it counts only while
//! the binding that it names is there and names the endpoint.

use std::sync::Arc;

use crate::api::{
    DeploymentBinding, Object, ObjectKey, ObjectKind, Role, ServingKind, Unmanaged, UnmanagedDeployment,
    UnmanagedEndpoint,
};
use crate::azure::model::resource::{EndpointKind, OnlineDeployment, OnlineEndpoint};
use crate::azure::model::{Class, Error, Purpose, ResourceId};
use crate::decide::Owner;
use crate::decide::facts::{ClusterRead, Kind, Known, Name, Rivals};

/// What a status may hold of endpoints, and of the deployments on one.
const ENDPOINTS: usize = 50;
const DEPLOYMENTS: usize = 20;

/// Who owns an endpoint.
enum Owned {
    By(Arc<DeploymentBinding>),
    /// An object that nobody can read here.
    Unseen,
    ByNobody,
}

/// Lists what is not managed. None while Azure does not answer: then what is known stays known.
pub fn unmanaged(workspace: &ResourceId, cluster: &str, known: &mut Known) -> Option<Unmanaged> {
    let (mut found, mut whole) = (Unmanaged::default(), true);
    let online = endpoints(EndpointKind::Online, workspace, &mut found, known);
    let batch = endpoints(EndpointKind::Batch, workspace, &mut found, known);
    let (online, batch) = (online?, batch?);
    for (name, endpoint) in online.into_iter().chain(batch) {
        let kind = Some(ServingKind::from(endpoint.kind)).filter(|kind| !kind.is_online());
        let id = workspace.child(endpoint.kind.collection(), &name);
        let owner = owner(&id, &endpoint, cluster, known);
        let foreign = match &owner {
            Owned::Unseen => continue,
            Owned::By(binding) => foreign(binding),
            Owned::ByNobody => vec![],
        };
        let bound = matches!(owner, Owned::By(_));
        if bound && foreign.is_empty() {
            continue;
        }
        found.count = found.count.saturating_add(1);
        if found.endpoints.len() >= ENDPOINTS {
            continue;
        }
        let deployments = if bound { Some(foreign) } else { deployments(&id, &endpoint, &mut found, known) };
        whole &= deployments.is_some();
        let owner = endpoint.tags.get(crate::decide::OWNER_TAG).cloned().filter(|_| !bound);
        let deployments = deployments.unwrap_or_default();
        found.endpoints.push(UnmanagedEndpoint { kind, name, owner, bound, deployments });
    }
    whole.then_some(found)
}

/// The endpoints of this kind with their names, in the order of these. None while Azure does not answer.
fn endpoints(
    kind: EndpointKind,
    workspace: &ResourceId,
    found: &mut Unmanaged,
    known: &mut Known,
) -> Option<Vec<(String, OnlineEndpoint)>> {
    let all = ResourceId::new(format!("{workspace}/{}", kind.collection()));
    let listed = match known.collection::<OnlineEndpoint>(Purpose::Compare, &all, false)? {
        Ok(listed) => listed,
        Err(error) => {
            let word = match kind {
                EndpointKind::Online => "online",
                EndpointKind::Batch => "batch",
            };
            let unread = refused(&error, &format!("the {word} endpoints of the workspace"))?;
            found.unread.get_or_insert(unread);
            return Some(vec![]);
        }
    };
    let named = |it: OnlineEndpoint| {
        let name = it.rest.get("name")?.as_str()?.to_string();
        Some((name, OnlineEndpoint { kind, ..it }))
    };
    let mut listed: Vec<(String, OnlineEndpoint)> = listed.into_iter().filter_map(named).collect();
    listed.sort_by(|a, b| a.0.cmp(&b.0));
    Some(listed)
}

/// Who owns this endpoint, by its tag.
fn owner(id: &ResourceId, endpoint: &OnlineEndpoint, cluster: &str, known: &mut Known) -> Owned {
    let Some(owner) = Owner::of(&endpoint.tags).filter(|owner| owner.cluster == cluster) else {
        return Owned::ByNobody;
    };
    let Some((namespace, name)) = owner.object.split_once('/') else { return Owned::ByNobody };
    let key =
        ObjectKey { kind: ObjectKind::DeploymentBinding, namespace: namespace.into(), name: name.into() };
    let there = if owner.is_cut() {
        let path = Name::resource(&format!("{}/{}", endpoint.kind.collection(), id.name()));
        let all = known.rivals::<DeploymentBinding>(path, Rivals::All(namespace.into()));
        all.into_iter().find(|it| owner.is(&it.full_name()))
    } else {
        known.owner::<DeploymentBinding>(key.clone())
    };
    match there.filter(|it| it.target(known).as_ref() == Some(id)) {
        Some(binding) => Owned::By(binding),
        None if known.is_unreadable(&key) || known.is_unwatched(&ClusterRead::Owner(key)) => Owned::Unseen,
        None => Owned::ByNobody,
    }
}

/// The deployments on an endpoint that its binding did not make, as its status says.
fn foreign(binding: &DeploymentBinding) -> Vec<UnmanagedDeployment> {
    let all = binding.status.iter().flat_map(|status| &status.deployments);
    let foreign = all.filter(|it| it.role == Role::Foreign);
    foreign
        .map(|it| UnmanagedDeployment {
            name: it.name.clone(),
            asset_id: it.asset_id.clone(),
            weight: it.weight,
            instances: it.instances,
        })
        .take(DEPLOYMENTS)
        .collect()
}

/// The deployments on an endpoint that nobody owns. None while Azure does not answer.
fn deployments(
    id: &ResourceId,
    endpoint: &OnlineEndpoint,
    found: &mut Unmanaged,
    known: &mut Known,
) -> Option<Vec<UnmanagedDeployment>> {
    let path = ResourceId::new(format!("{id}/deployments"));
    let mut listed = match known.collection::<OnlineDeployment>(Purpose::Compare, &path, false)? {
        Ok(listed) => listed,
        // It may be gone by now.
        Err(error) if error.is_not_found() => vec![],
        Err(error) => {
            let unread = refused(&error, &format!("the deployments of endpoint {}", id.name()))?;
            found.unread.get_or_insert(unread);
            vec![]
        }
    };
    listed.sort_by_key(|d| (std::cmp::Reverse(endpoint.weight(d.name())), d.name().to_string()));
    let one = |d: &OnlineDeployment| UnmanagedDeployment {
        name: d.name().into(),
        asset_id: d.properties.model.clone(),
        weight: endpoint.weight(d.name()),
        instances: d.instance_count(),
    };
    Some(listed.iter().map(one).take(DEPLOYMENTS).collect())
}

/// What Azure refuses to list, in a sentence; none where it only does not answer now.
fn refused(error: &Error, what: &str) -> Option<String> {
    let refused =
        matches!(error.class, Class::Permanent | Class::Unauthorized | Class::Credential | Class::NotFound);
    let code = error.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    refused.then(|| {
        format!(
            "Azure refuses to list {what}{code}. The identity of the workspace needs the role AzureML Data Scientist there, or another one that may read endpoints and deployments."
        )
    })
}
