//! What an explanation needs of one object, the same for every kind.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

use crate::answer::names::{Name, place_of, source_of};
use crate::answer::seen::{Readiness, Seen, condition};
use crate::api::{
    AnyObject, ConditionType, DeploymentBinding, Drift, MetricProvider, ModelVersion, Object, ObjectKey,
    ObjectKind, Reason, Registry, Workspace,
};

/// A reference of one object to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The field that names it, such as `spec.workspaceRef`.
    pub field: &'static str,
    /// The object that is named.
    pub to: ObjectKey,
}

/// What an explanation needs of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Whether it is Ready.
    pub ready: Readiness,
    /// All its conditions.
    pub conditions: Vec<Condition>,
    /// What it refers to. What it waits for first comes first.
    pub links: Vec<Link>,
    /// `metadata.generation`.
    pub generation: i64,
    /// The generation that the status speaks of.
    pub observed: i64,
    /// Since when it is being deleted.
    pub deleting: Option<Timestamp>,
    /// Who holds its deletion up.
    pub finalizers: Vec<String>,
    /// `spec.suspend`.
    pub suspended: bool,
    /// What Azure works on.
    pub operation: Option<Operating>,
    /// What differs in Azure.
    pub drift: Vec<Drift>,
}

/// A change that Azure works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operating {
    /// What the change does, in words.
    pub doing: String,
    /// Since when.
    pub since: Timestamp,
}

impl Subject {
    /// Of an object of any kind.
    pub fn of(object: &AnyObject) -> Self {
        match object {
            AnyObject::Registry(it) => {
                let status = it.status.as_ref();
                common(&**it, registry_links(it), status.map(|s| (s.observed_generation, s.drift.as_slice())))
            }
            AnyObject::Workspace(it) => {
                let status = it.status.as_ref();
                common(&**it, workspace_links(it), status.map(|s| (s.observed_generation, &[][..])))
            }
            AnyObject::ModelVersion(it) => {
                let status = it.status.as_ref();
                common(&**it, version_links(it), status.map(|s| (s.observed_generation, s.drift.as_slice())))
            }
            AnyObject::DeploymentBinding(it) => {
                let status = it.status.as_ref();
                common(&**it, binding_links(it), status.map(|s| (s.observed_generation, s.drift.as_slice())))
            }
            AnyObject::Approval(it) => {
                let status = it.status.as_ref();
                let version = ObjectKey::meant::<ModelVersion>(&it.spec.model_version_ref, &it.home());
                let links = vec![Link { field: "spec.modelVersionRef", to: version }];
                common(&**it, links, status.map(|s| (s.observed_generation, &[][..])))
            }
            AnyObject::MetricProvider(it) => {
                let status = it.status.as_ref();
                common(&**it, vec![], status.map(|s| (s.observed_generation, &[][..])))
            }
            AnyObject::RolloutAction(it) => {
                let status = it.status.as_ref();
                let binding = ObjectKey {
                    kind: ObjectKind::DeploymentBinding,
                    namespace: it.home().into(),
                    name: it.spec.binding_ref.name.as_str().into(),
                };
                let links = vec![Link { field: "spec.bindingRef", to: binding }];
                common(&**it, links, status.map(|s| (s.observed_generation, &[][..])))
            }
        }
    }

    /// What is wrong with the object itself: a reason and a sentence.
    pub fn trouble(&self) -> (String, String) {
        if !self.ready.reason.is_empty() {
            return (self.ready.reason.clone(), self.ready.message.clone());
        }
        let nobody = "Bindery has not looked at it yet. If this lasts, see whether the operator runs and watches this namespace.";
        (String::new(), nobody.into())
    }

    /// Its own reason says that it waits for an object that it names.
    pub(super) fn waits_for_another(&self) -> bool {
        matches!(self.ready.reason.parse(), Ok(Reason::ReferenceNotFound | Reason::ReferenceNotReady))
    }

    /// What happens next, in a sentence each.
    pub fn next(&self) -> Vec<String> {
        let mut next = vec![];
        if self.observed >= 0 && self.observed < self.generation {
            next.push(format!(
                "The manifest has changed since: its generation is {}, and the status speaks of {}. Bindery looks at the change next; if this lasts, see whether the operator runs.",
                self.generation, self.observed
            ));
        }
        if let Some(since) = self.deleting {
            let held = match self.finalizers.as_slice() {
                [] => "it goes at once".into(),
                finalizers => format!("it goes when nobody holds it any more ({})", finalizers.join(", ")),
            };
            next.push(format!("It is being deleted since {since:.0}; {held}."));
        }
        if self.suspended {
            next.push("It is suspended: nothing is changed in Azure until spec.suspend is false.".into());
        }
        if let Some(operation) = &self.operation {
            next.push(format!(
                "Azure works on a change since {:.0}: {}. Bindery goes on when it ends.",
                operation.since, operation.doing
            ));
        }
        let says = |kind| condition(&self.conditions, kind).filter(|it| it.status == "True");
        let (stalled, working) = (says(ConditionType::Stalled), says(ConditionType::Reconciling));
        let then = match (stalled.is_some(), working.is_some(), self.waits_for_another()) {
            (false, false, _) => return next,
            // What was said before says how it goes on.
            (false, true, false) if !next.is_empty() => return next,
            (_, _, true) => {
                "It waits for an object that it names, and goes on by itself when that one is Ready."
            }
            (true, _, false) => {
                "Nothing changes by itself: a person or a change of a manifest has to help. Bindery still looks again from time to time."
            }
            (false, true, false) => "Bindery goes on by itself.",
        };
        next.push(then.into());
        next
    }

