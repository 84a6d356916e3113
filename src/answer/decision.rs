//! A decision that somebody is about to write: its manifest, what is wrong with it, and what it is about.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::names::fits;
use super::render::text::one_line;
use super::seen::Readiness;
use crate::api::{
    Approval, ApprovalDecision, ApprovalPolicy, ApprovalSpec, EvidenceDocument, ModelVersion, Object, Period,
    Reference, Workspace,
};
use crate::azure::model::folded;

/// How long the name of an object may be.
const NAME: usize = 253;
/// How many of the others that decide a line names.
const NAMED: usize = 10;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Approve or reject.
    pub decision: ApprovalDecision,
    /// The namespace of the Approval.
    pub namespace: String,
    /// Its name; by default made of the version's and of who decides.
    pub name: Option<String>,
    /// Who decides, as the cluster knows them.
    pub by: String,
    /// The tiers; without one, all.
    pub tiers: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What it rests on.
    pub evidence: Vec<EvidenceDocument>,
    /// The rules that it waives.
    pub waives: Vec<String>,
}

/// What was read for it.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The version that is decided about.
    pub version: ModelVersion,
    /// The Workspaces, as far as they could be listed.
    pub workspaces: Vec<Workspace>,
    /// There are no other Workspaces.
    pub all_workspaces: bool,
    /// The Approvals of the namespace, as far as they could be listed.
    pub approvals: Vec<Approval>,
    /// The time.
    pub now: Timestamp,
}

impl Picture {
    /// The asset that is decided about.
    ///
    /// # Errors
    ///
    /// Azure does not have the version yet.
    pub fn asset(&self) -> Result<&str, String> {
        let asset = self.version.status.as_ref().and_then(|status| status.asset_id.as_deref());
        let ready = Readiness::of(self.version.conditions());
        asset.ok_or_else(|| {
            let message =
                if ready.message.is_empty() { "Bindery has not looked at it." } else { &ready.message };
            format!(
                "{} has no asset id yet, so there is nothing to decide about: {message}",
                self.version.key()
            )
        })
    }

    /// When Azure made the version, where it is in a workspace: its number can be registered again.
    fn created_in_a_workspace_at(&self, asset: &str) -> Option<Timestamp> {
        let again = !asset.starts_with("azureml://");
        self.version.status.as_ref()?.created_at.filter(|_| again)
    }

    /// The Workspaces that count what this namespace decides, with what they ask.
    fn counting<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Workspace, &'a ApprovalPolicy)> {
        let asking = self.workspaces.iter().filter_map(|it| Some((it, it.spec.policy.approvals.as_ref()?)));
        asking.filter(move |(_, policy)| policy.from_namespaces.iter().any(|it| it == namespace))
    }
}

impl Wish {
    /// The manifest.
    ///
    /// # Errors
    ///
    /// It would be refused, or count nowhere; in a sentence that says what to do.
    pub fn manifest(&self, picture: &Picture) -> Result<Approval, String> {
        let asset = picture.asset()?;
        if let Some(at) = self.expires_at.filter(|at| *at <= picture.now) {
            return Err(format!("--expires is {at}, which is over: give a time to come"));
        }
        if !self.waives.is_empty() && self.expires_at.is_none() {
            return Err("a waiver has to end: give --expires with --waive, such as --expires 24h".into());
        }
        if picture.all_workspaces {
            self.counts(picture)?;
        }
        let key = picture.version.key();
        let name = self.name.clone().unwrap_or_else(|| self.default_name(&key.name));
        if !fits(&name) {
            return Err(format!(
                "{name:?} is no name of an object: give --name in small letters, digits, '-' and '.'"
            ));
        }
        let version = Reference { name: key.name.to_string(), namespace: Some(key.namespace.to_string()) };
        let mut approval = Approval::new(
            &name,
            ApprovalSpec {
                model_version_ref: version,
                asset_id: asset.to_string(),
                asset_created_at: picture.created_in_a_workspace_at(asset),
                tiers: self.tiers.clone(),
                decision: self.decision,
                by: self.by.clone(),
                reason: self.reason.clone(),
                evidence: self.evidence.clone(),
                expires_at: self.expires_at,
                waives: self.waives.clone(),
            },
        );
        approval.metadata.namespace = Some(self.namespace.clone());
        Ok(approval)
    }

