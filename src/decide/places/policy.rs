//! What may serve in a workspace, by its policy: with the references resolved, so that a version can be held against it.

use crate::api::{
    ApprovalPolicy, BatchDeployment, CodePolicy, DeploymentBindingSpec, DeploymentPolicy,
    EnvironmentVariables, GatePolicy, LineageRequirement, ObjectKey, Online, Period, Window,
};
use crate::azure::model::{ResourceId, folded};

/// How many entries of a list a sentence names.
const NAMED: usize = 5;

/// What a version and its deployment must be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// What must be known of where it comes from.
    pub lineage: Option<LineageRequirement>,
    /// Where it may come from; with none of them, from everywhere.
    pub sources: Vec<Source>,
    /// What has to be true of its metrics; nothing, where nothing is said.
    pub gates: Option<GatePolicy>,
    /// Whose approval a version needs; nobody's, where nothing is said.
    pub approvals: Option<ApprovalPolicy>,
    /// Where a version must have served before; nowhere, where nothing is said.
    pub soak: Option<Soaking>,
    /// When rollouts may go on; at any time, where nothing is said.
    pub windows: Vec<Window>,
    /// The workspace's tier, of which approvals speak.
    pub tier: Option<String>,
    /// What a deployment may bring besides the model; anything, where nothing is said.
    pub deployment: Option<DeploymentPolicy>,
}

/// What of a deployment a policy refuses, each with a sentence of the workspace of that name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refused {
    /// Of what a new deployment would bring: code, environment, size.
    pub deployment: Vec<String>,
    /// Of the endpoint's user-assigned identities: which ones, and the sentence.
    pub identities: Option<(Vec<String>, String)>,
    /// Of the number of instances: the most that there may be, and the sentence.
    pub count: Option<(i32, String)>,
}

impl Refused {
    /// Every sentence.
    pub fn sentences(self) -> Vec<String> {
        let identities = self.identities.map(|(_, said)| said);
        let count = self.count.map(|(_, said)| said);
        self.deployment.into_iter().chain(identities).chain(count).collect()
    }
}

/// Where a version must have served before, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Soaking {
    /// The workspaces of which one is enough.
    pub places: Vec<SoakPlace>,
    /// For how long.
    pub period: Period,
}

/// A workspace in which a version may have served.
#[derive(Debug, Clone, PartialEq)]
pub struct SoakPlace {
    /// Its object.
    pub key: ObjectKey,
    /// Why what serves there counts for nothing, for a sentence; none where it counts.
    pub closed: Option<&'static str>,
}

/// A place that versions may come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The entry's name in the manifest.
    pub name: String,
    /// The registry or workspace; none where the Registry that the manifest names is missing or keeps this workspace out.
    pub place: Option<ResourceId>,
    /// The names of models, with `*` and `?`; with none of them, every model.
    pub models: Vec<String>,
}

impl Source {
    fn allows(&self, version: &ResourceId, model: &str) -> bool {
        self.place.as_ref().is_some_and(|place| version.is_in(place)) && self.allows_model(model)
    }

    fn allows_model(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| matches(pattern, model))
    }
}

impl Policy {
    /// May this version of this model serve, by where it is? Otherwise why not, for a sentence: `only versions from …`.
    pub fn refuses_place(&self, version: &ResourceId, model: &str) -> Option<String> {
        if self.sources.is_empty() || self.sources.iter().any(|source| source.allows(version, model)) {
            return None;
        }
        Some(self.places())
    }

    /// The same of an asset, by its id alone.
    pub fn refuses_asset(&self, asset: &str) -> Option<String> {
        let model = asset.rsplit_once("/versions/").and_then(|(model, _)| model.rsplit_once("/models/"));
        let model = model.map_or("", |(_, model)| model);
        let registry = asset.strip_prefix("azureml://registries/").and_then(|it| it.split('/').next());
        let allows = |source: &Source| match (registry, &source.place) {
            (Some(registry), Some(place)) => {
                let is_it = place.segment("registries").is_some_and(|it| folded(it) == folded(registry));
                is_it && source.allows_model(model)
            }
            _ => source.allows(&ResourceId::new(asset), model),
        };
        (!self.sources.is_empty() && !self.sources.iter().any(allows)).then(|| self.places())
    }

    /// Where versions may come from, for a sentence.
    pub fn places(&self) -> String {
        let said = |source: &Source| {
            let models = source.models.join(", ");
            match &source.place {
                None => format!(
                    "{} (whose Registry is missing, or does not allow the workspace's namespace)",
                    source.name
                ),
                Some(place) if models.is_empty() => format!("{} ({})", source.name, place.name()),
                Some(place) => format!("{} ({}: {models})", source.name, place.name()),
            }
        };
        self.sources.iter().map(said).collect::<Vec<_>>().join(", ")
    }
}

