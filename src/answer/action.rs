//! An action on a rollout that somebody is about to ask for: its manifest, why there would be nothing to do, and what would happen.

use super::names::fits;
use super::render::text::one_line;
use super::rollout::{does, revision_of};
use crate::api::{
    ActionWord, Candidate, ConditionType, DeploymentBinding, DeploymentBindingStatus, Hold, Object, Outcome,
    OwnReference, Phase, Role, RolloutAction, RolloutActionSpec, RunPhase, Stable, Step, conditions_of,
};
use crate::azure::model::resource::EndpointKind;
use crate::decide::rollout::Revision;

/// How long the name of an object may be.
const NAME: usize = 253;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The action.
    pub action: ActionWord,
    /// The step that a Promote passes; by default the one at which the rollout stands.
    pub step: Option<String>,
    /// A Promote passes all steps that are left.
    pub full: bool,
    /// The revision to which a Rollback goes back.
    pub to_revision: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The name of the object; by default made of the binding's, the action and the suffix.
    pub name: Option<String>,
    /// What makes a name of its own of it, such as `x7k2p`.
    pub suffix: String,
    /// Who asks, as the cluster knows them.
    pub by: String,
}

/// An action that would do something.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its manifest.
    pub action: RolloutAction,
    /// What would happen, in a sentence.
    pub effect: String,
}

impl Wish {
    /// The manifest, and what would happen.
    ///
    /// # Errors
    ///
    /// There is nothing to do, or the binding would refuse the action; in a sentence that says what to do.
    pub fn order(&self, binding: &DeploymentBinding) -> Result<Order, String> {
        let status = binding.status.as_ref().filter(|status| status.phase.is_some()).ok_or_else(|| {
            format!("{} has not been able to look at its endpoint, so nobody knows what goes on there: `bindery explain deploymentbinding/{}` says why", binding.key(), binding.key().name)
        })?;
        let scene = Scene { binding, status };
        let asked = match self.action {
            ActionWord::Promote => self.promote(&scene)?,
            ActionWord::Abort => scene.abort()?,
            ActionWord::Retry => scene.retry()?,
            ActionWord::Rollback => scene.roll_back(self.to_revision.as_deref())?,
            ActionWord::Release => scene.release()?,
        };
        let key = binding.key();
        let name = self.name.clone().unwrap_or_else(|| self.default_name(&key.name));
        if !fits(&name) {
            return Err(format!(
                "{name:?} is no name of an object: give --name in small letters, digits, '-' and '.'"
            ));
        }
        let spec = RolloutActionSpec {
            binding_ref: OwnReference { name: key.name.to_string() },
            action: self.action,
            revision: asked.revision,
            step: asked.step,
            full: self.full.then_some(true),
            to_revision: self.to_revision.clone(),
            reason: self.reason.clone(),
            requested_by: self.by.clone(),
        };
        let mut action = RolloutAction::new(&name, spec);
        action.metadata.namespace = Some(key.namespace.to_string());
        Ok(Order { action, effect: asked.effect })
    }

    /// `taxi-abort-x7k2p`.
    fn default_name(&self, binding: &str) -> String {
        let end = format!("-{}-{}", word(self.action), self.suffix);
        let room = NAME.saturating_sub(end.len());
        format!("{}{end}", binding.chars().take(room).collect::<String>())
    }

    fn promote(&self, scene: &Scene<'_>) -> Result<Asked, String> {
        let candidate = scene.candidate()?;
        let steps = scene.binding.spec.steps();
        let stands = candidate.step.as_ref().and_then(|step| usize::try_from(step.index).ok());
        let (step, effect) = if self.full {
            let mut left: Vec<String> = steps.iter().skip(stands.unwrap_or(0)).map(does).collect();
            left.extend(waits_for_a_job(scene.binding).then(|| "verification".to_string()));
            let skipped =
                if left.is_empty() { String::new() } else { format!(", without: {}", left.join(", ")) };
            (None, format!("{} gets all the traffic at once{skipped}.", candidate.deployment))
        } else {
            let unclear: Vec<&str> = candidate
                .metrics
                .iter()
                .filter(|run| run.phase == RunPhase::Inconclusive)
                .map(|run| run.step.as_str())
                .collect();
            if let Some(job) = verifying(scene.binding).filter(|_| self.step.is_none()) {
                return Err(format!(
                    "job {job} verifies {}, and the rollout goes on by itself when it completes: give --full to do without it",
                    candidate.deployment
                ));
            }
            let at = promoted(self.step.as_deref(), steps, stands, &unclear)?;
            let next = steps.get(at + 1).map_or_else(|| "all the traffic".into(), does);
            (
                steps[at].name.clone(),
                format!("The rollout goes on behind step {} of {}: {next}.", at + 1, steps.len()),
            )
        };
        Ok(Asked { revision: candidate.revision.clone(), step, effect })
    }
}

