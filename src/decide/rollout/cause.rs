//! Why the endpoint is to be written, and what is said of it.

use super::Traffic;
use super::{Revision, Share, Weight};
use crate::api::{ActionWord, Reason};
use crate::azure::model::Purpose;
use crate::azure::model::resource::EndpointKind;

/// What a PUT of the endpoint carries. Azure takes or refuses it as a whole, so nothing that it may refuse
/// rides along when traffic is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// The manifest's fields and the traffic.
    Everything,
    /// The traffic and Bindery's own tags.
    Traffic,
}

/// Why the endpoint is to be written. One PUT may do several of these; it is named after the weightiest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The wanted deployment failed. Where the stable one is gone, there is nothing yet to give the traffic to.
    TakeBack { candidate: String, had_traffic: bool, stable: Option<String>, gone: bool, aborted: bool },
    /// It exists, and carries no tag of ours.
    Adopt,
    /// Somebody else changed these fields. Those of `later` wait for a PUT of their own.
    Restore { fields: String, later: String, carries: Carries },
    /// The steps are done, or there are none to go: it becomes the stable one.
    Promote { deployment: String },
    /// What was stable before gets all the traffic back, because this one is not approved any more, or is held back.
    GoBack { deployment: String, over: String, holds: Option<String> },
    /// Nothing but the tags changes, by which a person's word is carried out.
    CarryOut { word: ActionWord, revision: Revision },
    /// A step gives the candidate more.
    Shift { deployment: String, to: Share },
    /// The stable deployment is gone, and something else answers until it is made again.
    Answer { alone: Traffic, until: String },
    /// What has traffic is no longer wanted, or may not have so much.
    Withdraw { to: Traffic },
    /// Azure left the endpoint in a failed state.
    Mend,
    /// The tags give a role to a deployment that is gone.
    NoteGone { deployment: String },
    /// Revisions failed that no tag names yet.
    NoteFailures,
    /// The tag that says what is held back was edited, or is gone; without a revision, it holds back what nobody asks for any more.
    NoteHold { revision: Option<Revision> },
    /// The manifest asks for other fields.
    Change { fields: String },
}