impl Policy {
    /// What of this deployment and its endpoint the workspace of this name does not allow.
    pub fn refuses_deployment(&self, workspace: &str, spec: &DeploymentBindingSpec) -> Refused {
        let Some(policy) = &self.deployment else { return Refused::default() };
        match &spec.batch {
            Some(batch) => refuses_batch(policy, workspace, &batch.deployment),
            None => refuses_online(policy, workspace, &spec.online),
        }
    }
}

/// What a deployment runs beside its model.
struct Brings<'a> {
    field: &'static str,
    code: bool,
    environment: Option<&'a String>,
    variables: &'a EnvironmentVariables,
}

/// The same of batch. The machines are the cluster's, which belongs to the workspace. The count of a batch deployment is part of what
/// is made, so it is refused with that.
fn refuses_batch(policy: &DeploymentPolicy, workspace: &str, asked: &BatchDeployment) -> Refused {
    let brings = Brings {
        field: "spec.batch.deployment",
        code: asked.code.is_some(),
        environment: asked.environment.as_ref(),
        variables: &asked.environment_variables,
    };
    let mut refused = refuses_what_it_brings(policy, workspace, &brings);
    if let Some((count, most)) = asked.instance_count.zip(policy.max_instances).filter(|(c, m)| c > m) {
        refused.push(format!(
            "spec.batch.deployment.instanceCount is {count}, and Workspace {workspace} allows at most {most} (policy.deployment.maxInstances)."
        ));
    }
    Refused { deployment: refused, ..Refused::default() }
}

fn refuses_what_it_brings(policy: &DeploymentPolicy, workspace: &str, brings: &Brings<'_>) -> Vec<String> {
    let (field, mut refused) = (brings.field, vec![]);
    if brings.code && policy.code == Some(CodePolicy::Forbid) {
        refused.push(format!(
            "{field}.code is given, and Workspace {workspace} allows no code of a deployment's own (policy.deployment.code is Forbid)."
        ));
    }
    let told: Vec<String> = brings.variables.keys().filter(|name| tells_the_server(name)).cloned().collect();
    if !told.is_empty() && policy.code == Some(CodePolicy::Forbid) {
        refused.push(format!(
            "{field}.environmentVariables has {}, by which Azure's server is told what to run, and Workspace {workspace} allows no code of a deployment's own (policy.deployment.code is Forbid).",
            listed(&told)
        ));
    }
    if let Some(id) = brings.environment.filter(|id| !names(&policy.environments, id, folded)) {
        refused.push(format!(
            "{field}.environment is {id}, and Workspace {workspace} allows only {} (policy.deployment.environments).",
            listed(&policy.environments)
        ));
    }
    refused
}

fn refuses_online(policy: &DeploymentPolicy, workspace: &str, asked: &Online) -> Refused {
    let deployment = &asked.deployment;
    let brings = Brings {
        field: "spec.online.deployment",
        code: deployment.code.is_some(),
        environment: deployment.environment.as_ref(),
        variables: &deployment.environment_variables,
    };
    let mut refused =
        Refused { deployment: refuses_what_it_brings(policy, workspace, &brings), ..Refused::default() };
    let sizes = &policy.instance_types;
    match &deployment.instance_type {
            _ if sizes.is_empty() => {}
            Some(size) if sizes.iter().any(|allowed| allowed.eq_ignore_ascii_case(size)) => {}
            Some(size) => refused.deployment.push(format!(
                "spec.online.deployment.instanceType is {size}, and Workspace {workspace} allows only {} (policy.deployment.instanceTypes).",
                listed(sizes)
            )),
            None => refused.deployment.push(format!(
                "spec.online.deployment.instanceType is not given, and Workspace {workspace} allows only {} (policy.deployment.instanceTypes).",
                listed(sizes)
            )),
        }
    let assigned = asked.endpoint.identity.as_ref().and_then(|identity| identity.user_assigned.as_ref());
    let lower = |id: &str| id.to_ascii_lowercase();
    let allowed = |id: &&String| !policy.identities.is_empty() && names(&policy.identities, id, lower);
    let strange: Vec<String> = assigned.into_iter().flatten().filter(|id| !allowed(id)).cloned().collect();
    if !strange.is_empty() {
        let only = match policy.identities.as_slice() {
            [] => "no user-assigned identity".to_string(),
            some => format!("only {}", listed(some)),
        };
        let said = format!(
            "spec.online.endpoint.identity.userAssigned names {}, and Workspace {workspace} allows {only} (policy.deployment.identities).",
            listed(&strange)
        );
        refused.identities = Some((strange, said));
    }
    let field = if deployment.autoscale.is_some() { "autoscale.maxInstances" } else { "instanceCount" };
    if let Some((count, most)) = deployment.most_instances().zip(policy.max_instances).filter(|(c, m)| c > m)
    {
        let said = format!(
            "spec.online.deployment.{field} is {count}, and Workspace {workspace} allows at most {most} (policy.deployment.maxInstances)."
        );
        refused.count = Some((most, said));
    }
    refused
}