/// The index of the step that is to be passed: a pause, or an analysis whose measurements do not say how the candidate does.
fn promoted(
    named: Option<&str>,
    steps: &[Step],
    stands: Option<usize>,
    unclear: &[&str],
) -> Result<usize, String> {
    let count = steps.len();
    let Some(stands) = stands else {
        return Err("the new deployment cannot serve yet, so the rollout stands at no step. Wait until it does, or give --full to have it take all the traffic as soon as it can".into());
    };
    let of_name = |name: &str| steps.iter().position(|step| step.name.as_deref() == Some(name));
    let asked = named.or(unclear.first().copied());
    if let Some(at) = asked.filter(|name| unclear.contains(name)).and_then(of_name) {
        return Ok(at);
    }
    let at = match named {
        None => stands,
        Some(name) => of_name(name)
            .ok_or_else(|| format!("spec.strategy.steps has no step {name}. {}", pauses(steps)))?,
    };
    if at != stands {
        let there = if stands < count {
            format!("step {} of {count}", stands + 1)
        } else {
            "the end of the steps".into()
        };
        return Err(format!(
            "the rollout stands at {there}, and step {} is number {}",
            named.unwrap_or_default(),
            at + 1
        ));
    }
    match steps.get(at) {
        Some(Step { pause: Some(_), name: Some(_), .. }) => Ok(at),
        Some(step) => Err(format!(
            "the rollout stands at step {} of {count} ({}), which is no pause with a name and ends by itself: give --full to pass all steps that are left",
            at + 1,
            does(step)
        )),
        None => Err("the rollout has passed all its steps, and ends by itself".into()),
    }
}

/// Does the candidate of a batch endpoint still have to complete a job?
fn waits_for_a_job(binding: &DeploymentBinding) -> bool {
    let asks = binding.spec.batch.as_ref().is_some_and(|batch| batch.verify.is_some());
    let jobs = binding.status.iter().flat_map(|status| &status.verification_jobs);
    let mut current = jobs.filter(|job| !job.given_up);
    asks && !current.any(|job| job.status.as_deref() == Some("Completed"))
}

/// The job that the rollout waits for now.
fn verifying(binding: &DeploymentBinding) -> Option<&str> {
    let status = binding.status.as_ref().filter(|it| it.phase == Some(Phase::Verifying))?;
    status.verification_jobs.iter().find(|job| !job.given_up).map(|job| job.name.as_str())
}

fn pauses(steps: &[Step]) -> String {
    let names = steps.iter().filter(|step| step.pause.is_some()).filter_map(|step| step.name.as_deref());
    match names.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "None of its pauses has a name".into(),
        names => format!("The pauses with a name are: {names}"),
    }
}

/// What an action speaks of, and what would happen.
struct Asked {
    revision: String,
    step: Option<String>,
    effect: String,
}

/// A binding, and what its status says.
struct Scene<'a> {
    binding: &'a DeploymentBinding,
    status: &'a DeploymentBindingStatus,
}