    /// It counts in some Workspace, in every tier that it names, and may waive there what it waives.
    fn counts(&self, picture: &Picture) -> Result<(), String> {
        let counting: Vec<_> = picture.counting(&self.namespace).collect();
        if counting.is_empty() {
            let all = picture.workspaces.iter().filter_map(|it| it.spec.policy.approvals.as_ref());
            let all: BTreeSet<&str> =
                all.flat_map(|policy| policy.from_namespaces.iter().map(String::as_str)).collect();
            let advice = if all.is_empty() {
                "None asks for approvals (spec.policy.approvals)".to_string()
            } else {
                format!(
                    "Name one that counts with --namespace: {}",
                    all.into_iter().collect::<Vec<_>>().join(", ")
                )
            };
            return Err(format!("no Workspace counts approvals of namespace {}. {advice}", self.namespace));
        }
        let tiers: BTreeSet<&str> = counting.iter().filter_map(|(it, _)| it.spec.tier.as_deref()).collect();
        if let Some(tier) = self.tiers.iter().find(|tier| !tiers.contains(tier.as_str())) {
            let there = tiers.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "no Workspace that counts approvals of namespace {} has the tier {tier}; there is: {there}",
                self.namespace
            ));
        }
        let of_tier = |it: &Workspace| {
            self.tiers.is_empty() || it.spec.tier.as_ref().is_some_and(|tier| self.tiers.contains(tier))
        };
        let may: BTreeSet<&String> =
            counting.iter().filter(|(it, _)| of_tier(it)).flat_map(|(_, policy)| &policy.waivable).collect();
        match self.waives.iter().find(|rule| !may.contains(rule)) {
            Some(rule) => Err(format!(
                "no Workspace in which this would count lets {rule} be waived (spec.policy.approvals.waivable)"
            )),
            None => Ok(()),
        }
    }

    /// `taxi-fare-2-ada`, and for a rejection `taxi-fare-2-ada-rejects`.
    fn default_name(&self, version: &str) -> String {
        let who = self.by.split('@').next().unwrap_or_default().rsplit(':').next().unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let who: String = who.chars().map(plain).collect();
        let end = if self.decision == ApprovalDecision::Rejected { "-rejects" } else { "" };
        let who = format!("-{}{end}", who.trim_matches('-'));
        let room = NAME.saturating_sub(who.len());
        format!("{}{who}", version.chars().take(room).collect::<String>())
    }
}

/// The manifest without what only a cluster adds, for Git.
pub fn for_git<K: Object>(object: &K) -> Value {
    let (metadata, whole) = (object.meta(), serde_json::to_value(object).unwrap_or_default());
    json!({
        "apiVersion": "bindery.dev/v1alpha1", "kind": K::KIND.to_string(),
        "metadata": {"name": metadata.name, "namespace": metadata.namespace}, "spec": whole["spec"],
    })
}

