//! What a gate is held against: the versions that a binding serves or has served, and their metrics.

use jiff::Timestamp;

use super::Metrics;
use crate::api::{
    DeploymentBinding, DeploymentBindingStatus, Management, ModelVersion, Object, ObjectKey, Scope,
};
use crate::azure::model::folded;
use crate::decide::facts::{Kind, Known, Name, Rivals};

/// A version that a gate is held against.
#[derive(Debug, Clone, PartialEq)]
pub struct Champion {
    /// The id that deployments use.
    pub asset_id: String,
    /// It serves now.
    pub stable: bool,
    /// Its metrics; none where no ModelVersion tells them.
    pub metrics: Option<Metrics>,
}

impl Champion {
    /// Its number.
    pub fn version(&self) -> &str {
        self.asset_id.rsplit('/').next().unwrap_or_default()
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
        /// Every asset that it serves, or is known to have served, as the stable one, and when it became that, where that
        /// is known.
        served: Vec<(String, Option<Timestamp>)>,
        /// Those that the gate is held against.
        others: Vec<Champion>,
    },
}

impl Champions {
    /// Nothing serves.
    pub fn none(name: &str) -> Self {
        Self::Seen { name: name.into(), served: vec![], others: vec![] }
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
        let since = status.stable.as_ref().map(|it| it.since);
        let mut served: Vec<(String, Option<Timestamp>)> =
            stable.iter().map(|asset| ((*asset).to_string(), since)).collect();
        for it in status.history.iter().filter(|it| it.outcome.serves()) {
            let Some(asset) = &it.asset_id else { continue };
            match served.iter_mut().find(|(known, _)| folded(known) == folded(asset)) {
                Some((_, since)) => *since = it.finished_at.into_iter().chain(*since).min(),
                None => served.push((asset.clone(), it.finished_at)),
            }
        }
        let mut against: Vec<String> = stable.iter().map(ToString::to_string).collect();
        let earlier = served.iter().map(|(asset, _)| asset).filter(|asset| Some(asset.as_str()) != stable);
        against.extend(earlier.filter(|_| scope == Scope::History).cloned());
        let others = against.iter().map(|asset| Champion {
            stable: Some(asset.as_str()) == stable,
            metrics: metrics_of(asset, known),
            asset_id: asset.clone(),
        });
        Self::Seen { name, others: others.collect(), served }
    }
}

/// The metrics of an asset, as the status of the ModelVersion that stands for it shows them. Who only observes it is asked
/// where nobody manages it.
fn metrics_of(asset: &str, known: &mut Known) -> Option<Metrics> {
    let mut segments = asset.rsplit('/');
    let (Some(version), Some("versions"), Some(model)) = (segments.next(), segments.next(), segments.next())
    else {
        return None;
    };
    let kind = if asset.starts_with("azureml://registries/") { "registries" } else { "workspaces" };
    let name = Name::resource(&format!("{kind}/models/{model}/versions/{version}"));
    let is_it = |id: &str| folded(id) == folded(asset);
    let mut found: Option<(Management, Metrics)> = None;
    for it in known.rivals::<ModelVersion>(name, Rivals::Everywhere) {
        if !it.target(known).is_some_and(|id| is_it(&id.asset_id())) {
            continue;
        }
        // By this look the asker is woken when the status of the object changes.
        let Some(it) = known.object::<ModelVersion>(it.key()) else { continue };
        let status = it.current();
        let lineage = status.lineage.filter(|_| status.asset_id.as_deref().is_some_and(is_it));
        let Some(lineage) = lineage.filter(|it| it.run.is_some()) else { continue };
        if found.as_ref().is_none_or(|(of, _)| *of == Management::Observe) {
            found = Some((it.mode().1, lineage.metrics));
        }
    }
    found.map(|(_, metrics)| metrics)
}
