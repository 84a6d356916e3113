//! A Secret with the keys of an endpoint. The keys go from Azure into the Secret and nowhere else.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::core::ObjectMeta;

use super::context::Context;
use super::ports::{Ports, Refusal};
use crate::api::Object;
use crate::azure::model::EndpointKeys;
use crate::decide::{KEYS_LABEL, KeysOf, SecretDeed, SecretRefusal, SecretWork};

/// Who wrote an object, as tools show it.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "bindery");

impl From<Refusal> for SecretRefusal {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Forbidden(_) => Self::Forbidden,
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Does it. The answer is whether anything had to be changed. Whether the Secret is ours is seen before the keys are asked for.
pub(super) async fn carry_out<K: Object, P: Ports>(
    object: &K,
    deed: &SecretDeed,
    context: &Context<P>,
) -> Result<bool, SecretRefusal> {
    let mark = SecretDeed::mark(&object.name_any());
    let found = context.ports.secret(&object.home(), &deed.name).await?;
    if found.as_ref().is_some_and(|secret| secret.labels().get(KEYS_LABEL) != Some(&mark)) {
        return Err(SecretRefusal::NotOurs);
    }
    let KeysOf { endpoint, scoring_uri, errand } = match (&deed.work, found.as_ref()) {
        (SecretWork::Write(keys), _) => keys,
        (SecretWork::Remove | SecretWork::HandOver(_), None) => return Ok(false),
        (SecretWork::Remove, Some(secret)) => {
            context.delete_secret(secret).await?;
            return Ok(true);
        }
        (SecretWork::HandOver(heir), Some(secret)) => {
            context.write_secret(&given_to(secret.clone(), heir)).await?;
            return Ok(true);
        }
    };
    let keys = context.ports.keys(errand, endpoint).await.map_err(SecretRefusal::Azure)?;
    let wanted = with_keys(found.clone().unwrap_or_default(), object, deed, &keys, scoring_uri);
    if found.as_ref() == Some(&wanted) {
        return Ok(false);
    }
    context.write_secret(&wanted).await?;
    Ok(true)
}

/// The Secret as the heir's. Nothing owns it until the heir writes the keys, or it would go with the object that leaves.
fn given_to(mut secret: Secret, heir: &str) -> Secret {
    secret.metadata.labels.get_or_insert_default().insert(KEYS_LABEL.into(), SecretDeed::mark(heir));
    secret.metadata.owner_references = None;
    secret
}

/// The Secret as it should be. What others have put there besides stays.
fn with_keys<K: Object>(
    mut secret: Secret,
    object: &K,
    deed: &SecretDeed,
    keys: &EndpointKeys,
    scoring_uri: &str,
) -> Secret {
    let ObjectMeta { name, namespace, labels, owner_references, .. } = &mut secret.metadata;
    (*name, *namespace) = (Some(deed.name.clone()), Some(object.home()));
    let labels = labels.get_or_insert_default();
    labels.insert(KEYS_LABEL.into(), SecretDeed::mark(&object.name_any()));
    labels.insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
    *owner_references = object.owner_ref(&()).map(|owner| vec![owner]);
    secret.type_.get_or_insert_with(|| "Opaque".into());
    let data: BTreeMap<&str, &str> = [
        ("primaryKey", keys.primary_key.as_str()),
        ("secondaryKey", keys.secondary_key.as_str()),
        ("scoringUri", scoring_uri),
    ]
    .into();
    let data = data.into_iter().map(|(key, value)| (key.into(), ByteString(value.as_bytes().to_vec())));
    secret.data.get_or_insert_default().extend(data);
    secret
}

#[cfg(test)]
mod tests;
