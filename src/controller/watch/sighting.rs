//! An object as a watch brings it: no more of it than is used, and never an error for all because of one.

use std::borrow::Cow;
use std::fmt::Debug;

use kube::Resource;
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::api::{DELETE_WHILE_IN_USE, Object, RECONCILE};
use crate::azure::model::presentable;

/// Characters of an annotation's value that are kept: as many as a status repeats of it.
const ANNOTATION: usize = 253;

/// Whose labels are kept.
pub trait Labelled {
    /// Somebody asks for the labels.
    const LABELS: bool;
}

impl<K: Object> Labelled for K {
    const LABELS: bool = false;
}

impl Labelled for k8s_openapi::api::core::v1::Namespace {
    const LABELS: bool = true;
}

/// An object as far as it can be read. The schema of a kind does not say all that a type does: it lets a time of the year
/// 9999 in that no clock here can hold. Everybody may write such a thing into an object of theirs, and it may cost them
/// that object, and nobody else anything.
///
/// Of the metadata, labels and annotations that nobody asks for are left out at once, and who wrote which field: each may
/// be as large as the rest. A write of the status or the finalizers leaves them as they are in the cluster.
#[derive(Debug, Clone)]
pub enum Sighting<K> {
    /// The object.
    Whole(K),
    /// The object without its status, which cannot be read, and why. A lost status is written anew.
    WithoutStatus(K, String),
    /// The name and the version of an object that cannot be read, and why.
    Unreadable(Box<ObjectMeta>, String),
}

impl<K> Sighting<K> {
    /// The object, where it can be read.
    pub fn object(self) -> Result<K, String> {
        match self {
            Self::Whole(object) | Self::WithoutStatus(object, _) => Ok(object),
            Self::Unreadable(_, because) => Err(because),
        }
    }
}

impl<'de, K> Deserialize<'de> for Sighting<K>
where
    K: DeserializeOwned + Labelled,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::deserialize(deserializer)?;
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            slim(metadata, K::LABELS);
        }
        let mut object = Value::Object(object);
        let because = match read(&object) {
            Ok(whole) => return Ok(Self::Whole(whole)),
            Err(because) => because,
        };
        if object.as_object_mut().and_then(|fields| fields.remove("status")).is_none() {
            return Ok(Self::Unreadable(Box::new(named(&object)), because));
        }
        Ok(match read(&object) {
            Ok(bare) => Self::WithoutStatus(bare, because),
            Err(because) => Self::Unreadable(Box::new(named(&object)), because),
        })
    }
}

/// The object, or which field cannot be read, and why.
fn read<K: DeserializeOwned>(object: &Value) -> Result<K, String> {
    serde_path_to_error::deserialize(object)
        .map_err(|error| presentable(&format!("{}: {}", error.path(), error.inner())))
}

fn slim(metadata: &mut Map<String, Value>, labels: bool) {
    metadata.remove("managedFields");
    if !labels {
        metadata.remove("labels");
    }
    let annotations = metadata.remove("annotations");
    let kept = [RECONCILE, DELETE_WHILE_IN_USE].into_iter().filter_map(|key| {
        let text: String = annotations.as_ref()?.get(key)?.as_str()?.chars().take(ANNOTATION).collect();
        Some((key.to_string(), Value::from(text)))
    });
    let kept: Map<String, Value> = kept.collect();
    if !kept.is_empty() {
        metadata.insert("annotations".into(), kept.into());
    }
}

fn named(object: &Value) -> ObjectMeta {
    let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
    ObjectMeta {
        name: text("name"),
        namespace: text("namespace"),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        ..ObjectMeta::default()
    }
}

impl<K: Resource> Resource for Sighting<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Whole(object) | Self::WithoutStatus(object, _) => object.meta(),
            Self::Unreadable(meta, _) => meta,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Whole(object) | Self::WithoutStatus(object, _) => object.meta_mut(),
            Self::Unreadable(meta, _) => meta,
        }
    }
}