impl Cause {
    /// The reason that the conditions and the event give.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TakeBack { .. }
            | Self::GoBack { .. }
            | Self::Withdraw { .. }
            | Self::CarryOut { word: ActionWord::Abort | ActionWord::Rollback, .. } => Reason::TakingBack,
            Self::Restore { .. } => Reason::Drifted,
            Self::Promote { .. } | Self::Shift { .. } | Self::Answer { .. } | Self::CarryOut { .. } => {
                Reason::Progressing
            }
            Self::Adopt
            | Self::Mend
            | Self::NoteGone { .. }
            | Self::NoteFailures
            | Self::NoteHold { .. }
            | Self::Change { .. } => Reason::Updating,
        }
    }

    /// The purpose by which failures are counted. Traffic that is put back alone has one of its own: it does not wait
    /// behind a field that Azure refuses.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::TakeBack { .. }
            | Self::GoBack { .. }
            | Self::CarryOut { word: ActionWord::Abort | ActionWord::Rollback, .. } => Purpose::TakeBack,
            Self::Withdraw { .. } => Purpose::Withdraw,
            Self::Adopt => Purpose::TakeOver,
            Self::Restore { carries: Carries::Traffic, .. } => Purpose::RestoreTraffic,
            Self::Restore { carries: Carries::Everything, .. } => Purpose::PutBack,
            Self::Promote { .. } => Purpose::Promote,
            Self::Shift { .. } | Self::Answer { .. } => Purpose::MoveTraffic,
            Self::Mend => Purpose::Mend,
            Self::NoteGone { .. } | Self::NoteFailures | Self::NoteHold { .. } | Self::CarryOut { .. } => {
                Purpose::Note
            }
            Self::Change { .. } => Purpose::Update,
        }
    }

    /// The rest of the sentence "Bindery is about to …".
    pub fn doing(&self, endpoint: &str, kind: EndpointKind) -> String {
        match kind {
            EndpointKind::Online => self.doing_online(endpoint),
            EndpointKind::Batch => self.doing_batch(endpoint),
        }
    }

    /// What moves the traffic of an online endpoint names another default deployment of a batch endpoint.
    fn doing_batch(&self, endpoint: &str) -> String {
        let without = || format!("leave the endpoint {endpoint} without a default deployment");
        match self {
            Self::TakeBack { candidate, had_traffic: true, stable, gone: false, aborted } => {
                let failed = if *aborted { "which is aborted" } else { "which failed" };
                match stable {
                    Some(stable) => {
                        format!("make {stable} the default deployment in place of {candidate}, {failed}")
                    }
                    None => format!("{}, because {candidate} was it, {failed}", without()),
                }
            }
            Self::Promote { deployment } | Self::Shift { deployment, .. } => {
                format!("make {deployment} the default deployment of endpoint {endpoint}")
            }
            Self::GoBack { deployment, over, holds } => {
                format!(
                    "make {deployment} the default deployment again, {}",
                    why_back(over, holds.as_deref())
                )
            }
            Self::Withdraw { to } => match to.serving().first() {
                Some(deployment) => format!("make {deployment} the default deployment again"),
                None => without(),
            },
            _ => self.doing_online(endpoint),
        }
    }

    fn doing_online(&self, endpoint: &str) -> String {
        match self {
            Self::TakeBack { candidate, had_traffic, stable, gone, aborted } => {
                let stable = stable.as_deref();
                let failed = if *aborted { "which is aborted" } else { "which failed" };
                if let Some(stable) = stable.filter(|_| *gone) {
                    return format!(
                        "give up {candidate}, {failed}; {stable} is gone and is made again first"
                    );
                }
                match stable.filter(|_| *had_traffic) {
                    Some(stable) => {
                        format!("take the traffic from {candidate}, {failed}, and give it to {stable}")
                    }
                    None if *had_traffic => format!("take the traffic from {candidate}, {failed}"),
                    None => {
                        let serves =
                            stable.map_or("nothing serves".into(), |stable| format!("{stable} serves"));
                        format!("give up {candidate}, {failed}; {serves}")
                    }
                }
            }
            Self::Adopt => format!("take over the endpoint {endpoint}, which exists"),
            Self::Restore { fields, .. } => format!("put back {fields} of endpoint {endpoint}"),
            Self::Promote { deployment } => {
                format!("give {deployment} all the traffic and make it the stable one")
            }
            Self::GoBack { deployment, over, holds } => {
                format!("give {deployment} all the traffic again, {}", why_back(over, holds.as_deref()))
            }
            Self::CarryOut { word, revision } => match word {
                ActionWord::Promote => format!("write down that a step of revision {revision} is passed"),
                ActionWord::Abort => format!("write down that revision {revision} is aborted"),
                ActionWord::Retry => format!("write down that revision {revision} is tried again"),
                ActionWord::Rollback => format!("write down that revision {revision} is held back"),
                ActionWord::Release => {
                    format!("write down that revision {revision} is not held back any more")
                }
            },
            Self::Shift { deployment, to } if to.mirror > Weight::NONE => {
                format!("have Azure copy {} % of the requests to {deployment}", to.mirror.percent())
            }
            Self::Shift { deployment, to } => {
                format!("move {} % of the traffic to {deployment}", to.live.percent())
            }
            Self::Answer { alone, until } => {
                format!("set the traffic to {} until {until}, which is gone, is made again", alone.in_words())
            }
            Self::Withdraw { to } => format!("set the traffic to {}", to.in_words()),
            Self::Mend => format!("mend the endpoint {endpoint}, which Azure left in a failed state"),
            Self::NoteGone { deployment } => {
                format!("write down that {deployment} is gone from endpoint {endpoint}")
            }
            Self::NoteFailures => format!("write down on endpoint {endpoint} which revisions failed"),
            Self::NoteHold { revision: Some(revision) } => {
                format!("write down on endpoint {endpoint} again that revision {revision} is held back")
            }
            Self::NoteHold { revision: None } => {
                format!("write down on endpoint {endpoint} that nothing is held back any more")
            }
            Self::Change { fields } => format!("change {fields} of endpoint {endpoint}"),
        }
    }

    /// What follows in a PUT of its own, as a sentence; empty where nothing does.
    pub fn and_then(&self) -> String {
        match self {
            Self::Restore { later, .. } if !later.is_empty() => format!(" Then it puts back {later}."),
            _ => String::new(),
        }
    }

    /// Is it something that people should be warned of?
    pub fn is_warning(&self) -> bool {
        matches!(self.reason(), Reason::TakingBack | Reason::Drifted)
    }
}

/// Why the traffic goes back from a deployment, for the end of a sentence: another is held back, or that one is not approved.
fn why_back(over: &str, holds: Option<&str>) -> String {
    match holds {
        None => format!("because {over} is not approved any more"),
        Some(held) if held == over => format!("and hold {over} back"),
        Some(held) => format!("in place of {over}, and hold {held} back"),
    }
}
