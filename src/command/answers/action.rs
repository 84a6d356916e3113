use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures::StreamExt;

use super::cluster::{Cluster, not_found};
use super::output::{say, write};
use super::writing::Writing;
use super::{ClusterArguments, Error};
use crate::answer::action::{Wish, page, word};
use crate::answer::names;
use crate::answer::render::text::one_line;
use crate::answer::seen::{Seen, condition};
use crate::api::{
    ActionWord, ConditionType, DeploymentBinding, Object, ObjectKey, ObjectKind, Period, Reason,
    RolloutAction,
};

/// With --wait: the binding refuses the action. 1 is an error and 2 a command line that is wrong.
const REFUSED: u8 = 3;
/// The letters of a name that nobody chose: none that make words, none that look alike, as Kubernetes has them.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many of them.
const SUFFIX: usize = 5;

/// Pass the pause at which a rollout stands, or with --full all steps that are left: shows what would happen, asks, and creates a
/// RolloutAction.
#[derive(Debug, Args)]
pub(in crate::command) struct Promote {
    /// The pause that is passed, by the name of its step; the rollout has to stand there. Default: the one where it stands
    #[arg(long, value_name = "NAME", conflicts_with = "full")]
    step: Option<String>,
    /// Pass all steps that are left
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    common: Common,
}

/// Give a rollout up: the candidate loses its traffic, and its revision counts as failed.
#[derive(Debug, Args)]
pub(in crate::command) struct Abort {
    #[command(flatten)]
    common: Common,
}

/// Try a revision again that has failed or was aborted, from the first step.
#[derive(Debug, Args)]
pub(in crate::command) struct Retry {
    #[command(flatten)]
    common: Common,
}

