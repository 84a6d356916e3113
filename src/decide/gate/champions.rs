//! What a gate is held against: the versions that a binding serves or has served, and their metrics.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Measuring, Metrics};
use crate::api::{
    DeploymentBinding, DeploymentBindingStatus, Management, ModelVersion, Object, ObjectKey, Scope,
};
use crate::azure::model::folded;
use crate::decide::facts::{Kind, Known, Name, Rivals};

/// A version that a binding serves or has served as its stable one.
#[derive(Debug, Clone, PartialEq)]
pub struct Champion {
    /// The id that deployments use.
    pub asset_id: String,
    /// The binding serves it now.
    pub stable: bool,
    /// When it became the stable one, each time that is known.
    pub since: Vec<Timestamp>,
    /// Its metrics; none where no ModelVersion tells them.
    pub metrics: Option<Metrics>,
}

impl Champion {
    /// Its name in sentences: `taxi:2`.
    pub fn name(&self) -> String {
        let mut segments = self.asset_id.rsplit('/');
        let version = segments.next().unwrap_or_default();
        match (segments.next(), segments.next()) {
            (Some("versions"), Some(model)) => format!("{model}:{version}"),
            _ => self.asset_id.clone(),
        }
    }

    /// When it became the stable one for the first time.
    fn first(&self) -> Option<Timestamp> {
        self.since.iter().min().copied()
    }

    /// When it last became the stable one, of the times before `at`.
    fn last_before(&self, at: Timestamp) -> Option<Timestamp> {
        self.since.iter().filter(|since| **since < at).max().copied()
    }
}

/// What a binding serves, as far as a gate is held against it.
#[derive(Debug, Clone, PartialEq)]
pub enum Champions {
    /// There is no such binding.
    NoBinding(String),
    /// Nobody has looked yet at what it serves.
    Unseen(String),
    /// It serves this.
    Seen {
        /// How a sentence calls the binding.
        name: String,
        /// Which of these a gate is held against.
        scope: Scope,
        /// What serves now, and then what is known to have served, the latest first.
        served: Vec<Champion>,
    },
}

impl Champions {
    /// Nothing serves.
    pub fn none(name: &str) -> Self {
        Self::Seen { name: name.into(), scope: Scope::Stable, served: vec![] }
    }

    /// Is a gate held against all that has served, and not only against what serves?
    pub fn is_of_history(&self) -> bool {
        matches!(self, Self::Seen { scope: Scope::History, .. })
    }

    /// How a sentence calls the binding.
    pub fn name(&self) -> &str {
        match self {
            Self::NoBinding(name) | Self::Unseen(name) | Self::Seen { name, .. } => name,
        }
    }

    /// What a binding of this name in this namespace serves, as its status says.
    pub fn of(namespace: &str, binding: &str, scope: Scope, known: &mut Known) -> Self {
        let name = format!("DeploymentBinding {binding}");
        let key =
            ObjectKey { kind: DeploymentBinding::KIND, namespace: namespace.into(), name: binding.into() };
        let Some(found) = known.object::<DeploymentBinding>(key) else {
            return Self::NoBinding(binding.into());
        };
        let status = found.current();
        // Until somebody has read the endpoint, nobody knows whether something serves.
        if status.stable.is_none() && status.phase.is_none() {
            return Self::Unseen(name);
        }
        let stable = status.stable.as_ref().and_then(|it| it.asset_id.clone());
        Self::among(name, stable.as_deref(), &status, scope, known)
    }

    /// What a binding serves, where `stable` is its stable version; the rest is what its status says of the past.
    pub fn among(
        name: String,
        stable: Option<&str>,
        status: &DeploymentBindingStatus,
        scope: Scope,
        known: &mut Known,
    ) -> Self {
        let mut served: Vec<Champion> = vec![];
        let mut add = |asset: &str, since: Option<Timestamp>| {
            if let Some(it) = served.iter_mut().find(|it| folded(&it.asset_id) == folded(asset)) {
                return it.since.extend(since);
            }
            served.push(Champion {
                asset_id: asset.into(),
                stable: Some(asset) == stable,
                since: since.into_iter().collect(),
                metrics: metrics_of(asset, known),
            });
        };
        if let Some(asset) = stable {
            add(asset, status.stable.as_ref().map(|it| it.since));
        }
        for it in status.history.iter().filter(|it| it.outcome.serves()) {
            if let Some(asset) = &it.asset_id {
                add(asset, it.finished_at);
            }
        }
        Self::Seen { name, scope, served }
    }

    /// Has the version served, and not other files under its number?
    pub(super) fn have_served(&self, of: Measuring<'_>) -> bool {
        self.own(of).is_some()
    }

    fn own(&self, of: Measuring<'_>) -> Option<&Champion> {
        let (Self::Seen { served, .. }, Some(asset)) = (self, of.asset_id) else { return None };
        let in_registry = asset.starts_with("azureml://registries/");
        let same_files = |it: &Champion| of.made.zip(it.first()).is_some_and(|(made, first)| made <= first);
        let is_it = |it: &&Champion| folded(&it.asset_id) == folded(asset) && (in_registry || same_files(it));
        served.iter().find(is_it)
    }

    /// What the version is held against: of one that serves or has served, what served before it came.
    pub(in crate::decide) fn others(&self, of: Measuring<'_>) -> Vec<&Champion> {
        let Self::Seen { scope, served, .. } = self else { return vec![] };
        let Some(own) = self.own(of) else {
            return served.iter().filter(|it| it.stable || *scope == Scope::History).collect();
        };
        let Some(came) = own.first() else { return vec![] };
        let mut before: Vec<(Timestamp, &Champion)> =
            served.iter().filter_map(|it| Some((it.last_before(came)?, it))).collect();
        before.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let most = if *scope == Scope::History { before.len() } else { 1 };
        before.into_iter().map(|(_, it)| it).take(most).collect()
    }
}

/// The ModelVersions that stand for an asset.
pub(in crate::decide) fn objects_of(asset: &str, known: &mut Known) -> Vec<Arc<ModelVersion>> {
    let mut segments = asset.rsplit('/');
    let (Some(version), Some("versions"), Some(model)) = (segments.next(), segments.next(), segments.next())
    else {
        return vec![];
    };
    let kind = if asset.starts_with("azureml://registries/") { "registries" } else { "workspaces" };
    let name = Name::resource(&format!("{kind}/-/models/{model}/versions/{version}"));
    let is_it = |id: &str| folded(id) == folded(asset);
    let mut found = vec![];
    for it in known.rivals::<ModelVersion>(name, Rivals::Everywhere) {
        if it.target(known).is_some_and(|id| is_it(&id.asset_id())) {
            // By this look the asker is woken when the status of the object changes.
            found.extend(known.object::<ModelVersion>(it.key()));
        }
    }
    found
}

/// The metrics of an asset, as the status of the ModelVersion that stands for it shows them. Who only observes it is asked
/// where nobody manages it.
fn metrics_of(asset: &str, known: &mut Known) -> Option<Metrics> {
    let is_it = |id: &str| folded(id) == folded(asset);
    let mut found: Option<(Management, Metrics)> = None;
    for it in objects_of(asset, known) {
        let status = it.current();
        let lineage = status.lineage.filter(|_| status.asset_id.as_deref().is_some_and(is_it));
        let Some(lineage) = lineage.filter(|it| it.run.is_some()) else { continue };
        if found.as_ref().is_none_or(|(of, _)| *of == Management::Observe) {
            found = Some((it.mode().1, lineage.metrics));
        }
    }
    found.map(|(_, metrics)| metrics)
}