impl Scene<'_> {
    fn name(&self) -> String {
        self.binding.key().name.to_string()
    }

    /// The revision that the manifest asks for, or that should serve instead of one that is held back, has failed and is not tried
    /// again.
    fn has_failed(&self) -> Option<&str> {
        let hold = self.status.hold.as_ref().map(|hold| hold.to_revision.as_str());
        let revision = hold.or(self.status.revision.as_deref())?;
        let last = self.status.history.iter().find(|it| it.revision == revision);
        last.filter(|it| it.outcome == Outcome::Failed && self.status.candidate.is_none()).map(|_| revision)
    }

    /// What the manifest asks for and nobody has begun to roll out, as the end of a sentence.
    fn what_waits(&self) -> String {
        let serves = self.status.stable.as_ref().and_then(|stable| stable.revision.as_ref());
        let Some(waits) = self.status.revision.as_ref().filter(|it| Some(*it) != serves) else {
            return String::new();
        };
        let conditions = conditions_of(&self.status.conditions);
        let why = conditions.get(ConditionType::Ready).map(|it| it.message.trim_end_matches('.'));
        format!(", and revision {waits}, which the manifest asks for, waits: {}", why.unwrap_or_default())
    }

    fn stable(&self) -> String {
        self.status.stable.as_ref().map_or_else(|| "nothing".into(), |stable| stable.deployment.clone())
    }

    /// The candidate, or why there is none.
    fn candidate(&self) -> Result<&Candidate, String> {
        let name = self.name();
        // What is made while something is held back is what was rolled back to: nobody gives that up or promotes it.
        let candidate = self.status.candidate.as_ref().filter(|_| self.status.hold.is_none());
        candidate.ok_or_else(|| {
            if let Some(hold) = &self.status.hold {
                return format!("there is no rollout: revision {} is held back. `bindery release {name}` ends that", hold.revision);
            }
            match self.has_failed() {
                Some(revision) => format!("there is no rollout: revision {revision} has failed and has no traffic. `bindery retry {name}` has it tried again"),
                None => format!("there is no rollout: {} serves{}", self.stable(), self.what_waits()),
            }
        })
    }

    fn abort(&self) -> Result<Asked, String> {
        let candidate = self.candidate().map_err(|because| match (&self.status.hold, self.has_failed()) {
            (None, None) => {
                format!("{because}. `bindery rollback {}` goes back to what served before", self.name())
            }
            _ => because,
        })?;
        let (name, weight) = (&candidate.deployment, candidate.weight);
        let online = self.binding.spec.kind() == EndpointKind::Online;
        let effect = match &self.status.stable {
            Some(stable) if !online => format!(
                "{name} does not become the default deployment; {} stays it. The revision counts as failed, and is not tried again.",
                stable.deployment
            ),
            Some(stable) => format!(
                "{name}, which has {weight}% of the traffic, loses it to {}. The revision counts as failed, and is not tried again.",
                stable.deployment
            ),
            None => format!(
                "{name} gets no traffic, and nothing serves. The revision counts as failed, and is not tried again."
            ),
        };
        Ok(Asked { revision: candidate.revision.clone(), step: None, effect })
    }

    fn retry(&self) -> Result<Asked, String> {
        let Some(revision) = self.has_failed().map(str::to_string) else {
            let revision = self.status.revision.as_deref().unwrap_or("of the manifest");
            return Err(format!("revision {revision} has not failed, so there is nothing to try again"));
        };
        let effect = match &self.status.hold {
            Some(_) => format!("Revision {revision} is made again, and then gets all the traffic."),
            None => format!("Revision {revision} is rolled out again, from the first step."),
        };
        Ok(Asked { revision, step: None, effect })
    }

    fn release(&self) -> Result<Asked, String> {
        let Some(hold) = &self.status.hold else {
            return Err("no revision is held back, so there is nothing to release".into());
        };
        let revision = hold.revision.clone();
        let effect = format!("Revision {revision} is rolled out again, from the first step.");
        Ok(Asked { revision, step: None, effect })
    }

    fn roll_back(&self, to: Option<&str>) -> Result<Asked, String> {
        // From what serves instead by now, one may go back further.
        let serves = self.status.stable.as_ref().and_then(|stable| stable.revision.clone());
        let hold = self.status.hold.as_ref();
        let further = hold.is_some_and(|hold| to.is_some() && Some(&hold.to_revision) == serves.as_ref());
        if let Some(hold) = hold.filter(|_| !further) {
            let retry = match self.has_failed() {
                Some(failed) => format!(
                    ". Revision {failed} has failed; `bindery retry {}` has it tried again",
                    self.name()
                ),
                None => String::new(),
            };
            return Err(format!(
                "revision {} is held back already, and {}{retry}",
                hold.revision,
                serves_instead(hold, self.status.stable.as_ref())
            ));
        }
        let (revision, back) = self.there_and_back(to)?;
        let deployments = self.status.deployments.iter().map(|it| &it.name);
        let mut there = deployments.chain(self.status.stable.iter().map(|it| &it.deployment));
        let serves = match there.find(|name| revision_of(name) == back) {
            Some(warm) => format!("{warm} gets all the traffic."),
            None => format!(
                "The deployment of revision {back}, which is gone, is made again, and then gets all the traffic; until then, {} serves.",
                self.stable()
            ),
        };
        // What is held back is what the manifest asks for, whether or not that serves.
        let held = self.status.revision.as_ref().unwrap_or(&revision);
        let effect = format!(
            "{serves} Revision {held} is held back until a RolloutAction releases it or the manifest asks for another one."
        );
        Ok(Asked { revision, step: None, effect })
    }

    /// The revision to go back from, and the one to go back to.
    fn there_and_back(&self, to: Option<&str>) -> Result<(String, String), String> {
        let stable = self.status.stable.as_ref();
        if let Some(candidate) = &self.status.candidate {
            let back = stable.and_then(|stable| stable.revision.clone());
            let back = back.ok_or("nothing has served here before, so there is nothing to go back to")?;
            return match to.filter(|to| *to != back) {
                None => Ok((candidate.revision.clone(), back)),
                Some(to) => Err(format!(
                    "a rollout goes on, and from that a Rollback goes back to what is stable, revision {back}, and not to {to}"
                )),
            };
        }
        let Some(revision) = stable.and_then(|stable| stable.revision.clone()) else {
            return Err("nothing serves, so there is nothing to go back from".into());
        };
        if let Some(failed) = self.has_failed().filter(|_| self.status.hold.is_none() && to.is_none()) {
            return Err(format!(
                "revision {failed} has failed, and {} serves already. To go back further, name the revision with --to-revision",
                self.stable()
            ));
        }
        let warm = self.status.deployments.iter().filter(|it| it.role == Role::Previous);
        let warm = warm.map(|it| revision_of(&it.name).to_string());
        let served = self.status.history.iter().filter(|it| it.outcome.serves());
        let mut before = warm.chain(served.map(|it| it.revision.clone())).filter(|it| *it != revision);
        let goes = |it: &String| to.map_or_else(|| self.is_there_or_can_be_made(it), |to| to == it);
        match (to, before.find(goes)) {
            (Some(to), Some(_)) if !self.is_there_or_can_be_made(to) => Err(format!(
                "the deployment of revision {to} is gone, and spec.{}.deployment is another one by now, so it cannot be made again: name the version that should serve in spec.model.versionRef, or revert that in Git",
                self.binding.spec.serving_field()
            )),
            (_, Some(back)) => Ok((revision, back)),
            (Some(to), None) => Err(format!(
                "revision {to} is not one that was stable here before, as far as status.history knows: name the version that should serve in spec.model.versionRef"
            )),
            (None, None) => Err("status.history knows no other revision that was stable here and can be made again: name the version that should serve in spec.model.versionRef, or revert that in Git".into()),
        }
    }
}

