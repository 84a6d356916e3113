//! What the workspace asks of the metrics of a version: gates of its own, and gates that the version has to have.

use super::{Facts, Rule, Ruling};
use crate::api::{GatePolicy, GateReason, PlaceGate, Reason};
use crate::azure::model::resource::OnlineDeployment;
use crate::decide::gate::{Asked, Champions, Measured, Measuring};
use crate::decide::rollout::STABLE_TAG;
use crate::decide::{Place, SourceVersion};

/// One for each gate: those of the workspace, and those that it requires of the version. Where both have one of the same name,
/// that of the workspace.
pub(super) fn rulings(facts: &Facts) -> Vec<Ruling> {
    let Place::Ready { policy, .. } = &facts.place else { return vec![] };
    let Some(GatePolicy { require, define }) = &policy.gates else { return vec![] };
    let own = define.iter().filter_map(|gate| defined(facts, gate));
    let of_version = require.iter().filter(|name| define.iter().all(|gate| gate.name != **name));
    own.chain(of_version.filter_map(|name| required(facts, name))).collect()
}

/// A gate of the workspace.
fn defined(facts: &Facts, gate: &PlaceGate) -> Option<Ruling> {
    let SourceVersion::Ready { asset_id, lineage, created, registry, .. } = &facts.version else {
        return None;
    };
    let (title, nobody) = (facts.version.title()?, Champions::none("this binding"));
    let champions = facts.champions.get(&gate.name).unwrap_or(&nobody);
    // The tags of a copy name its job; its metrics come from the version that it was promoted from.
    let only_tags = registry.is_some() && lineage.job.is_some() && lineage.promoted_from.is_empty();
    let because = only_tags.then(|| {
        let name = &facts.spec.model.version_ref.name;
        format!(
            "The metrics of {title} are not known, because ModelVersion {name} names no source that {title} was published from and that can be read. Correct the source in a new ModelVersion for {title}, and name that one in spec.model.versionRef."
        )
    });
    let of = Measuring {
        title: &title,
        asset_id: Some(asset_id),
        lineage: Some(lineage),
        made: facts.made.or(*created),
        because: because.as_deref(),
    };
    let measured = Asked::from(gate).measure(of, champions, None);
    Some(ruling(facts, &gate.name, format!("{} {}", gate.metric, measured.bound), &gate.metric, measured))
}

/// A gate that the version has to have.
fn required(facts: &Facts, name: &str) -> Option<Ruling> {
    let SourceVersion::Ready { gates, .. } = &facts.version else { return None };
    if let Some(gate) = gates.iter().find(|gate| gate.name == name) {
        let metric = &gate.asked.metric;
        // Whoever reads the line must not take the bound for the workspace's own.
        let asks = format!("{metric} {}, by a gate that the team has set itself", gate.bound);
        return Some(ruling(facts, name, asks, metric, gate.into()));
    }
    let (title, workspace) = (facts.version.title()?, &facts.spec.workspace_ref.name);
    let said = format!(
        "Workspace {workspace} serves only versions that have a gate {name} and pass it, and {title} has none of that name. Add it to spec.gates of the version."
    );
    let asks = format!("a gate {name} of the version, passed");
    let refused = Some((Reason::GateNotPassed, said));
    Some(Ruling::new(Rule::Gate(name.into()), asks, "no gate of that name".into(), refused))
}

fn ruling(facts: &Facts, name: &str, asks: String, metric: &str, measured: Measured) -> Ruling {
    let Measured { passed, reason, value, message, .. } = measured;
    let because = match reason {
        GateReason::NotMeasured => Reason::ReferenceNotReady,
        GateReason::NoBinding => Reason::ReferenceNotFound,
        _ => Reason::GateNotPassed,
    };
    let workspace = &facts.spec.workspace_ref.name;
    let title = facts.version.title().unwrap_or_default();
    let said =
        || format!("{title} does not pass the gate {name}, which Workspace {workspace} asks for: {message}");
    let found = match value {
        Some(value) => format!("{metric} {value}"),
        None => message.trim_end_matches('.').to_string(),
    };
    let refused = (!passed).then(|| (because, said()));
    Ruling::new(Rule::Gate(name.into()), asks, found, refused)
}

impl Facts {
    /// The version that serves for certain.
    pub(in crate::decide::deployment_binding) fn stable_asset(&self) -> Option<String> {
        if self.endpoint.is_absent() {
            return None;
        }
        let tagged = self.endpoint.found().and_then(|endpoint| endpoint.tags.get(STABLE_TAG));
        let found = tagged.and_then(|name| self.deployments.iter().find(|d| d.name() == name));
        let asset = |deployment: &OnlineDeployment| deployment.properties.model.clone();
        let remembered = || self.status.stable.as_ref().and_then(|stable| stable.asset_id.clone());
        found.and_then(asset).or_else(remembered)
    }
}