    /// The conditions that are not as they should be, but `Ready` and the two that only say who has to do something.
    pub fn remarkable(&self) -> impl Iterator<Item = &Condition> {
        let is = |condition: &Condition, kind: ConditionType| condition.type_ == kind.to_string();
        self.conditions.iter().filter(move |it| {
            let summary = [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled]
                .into_iter()
                .any(|kind| is(it, kind));
            let troubles = [
                ConditionType::Drifted,
                ConditionType::RetiringSoon,
                ConditionType::Retired,
                ConditionType::ApprovalExpiring,
            ];
            let bad = if troubles.into_iter().any(|kind| is(it, kind)) { "True" } else { "False" };
            // That no rollout goes on is no fault.
            let idle = is(it, ConditionType::Progressing) && self.ready.holds();
            !summary && !idle && (it.status == bad || it.status == "Unknown")
        })
    }
}

fn common<K: Object>(object: &K, links: Vec<Link>, status: Option<(i64, &[Drift])>) -> Subject {
    let meta = object.meta();
    let (observed, drift) = status.unwrap_or((-1, &[]));
    let operation = object.operation();
    Subject {
        ready: Readiness::of(object.conditions()),
        conditions: object.conditions().to_vec(),
        links,
        generation: object.generation(),
        observed,
        deleting: meta.deletion_timestamp.as_ref().map(|time| time.0),
        finalizers: meta.finalizers.clone().unwrap_or_default(),
        suspended: object.mode().0,
        operation: operation.map(|it| Operating { doing: it.doing.clone(), since: it.since }),
        drift: drift.to_vec(),
    }
}

fn registry_links(_: &Registry) -> Vec<Link> {
    vec![]
}

fn workspace_links(workspace: &Workspace) -> Vec<Link> {
    let sources = workspace.spec.policy.sources.iter().filter_map(|source| source.registry_ref.as_ref());
    let link = |reference| Link {
        field: "spec.policy.sources",
        to: ObjectKey::meant::<Registry>(reference, &workspace.home()),
    };
    sources.map(link).collect()
}

fn version_links(version: &ModelVersion) -> Vec<Link> {
    let field = if version.spec.registry_ref.is_some() { "spec.registryRef" } else { "spec.workspaceRef" };
    let place = place_of(version).map(|to| Link { field, to });
    let source = source_of(version).map(|to| Link { field: "spec.source.modelVersionRef", to });
    place.into_iter().chain(source).collect()
}

fn binding_links(binding: &DeploymentBinding) -> Vec<Link> {
    let home = binding.home();
    let mut links = vec![Link {
        field: "spec.workspaceRef",
        to: ObjectKey::meant::<Workspace>(&binding.spec.workspace_ref, &home),
    }];
    let version = &binding.spec.model.version_ref;
    if !version.is_absent() {
        links.push(Link {
            field: "spec.model.versionRef",
            to: ObjectKey::meant::<ModelVersion>(version, &home),
        });
    }
    for query in binding.spec.strategy.metrics.iter().filter_map(|metric| metric.prometheus.as_ref()) {
        let to = ObjectKey::meant::<MetricProvider>(&query.provider_ref, &home);
        if links.iter().all(|link| link.to != to) {
            links.push(Link { field: "spec.strategy.metrics", to });
        }
    }
    links
}

/// One object of an explanation, for tools.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The object.
    pub object: Name,
    /// `Found`, `Missing`, or `Withheld` where it could not be read.
    pub seen: &'static str,
    /// Whether it is Ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Readiness>,
    /// Since when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The other conditions that are not as they should be.
    pub conditions: Vec<Condition>,
    /// What Azure works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operating>,
    /// What differs in Azure.
    pub drift: Vec<Drift>,
    /// What happens next, in a sentence each.
    pub next: Vec<String>,
    /// What it refers to, by field.
    pub refers_to: Vec<Reference>,
}

/// A reference, for tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The field.
    pub field: &'static str,
    /// The object that it names.
    pub object: Name,
}

impl Explained {
    pub(super) fn of(key: &ObjectKey, seen: Option<&Seen<Subject>>) -> Self {
        let word = match seen {
            Some(Seen::Found(_)) => "Found",
            Some(Seen::Missing) => "Missing",
            Some(Seen::Withheld(_)) | None => "Withheld",
        };
        let subject = seen.and_then(Seen::found);
        let refers_to = |link: &Link| Reference { field: link.field, object: Name::from(&link.to) };
        let ready = subject.and_then(|it| condition(&it.conditions, ConditionType::Ready));
        Self {
            object: Name::from(key),
            seen: word,
            ready: subject.map(|it| it.ready.clone()),
            since: ready.map(|it| it.last_transition_time.0),
            conditions: subject.map(|it| it.remarkable().cloned().collect()).unwrap_or_default(),
            operation: subject.and_then(|it| it.operation.clone()),
            drift: subject.map(|it| it.drift.clone()).unwrap_or_default(),
            next: subject.map(Subject::next).unwrap_or_default(),
            refers_to: subject.map(|it| it.links.iter().map(refers_to).collect()).unwrap_or_default(),
        }
    }
}