/// Does one of these patterns name an id, where both are spelled as `spelled` does? Without patterns, every id is named.
fn names(patterns: &[String], id: &str, spelled: fn(&str) -> String) -> bool {
    let (id, plain) = (spelled(id), is_plain(id));
    let named = |pattern: &String| pattern == "*" || (plain && matches(&spelled(pattern), &id));
    patterns.is_empty() || patterns.iter().any(named)
}

/// Does an id mean what it says? One with escapes, empty segments or dots may mean another resource, once Azure has read it.
fn is_plain(id: &str) -> bool {
    let path = id.strip_prefix("azureml:/").unwrap_or(id);
    let path = path.strip_prefix('/').unwrap_or(path);
    !id.contains(['%', '\\', '?', '#']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Is this a variable by which the server in Azure's images is told where code is and what to run? The service sets
/// `AZUREML_ENTRY_SCRIPT`, `AML_APP_ROOT` and `AZUREML_MODEL_DIR` itself where a deployment brings code (azure-ml.md, recorded).
fn tells_the_server(variable: &str) -> bool {
    let variable = variable.to_ascii_uppercase();
    ["AZUREML_", "AML_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// A list for a sentence.
fn listed(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Does a text match a pattern, in which `*` stands for any characters and `?` for one? Azure keeps models whose names
/// differ in case apart, so case counts.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == b'?' || *c == text[read] => (at, read) = (at + 1, read + 1),
            // What the last star stands for is one character longer than was thought.
            _ => match star {
                Some((before, taken)) => {
                    star = Some((before, taken + 1));
                    (at, read) = (before + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_pattern_of_the_whole_name() {
        for (pattern, yes, no) in [
            ("nyc-*", &["nyc-", "nyc-taxi"][..], &["nyc", "x-nyc-taxi"][..]),
            ("*-fare", &["nyc-taxi-fare", "-fare"], &["fare", "nyc-fare-2"]),
            ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a"]),
            ("taxi-?", &["taxi-1"], &["taxi-", "taxi-12"]),
            ("Taxi", &["Taxi"], &["taxi", "Taxi2"]),
            ("*", &["", "x"], &[]),
        ] {
            for text in yes {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
            for text in no {
                assert!(!matches(pattern, text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn a_version_comes_from_one_of_the_sources() {
        let models = ResourceId::registry("s", "rg", "models");
        let other = ResourceId::registry("s", "rg", "models-2");
        let production = ResourceId::workspace("s", "rg", "production");
        let source = |name: &str, place: Option<&ResourceId>, models: &[&str]| Source {
            name: name.into(),
            place: place.cloned(),
            models: models.iter().map(|m| (*m).to_string()).collect(),
        };
        let policy = Policy {
            sources: vec![
                source("released", Some(&models), &["nyc-*"]),
                source("own", Some(&production), &[]),
                source("lost", None, &[]),
            ],
            ..Policy::default()
        };
        let refused =
            |place: &ResourceId, model: &str| policy.refuses_place(&place.model_version(model, "3"), model);
        let loud = ResourceId::new(models.as_str().to_uppercase());
        assert_eq!(refused(&models, "nyc-taxi"), None);
        assert_eq!(refused(&loud, "nyc-taxi"), None, "Azure's ids have no case");
        assert_eq!(refused(&production, "anything"), None);
        let said = "released (models: nyc-*), own (production), lost (whose Registry is missing, or does not allow the workspace's namespace)";
        for (place, model) in [
            (&models, "taxi"),
            (&other, "nyc-taxi"),
            (&ResourceId::workspace("s", "rg", "production-2"), "x"),
        ] {
            assert_eq!(refused(place, model).as_deref(), Some(said), "{place} {model}");
        }
        assert_eq!(Policy::default().refuses_place(&other.model_version("x", "1"), "x"), None);
    }
}