/// When a decision ends, as somebody writes it: `2027-03-31`, `2027-03-31T12:00:00Z`, `90d`, or a period such as `36h`.
///
/// # Errors
///
/// It is none of these.
pub fn expires(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || {
        format!(
            "{text:?} is no time: write a day (2027-03-31, which begins at 00:00 UTC), a time (2027-03-31T12:00:00Z), or how long from now (90d, 36h)"
        )
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<Date>() {
        return day.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).map_err(|_| wrong());
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let seconds = match days {
        Some(days) => u64::from(days) * 86_400,
        None if text.ends_with(['h', 'm', 's']) => Period::new(text).duration().as_secs(),
        None => 0,
    };
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let at = whole.checked_add(std::time::Duration::from_secs(seconds));
    at.ok().filter(|_| seconds > 0).ok_or_else(wrong)
}

/// A document as somebody writes it: `report=https://reports.example/3.pdf`, with `@sha256:` and its digits behind where they
/// are known.
///
/// # Errors
///
/// It has another form.
pub fn document(text: &str) -> Result<EvidenceDocument, String> {
    let wrong = || format!("{text:?} names no document: write NAME=URL or NAME=URL@sha256:DIGITS");
    let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
    let (uri, sha256) = match rest.split_once("@sha256:") {
        Some((uri, digits)) => (uri, Some(digits.to_string())),
        None => (rest, None),
    };
    if name.is_empty() || uri.is_empty() {
        return Err(wrong());
    }
    Ok(EvidenceDocument { name: name.into(), uri: uri.into(), sha256 })
}

/// What is decided, for somebody who is asked whether that is right: line by line, without a line break at the end.
pub fn page(approval: &Approval, picture: &Picture) -> String {
    let (spec, version) = (&approval.spec, &picture.version);
    let status = version.current();
    let ready = Readiness::of(version.conditions());
    let mut lines =
        vec![format!("{}: {} version {}", version.key(), version.spec.model, version.spec.version)];
    let mut say = |word: &str, text: String| lines.push(format!("  {word:<12} {}", one_line(&text)));
    say("asset", spec.asset_id.clone());
    if let Some(at) = spec.asset_created_at {
        say("made at", at.to_string());
    }
    say("ready", format!("{} {}", ready.status, ready.reason));
    let lineage = status.lineage.unwrap_or_default();
    let made = [("job", lineage.job), ("run", lineage.run), ("by", lineage.trained_by)];
    let made: Vec<String> =
        made.into_iter().filter_map(|(word, text)| Some(format!("{word} {}", text?))).collect();
    say("trained", if made.is_empty() { "Azure names no job".into() } else { made.join(", ") });
    if let Some(code) = lineage.code {
        say("code", [code.repository, code.commit].into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    let metrics: Vec<String> =
        lineage.metrics.iter().map(|(name, value)| format!("{name} {value}")).collect();
    say("metrics", if metrics.is_empty() { "none".into() } else { metrics.join(", ") });
    for gate in &status.gates {
        let passed = if gate.passed { "passes" } else { "does not pass" };
        say("gate", format!("{} {passed}: {}", gate.name, gate.message));
    }
    for gate in &status.loosened_gates {
        let now = gate.now.as_deref().unwrap_or("removed");
        say("loosened", format!("{} asked for {} until {}, and now: {now}", gate.name, gate.was, gate.at));
    }
    let serves: Vec<String> = status
        .served_by
        .iter()
        .take(NAMED)
        .map(|it| format!("{}/{} ({:?})", it.namespace, it.name, it.role))
        .collect();
    say("serves", if serves.is_empty() { "nowhere".into() } else { serves.join(", ") });
    let same = |it: &&Approval| folded(&it.spec.asset_id) == folded(&spec.asset_id);
    for other in picture.approvals.iter().filter(same).take(NAMED) {
        let verb = if other.spec.decision == ApprovalDecision::Approved { "approves" } else { "rejects" };
        let until = other.spec.expires_at.map(|at| format!(" until {at}")).unwrap_or_default();
        say("decided", format!("{} of {} {verb}{until}", other.full_name(), other.spec.by));
    }
    let home = approval.home();
    let of_tier = |it: &Workspace| {
        spec.tiers.is_empty() || it.spec.tier.as_ref().is_some_and(|it| spec.tiers.contains(it))
    };
    let counts: Vec<String> = picture
        .counting(&home)
        .filter(|(it, _)| of_tier(it))
        .map(|(it, _)| match &it.spec.tier {
            Some(tier) => format!("{} (tier {tier})", it.key()),
            None => it.key().to_string(),
        })
        .collect();
    let unknown = if picture.all_workspaces { "" } else { "; perhaps in more, which you may not list" };
    let counts = if counts.is_empty() { "no Workspace that you see".into() } else { counts.join(", ") };
    say("counts in", format!("{counts}{unknown}"));
    say("you are", spec.by.clone());
    if !spec.tiers.is_empty() {
        say("for tiers", spec.tiers.join(", "));
    }
    say("until", spec.expires_at.map_or_else(|| "you delete it".into(), |at| at.to_string()));
    if !spec.waives.is_empty() {
        say("waives", spec.waives.join(", "));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