/// Go back to what served before, at once, and stay there until `release` or another revision in the manifest.
#[derive(Debug, Args)]
pub(in crate::command) struct Rollback {
    /// The revision to go back to. Default: the one that was stable before
    #[arg(long, value_name = "REVISION")]
    to_revision: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// End the hold that `rollback` has set: the revision of the manifest is rolled out again.
#[derive(Debug, Args)]
pub(in crate::command) struct Release {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The DeploymentBinding: name, or namespace/name
    #[arg(value_name = "BINDING")]
    binding: String,
    /// Why: the history keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The name of the RolloutAction. Default: made of the binding's name, the action and five random letters
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Wait until the action is carried out. Exit with 3 if it is refused
    #[arg(long)]
    wait: bool,
    /// With --wait: for how long, such as 90s or 10m
    #[arg(long, value_name = "PERIOD", default_value = "10m", requires = "wait", value_parser = patience)]
    timeout: Duration,
    #[command(flatten)]
    writing: Writing,
    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn promote(it: Promote) -> Result<ExitCode, Error> {
    act(Asks { step: it.step, full: it.full, ..Asks::of(ActionWord::Promote) }, it.common).await
}

pub(super) async fn abort(it: Abort) -> Result<ExitCode, Error> {
    act(Asks::of(ActionWord::Abort), it.common).await
}

pub(super) async fn retry(it: Retry) -> Result<ExitCode, Error> {
    act(Asks::of(ActionWord::Retry), it.common).await
}

pub(super) async fn roll_back(it: Rollback) -> Result<ExitCode, Error> {
    act(Asks { to: it.to_revision, ..Asks::of(ActionWord::Rollback) }, it.common).await
}

pub(super) async fn release(it: Release) -> Result<ExitCode, Error> {
    act(Asks::of(ActionWord::Release), it.common).await
}

/// What is asked of the rollout.
struct Asks {
    action: ActionWord,
    step: Option<String>,
    full: bool,
    to: Option<String>,
}

impl Asks {
    fn of(action: ActionWord) -> Self {
        Self { action, step: None, full: false, to: None }
    }
}

async fn act(asks: Asks, it: Common) -> Result<ExitCode, Error> {
    it.writing.may_ask()?;
    let cluster = Cluster::open(&it.cluster).await?;
    let key = names::object_of(ObjectKind::DeploymentBinding, &it.binding, &cluster.namespace)?;
    let binding: DeploymentBinding = match cluster.get(&key).await? {
        Seen::Found(binding) => binding,
        other => return Err(not_found(&key, Some(&other))),
    };
    let wish = Wish {
        action: asks.action,
        step: asks.step,
        full: asks.full,
        to_revision: asks.to,
        reason: it.reason,
        name: it.name,
        suffix: suffix(RandomState::new().build_hasher().finish()),
        by: cluster.user().await?,
    };
    let order = wish.order(&binding)?;
    let question = || format!("{}\n\n{}? [y/N] ", page(&order, &binding), verb(asks.action));
    let created = it.writing.create(&cluster, &order.action, question).await?;
    match created.filter(|_| it.wait) {
        Some(action) => wait(&cluster, &action, &key, it.timeout).await,
        None => Ok(ExitCode::SUCCESS),
    }
}

fn verb(action: ActionWord) -> &'static str {
    match action {
        ActionWord::Promote => "Promote it",
        ActionWord::Abort => "Abort it",
        ActionWord::Retry => "Try it again",
        ActionWord::Rollback => "Roll it back",
        ActionWord::Release => "Release it",
    }
}

/// Five letters of a random number.
fn suffix(random: u64) -> String {
    let base = LETTERS.len() as u64;
    let digits = std::iter::successors(Some(random), |rest| Some(rest / base));
    let letter = |rest: u64| usize::try_from(rest % base).ok().and_then(|at| LETTERS.get(at));
    digits.filter_map(letter).map(|letter| char::from(*letter)).take(SUFFIX).collect()
}

fn patience(text: &str) -> Result<Duration, String> {
    let period = Period::new(text).duration();
    if period.is_zero() {
        return Err("write a period as 90s, 10m or 1h30m".into());
    }
    Ok(period)
}

/// A Rollback is over when what serves instead has the traffic, which takes a while where its deployment is made again.
async fn wait_back(cluster: &Cluster, binding: &ObjectKey) -> Result<(), Error> {
    let (mut events, mut told) = (Box::pin(cluster.follow::<DeploymentBinding>(binding)), String::new());
    while let Some(event) = events.next().await {
        let Some(seen) = event? else {
            return Err(Error::from(format!("{binding} is gone, so nobody can say what became of it")));
        };
        let status = seen.current();
        let back = status.hold.as_ref().map(|hold| hold.to_revision.clone());
        let serves = status.stable.as_ref().and_then(|stable| stable.revision.clone());
        if back.is_none() || back == serves {
            return Ok(());
        }
        let ready = condition(seen.conditions(), ConditionType::Ready);
        let said = ready.map(|it| format!("{}: {}", it.reason, one_line(&it.message))).unwrap_or_default();
        if said != told {
            say(std::slice::from_ref(&said));
            told = said;
        }
    }
    Err("the API server has ended the watch".into())
}

/// Waits until the action has come to its end, and says how it goes meanwhile.
async fn wait(
    cluster: &Cluster,
    action: &RolloutAction,
    binding: &ObjectKey,
    patience: Duration,
) -> Result<ExitCode, Error> {
    let key = action.key();
    let (mut events, mut told) = (Box::pin(cluster.follow::<RolloutAction>(&key)), String::new());
    let end = async {
        while let Some(event) = events.next().await {
            let Some(seen) = event? else {
                return Err(Error::from(format!("{key} is gone, so nobody can say what became of it")));
            };
            let Some(complete) = condition(seen.conditions(), ConditionType::Complete) else { continue };
            let message = one_line(&complete.message);
            // That the binding has not looked yet is no trouble.
            let said = match complete.status.as_str() {
                "Unknown" => message.into_owned(),
                _ => format!("{}: {message}", complete.reason),
            };
            match (complete.status.as_str(), complete.reason.parse()) {
                ("True", _) => {
                    if action.spec.action == ActionWord::Rollback {
                        wait_back(cluster, binding).await?;
                    }
                    write(&format!("{said}\n"))?;
                    return Ok(ExitCode::SUCCESS);
                }
                (_, Ok(Reason::Refused)) => {
                    say(&[said]);
                    return Ok(ExitCode::from(REFUSED));
                }
                _ if said != told => {
                    say(std::slice::from_ref(&said));
                    told = said;
                }
                _ => {}
            }
        }
        Err("the API server has ended the watch".into())
    };
    tokio::time::timeout(patience, end).await.unwrap_or_else(|_| {
        let action = word(action.spec.action);
        Err(format!(
            "the {action} is not carried out after {}s; Bindery still will: see `kubectl get amlact {}`",
            patience.as_secs(),
            key.name
        )
        .into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_has_five_letters_and_fits_into_a_name() {
        for random in [0, 1, 26, 27, u64::MAX, 0x1234_5678_9abc_def0] {
            let suffix = suffix(random);
            assert_eq!(suffix.len(), 5, "{random}");
            assert!(suffix.bytes().all(|letter| LETTERS.contains(&letter)), "{suffix}");
        }
        assert_eq!((suffix(0), suffix(27)), ("bbbbb".into(), "bcbbb".into()));
    }

    #[test]
    fn a_timeout_is_a_period() {
        assert_eq!(patience("1h30m").ok(), Some(Duration::from_secs(5400)));
        for wrong in ["", "10", "soon", "0s"] {
            assert!(patience(wrong).is_err(), "{wrong}");
        }
    }
}
