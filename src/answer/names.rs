//! How people name objects, and how answers name them for tools.

use std::fmt;

use serde::Serialize;

use crate::api::{ModelVersion, Object, ObjectKey, ObjectKind, Registry, Workspace};

/// An object in the answers for tools.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct Name {
    /// Its kind, such as `Registry`.
    pub kind: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl From<&ObjectKey> for Name {
    fn from(key: &ObjectKey) -> Self {
        Self { kind: key.kind.to_string(), namespace: key.namespace.to_string(), name: key.name.to_string() }
    }
}

impl Name {
    /// `namespace/name`.
    pub fn full(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// The Registry or Workspace that a version lives in; none where its manifest names neither.
pub fn place_of(version: &ModelVersion) -> Option<ObjectKey> {
    let home = version.home();
    let registry = version.spec.registry_ref.as_ref().map(|it| ObjectKey::meant::<Registry>(it, &home));
    registry
        .or_else(|| version.spec.workspace_ref.as_ref().map(|it| ObjectKey::meant::<Workspace>(it, &home)))
}

/// The version that a version is promoted from.
pub fn source_of(version: &ModelVersion) -> Option<ObjectKey> {
    let reference = version.spec.source.model_version_ref.as_ref()?;
    Some(ObjectKey::meant::<ModelVersion>(reference, &version.home()))
}

/// The kind that a word means, as kubectl takes it: `modelversion`, `modelversions`, `amlmv`, each also with `.bindery.dev`.
pub fn kind_of(word: &str) -> Option<ObjectKind> {
    let word = word.to_ascii_lowercase();
    let word = word.strip_suffix(".bindery.dev").unwrap_or(&word);
    Some(match word {
        "registry" | "registries" | "amlreg" => ObjectKind::Registry,
        "workspace" | "workspaces" | "amlws" => ObjectKind::Workspace,
        "modelversion" | "modelversions" | "amlmv" => ObjectKind::ModelVersion,
        "deploymentbinding" | "deploymentbindings" | "amlbind" => ObjectKind::DeploymentBinding,
        "approval" | "approvals" | "amlappr" => ObjectKind::Approval,
        "rolloutaction" | "rolloutactions" | "amlact" => ObjectKind::RolloutAction,
        "metricprovider" | "metricproviders" | "amlmp" => ObjectKind::MetricProvider,
        _ => return None,
    })
}

/// An object as somebody names it on the command line: `kind/name`, or `kind/namespace/name`.
pub fn object(text: &str, namespace: &str) -> Result<ObjectKey, String> {
    let kinds =
        "registry, workspace, modelversion, deploymentbinding, approval, rolloutaction and metricprovider";
    let Some((word, rest)) = text.split_once('/') else {
        return Err(format!(
            "{text:?} names no kind: write kind/name, such as deploymentbinding/{text}; the kinds are {kinds}"
        ));
    };
    let kind = kind_of(word).ok_or_else(|| format!("there is no kind {word:?}; the kinds are {kinds}"))?;
    named(kind, rest, namespace)
}

/// An object of one kind as somebody names it: `name`, `kind/name`, `namespace/name` or `kind/namespace/name`. A word that
/// means a kind is taken for the kind.
pub fn object_of(kind: ObjectKind, text: &str, namespace: &str) -> Result<ObjectKey, String> {
    match text.split_once('/').and_then(|(word, rest)| Some((kind_of(word)?, rest))) {
        Some((other, _)) if other != kind => Err(format!("{text:?} is a {other}, and a {kind} is asked for")),
        Some((_, rest)) => named(kind, rest, namespace),
        None => named(kind, text, namespace),
    }
}

/// Can this be the name of an object or of a namespace? Anything else would become another path of the API server.
pub(super) fn fits(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.starts_with(letter)
        && name.ends_with(letter)
        && name.chars().all(|c| letter(c) || c == '-' || c == '.')
}

fn named(kind: ObjectKind, text: &str, namespace: &str) -> Result<ObjectKey, String> {
    let (namespace, name) = text.split_once('/').unwrap_or((namespace, text));
    if !fits(namespace) || !fits(name) {
        return Err(format!(
            "{text:?} is no name of an object: write name, or namespace/name, in small letters, digits, '-' and '.'"
        ));
    }
    Ok(ObjectKey { kind, namespace: namespace.into(), name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_for_kubectl() {
        let version = |text| object_of(ObjectKind::ModelVersion, text, "fares").map(|key| key.to_string());
        for (text, expected) in [
            ("taxi-1", Ok("ModelVersion fares/taxi-1")),
            ("modelversion/taxi-1", Ok("ModelVersion fares/taxi-1")),
            ("amlmv/taxi-1", Ok("ModelVersion fares/taxi-1")),
            ("ModelVersions.bindery.dev/taxi-1", Ok("ModelVersion fares/taxi-1")),
            ("other/taxi-1", Ok("ModelVersion other/taxi-1")),
            ("amlmv/other/taxi-1", Ok("ModelVersion other/taxi-1")),
            ("amlbind/taxi", Err("\"amlbind/taxi\" is a DeploymentBinding, and a ModelVersion is asked for")),
        ] {
            assert_eq!(version(text), expected.map(str::to_string).map_err(str::to_string), "{text}");
        }
        // What is no name would become another path of the API server.
        for text in ["", "a/b/c/d", "../x", "a/..", "a b", "a?b", "Taxi", "-", "x/"] {
            assert!(version(text).is_err(), "{text}: {:?}", version(text));
        }
        let any = |text| object(text, "fares").map(|key| key.to_string());
        assert_eq!(any("amlbind/taxi"), Ok("DeploymentBinding fares/taxi".into()));
        assert_eq!(any("registry/ml-platform/models"), Ok("Registry ml-platform/models".into()));
        assert!(any("taxi").is_err_and(|said| said.contains("deploymentbinding/taxi")));
        assert!(any("pod/taxi").is_err_and(|said| said.contains("no kind \"pod\"")));
    }
}