impl Scene<'_> {
    /// Is there a deployment of this revision, or does the manifest still describe the one that is gone? Where the history does not
    /// know the asset, the operator may find it.
    fn is_there_or_can_be_made(&self, revision: &str) -> bool {
        let there = self.status.deployments.iter().any(|it| revision_of(&it.name) == revision);
        let entries = self.status.history.iter().filter(|it| it.revision == revision);
        let mut assets = entries.filter_map(|it| it.asset_id.as_deref());
        let makes = |asset: &str| Revision::asked(asset, &self.binding.spec).to_string() == revision;
        there || assets.next().is_none_or(makes)
    }
}

/// What serves instead of a revision that is held back, as a part of a sentence.
pub(super) fn serves_instead(hold: &Hold, stable: Option<&Stable>) -> String {
    let to = &hold.to_revision;
    match stable {
        Some(stable) if stable.revision.as_ref() != Some(to) => {
            format!("revision {to} is to serve instead; {} serves until then", stable.deployment)
        }
        _ => format!("revision {to} serves instead"),
    }
}

/// The action as the command line has it, such as `abort`.
pub fn word(action: ActionWord) -> &'static str {
    match action {
        ActionWord::Promote => "promote",
        ActionWord::Abort => "abort",
        ActionWord::Retry => "retry",
        ActionWord::Rollback => "rollback",
        ActionWord::Release => "release",
    }
}

/// What is asked, for somebody who is asked whether that is right: line by line, without a line break at the end.
pub fn page(order: &Order, binding: &DeploymentBinding) -> String {
    let (spec, status) = (&order.action.spec, binding.current());
    let mut lines = vec![format!("{}: endpoint {}", binding.key(), binding.spec.endpoint_name())];
    let mut say = |word: &str, text: &str| lines.push(format!("  {word:<12} {}", one_line(text)));
    if let Some(traffic) = &status.traffic_summary {
        say("traffic", traffic);
    }
    if let Some(stable) = &status.stable {
        say("stable", &stable.deployment);
    }
    if let Some(candidate) = &status.candidate {
        let step = candidate.step.as_ref().and_then(|step| {
            let at = usize::try_from(step.index).ok()?;
            let what = binding.spec.steps().get(at).map_or_else(|| "the end".into(), does);
            Some(format!(", at step {} of {}: {what}", at + 1, step.count))
        });
        say("candidate", &format!("{}{}", candidate.deployment, step.unwrap_or_default()));
    }
    say("action", &format!("{} {}", word(spec.action), spec.revision));
    say("then", &order.effect);
    say("you are", &spec.requested_by);
    if let Some(reason) = &spec.reason {
        say("reason", reason);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
