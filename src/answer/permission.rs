//! May a version serve in a Workspace, as far as that can be said from the cluster and with the rights of the person who asks?

use serde::Serialize;

use super::names::Name;
use super::render::table::{Cell, Column, Shown, Style, Table, Tone, table};
use crate::api::{
    Admission, ConditionType, LineageRequirement, ObjectKey, ObjectKind, Reason, Waiver, conditions_of,
};
use crate::decide::deployment_binding::{Facts, asked, decide, summary};
use crate::decide::gate::{Champion, Champions};
use crate::decide::model_version::Proof;
use crate::decide::{Place, SourceVersion};

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The version that is to serve.
    pub version: Name,
    /// Where.
    pub workspace: Name,
    /// The namespace of the DeploymentBinding that is to serve it.
    pub namespace: String,
    /// The DeploymentBinding that is to serve it, where one is named.
    pub binding: Option<Name>,
}

/// Something that the rules asked for and that could not be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Withheld {
    /// What.
    pub what: What,
    /// Why, in a sentence or in the words of the API server.
    pub said: String,
}

/// What could not be read.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// This object.
    Object(ObjectKey),
    /// Some of the objects of this kind.
    Some(ObjectKind),
    /// The labels of this namespace.
    Labels(String),
}

impl What {
    fn is_of(&self, kinds: &[ObjectKind]) -> bool {
        match self {
            Self::Object(key) => kinds.contains(&key.kind),
            Self::Some(kind) => kinds.contains(kind),
            Self::Labels(_) => false,
        }
    }
}

/// Why nobody can say, for tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsaid {
    /// The person who asks may not read what decides.
    NotRead,
    /// It depends on what the binding serves, and none is named.
    BindingNotNamed,
    /// Only Azure can say.
    AzureNotAsked,
    /// It depends on whether the API server checks who writes an Approval.
    AuthorsNotKnown,
}

impl Unsaid {
    fn word(self) -> &'static str {
        match self {
            Self::NotRead => "NotRead",
            Self::BindingNotNamed => "BindingNotNamed",
            Self::AzureNotAsked => "AzureNotAsked",
            Self::AuthorsNotKnown => "AuthorsNotKnown",
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    kind: &'static str,
    version: Name,
    workspace: Name,
    /// Of the DeploymentBinding that is to serve it.
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<Name>,
    /// True or false; absent where nobody can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    admitted: Option<bool>,
    /// The reason: a word of the API or, where nobody can say, `NotRead`, `BindingNotNamed`, `AzureNotAsked` or `AuthorsNotKnown`.
    reason: String,
    /// Why, in a sentence.
    message: String,
    rules: Vec<Line>,
    not_read: Vec<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    rule: String,
    /// Absent where nobody can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    admitted: Option<bool>,
    asks: String,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waivers: Vec<Waiver>,
    #[serde(skip)]
    refused: Option<Reason>,
    #[serde(skip)]
    unsaid: Option<Unsaid>,
}

impl Permission {
    /// The answer of the operator's own rules to these facts, of which something may be withheld.
    pub fn of(of: Asked, facts: &Facts, withheld: &[Withheld], not_read: Vec<String>) -> Self {
        let question = Question { of: &of, facts, withheld };
        // Only the operator knows whether the API server checks who writes an Approval.
        let mut unchecked = facts.clone();
        unchecked.situation.authors_checked = false;
        let rules = asked(facts).into_iter().zip(asked(&unchecked));
        let rules: Vec<Line> = rules
            .map(|((line, why), (unchecked, _))| {
                let differs = line.admitted != unchecked.admitted;
                question.line(line, why).unless_it_depends_on_authors(differs)
            })
            .collect();
        let (admitted, reason, message) = match question.nothing_to_go_by() {
            Some(said) => (None, Unsaid::NotRead.word().into(), said),
            None => question.sum(&rules),
        };
        let Asked { version, workspace, namespace, binding } = of;
        Self {
            kind: "Permission",
            version,
            workspace,
            namespace,
            binding,
            admitted,
            reason,
            message,
            rules,
            not_read,
        }
    }

    /// May it serve, as far as anybody can say?
    pub fn holds(&self) -> bool {
        self.admitted == Some(true)
    }

    /// What could not be read, in a sentence each.
    pub fn not_read(&self) -> &[String] {
        &self.not_read
    }

    /// For people.
    pub fn text(&self, style: Style) -> String {
        let (word, tone) = match self.admitted {
            Some(true) => ("yes", Tone::Good),
            Some(false) => ("no", Tone::Bad),
            None if self.reason == Unsaid::AzureNotAsked.word() => {
                ("cannot be said from the cluster alone", Tone::Unsure)
            }
            None => ("nobody can say", Tone::Unsure),
        };
        let word = if style.colour { tone.painted(word) } else { word.to_string() };
        let (version, workspace) = (self.version.full(), self.workspace.full());
        let by = match &self.namespace {
            own if *own == self.version.namespace => String::new(),
            other => format!(" by a DeploymentBinding of namespace {other}"),
        };
        let mut text =
            format!("May {version} serve in {workspace}{by}: {word} ({})\n{}\n", self.reason, self.message);
        if !self.rules.is_empty() {
            let columns = ["rule", "admitted", "asks", "found"];
            let rules = Table {
                columns: columns.map(|name| Column { name, shown: Shown::Always }).to_vec(),
                rows: self.rules.iter().map(Line::row).collect(),
            };
            text.push('\n');
            text.push_str(&table(&rules, Shown::Always, style));
        }
        text
    }
}

impl Line {
    /// The same, where the answer does not depend on whether authors are checked.
    fn unless_it_depends_on_authors(self, differs: bool) -> Self {
        if !differs || self.unsaid.is_some() {
            return self;
        }
        let message = format!(
            "Rule {} is satisfied only where the API server checks who writes an Approval (approvalPolicy in the chart's values): without that, all Approvals of one namespace count as one person's. The condition Admitted of a DeploymentBinding for this Workspace says how it is here.",
            self.rule
        );
        Self { admitted: None, message: Some(message), unsaid: Some(Unsaid::AuthorsNotKnown), ..self }
    }

    fn row(&self) -> Vec<Cell> {
        let (word, tone) = match self.admitted {
            Some(true) => ("true", Tone::Good),
            Some(false) => ("false", Tone::Bad),
            None => ("unknown", Tone::Unsure),
        };
        let rule = self.rule.as_str().into();
        vec![rule, Cell::from(word).toned(tone), self.asks.as_str().into(), self.found.as_str().into()]
    }
}

/// The question, and all that is known.
struct Question<'a> {
    of: &'a Asked,
    facts: &'a Facts,
    withheld: &'a [Withheld],
}

impl Question<'_> {
    /// Why there is nothing that the rules could be asked of: the place or the version may not be read, or whether the place
    /// lets the namespace in.
    fn nothing_to_go_by(&self) -> Option<String> {
        let found = |kind: ObjectKind, name: &Name| {
            let is_it = |key: &ObjectKey| {
                key.kind == kind && *key.name == *name.name && *key.namespace == *name.namespace
            };
            self.withheld.iter().find(|it| matches!(&it.what, What::Object(key) if is_it(key)))
        };
        for (kind, name, lacks) in [
            (ObjectKind::Workspace, &self.of.workspace, "what its policy asks"),
            (ObjectKind::ModelVersion, &self.of.version, "what the version is"),
        ] {
            if let Some(it) = found(kind, name) {
                let namespace = &name.namespace;
                return Some(format!(
                    "{} So {lacks} is not known. The chart's role bindery-viewer, bound in namespace {namespace}, lets you read it.",
                    it.said
                ));
            }
        }
        let by_labels = match (&self.facts.place, &self.facts.version) {
            (Place::NotWatched { .. }, _) => format!("Workspace {}", self.of.workspace.full()),
            (_, SourceVersion::NotWatched { .. }) => {
                format!("The registry of ModelVersion {}", self.of.version.full())
            }
            _ => return None,
        };
        self.withheld.iter().find_map(|it| {
            let What::Labels(namespace) = &it.what else { return None };
            Some(format!(
                "{by_labels} lets other namespaces in by their labels, and the labels of namespace {namespace} could not be read: {}. To ask this, you need the right to get that namespace, as the chart's role bindery-viewer gives it where it is bound in namespace {namespace}.",
                it.said
            ))
        })
    }

    /// A rule, as far as it can be answered here.
    fn line(&self, line: Admission, refused: Option<Reason>) -> Line {
        let Admission { rule, admitted, asks, found, message, waivers } = line;
        let admitted = Some(admitted);
        let line = Line { rule, admitted, asks, found, message, waivers, refused, unsaid: None };
        let unsaid = |why: Unsaid, said: String| Line {
            admitted: None,
            message: Some(said),
            unsaid: Some(why),
            ..line.clone()
        };
        if let Some(said) = self.lacks_what_was_withheld(&line) {
            return unsaid(Unsaid::NotRead, said);
        }
        if let Some(said) = self.asks_azure(&line) {
            return unsaid(Unsaid::AzureNotAsked, said);
        }
        if let Some(said) = self.needs_a_binding(&line) {
            return Line {
                found: "not known without --binding".into(),
                ..unsaid(Unsaid::BindingNotNamed, said)
            };
        }
        // What is not measured yet is not refused.
        let waits = matches!(refused, Some(Reason::ReferenceNotReady | Reason::ReferenceNotFound));
        if waits { Line { admitted: None, ..line } } else { line }
    }

    /// The rule depends on objects of which some could not be read.
    fn lacks_what_was_withheld(&self, line: &Line) -> Option<String> {
        use ObjectKind::{Approval, DeploymentBinding, ModelVersion, Registry, Workspace};
        let (kinds, by_labels): (&[ObjectKind], bool) = match line.rule.as_str() {
            "Sources" => (&[Registry], true),
            "Approvals" => (&[Approval], false),
            "Soak" => (&[Workspace, DeploymentBinding], true),
            _ if self.compares_with_what_was_not_found(line) => (&[ModelVersion], false),
            _ => (&[], false),
        };
        // What could be read may be enough, but for approvals: somebody may have rejected the version where nobody looked.
        let may_differ = line.refused.is_some_and(|it| it != Reason::Rejected)
            || (line.rule == "Approvals" && line.refused.is_none());
        let decides =
            |it: &&Withheld| it.what.is_of(kinds) || (by_labels && matches!(it.what, What::Labels(_)));
        let it = self.withheld.iter().find(decides).filter(|_| may_differ)?;
        let said = it.said.trim_end_matches('.');
        Some(format!(
            "Rule {} cannot be answered with your rights, because not all of it could be read: {said}.",
            line.rule
        ))
    }

    /// The rule is a gate of the place, and the metrics of a version that it compares with were not found.
    fn compares_with_what_was_not_found(&self, line: &Line) -> bool {
        let champions = line.rule.strip_prefix("Gate/").and_then(|gate| self.facts.champions.get(gate));
        match champions {
            Some(Champions::Seen { served, .. }) => {
                let counts = |it: &&Champion| it.stable || champions.is_some_and(Champions::is_of_history);
                served.iter().filter(counts).any(|it| it.metrics.is_none())
            }
            _ => false,
        }
    }

    /// The rule is about what only Azure knows.
    fn asks_azure(&self, line: &Line) -> Option<String> {
        let Place::Ready { policy, .. } = &self.facts.place else { return None };
        let SourceVersion::Ready { lineage, registry, .. } = &self.facts.version else { return None };
        let title = self.facts.version.title()?;
        line.refused?;
        let unproven = policy.lineage == Some(LineageRequirement::Verified)
            && lineage.job.is_some()
            && matches!(self.facts.proof, Proof::Unseen(_));
        if line.rule == "Lineage" && unproven {
            return Some(format!(
                "Whether Azure shows that the files of {title} are the output of its training job cannot be said from the cluster alone. The operator reads that in Azure when a DeploymentBinding asks for the version; status.lineage.verified of the ModelVersion says what it found last."
            ));
        }
        let approved = self.facts.approvals.ballots.iter().any(|(_, ballot)| ballot.approves);
        let undated = registry.is_none() && self.facts.approvals.made.is_none();
        (line.rule == "Approvals" && line.refused == Some(Reason::NotApproved) && undated && approved).then(|| {
            format!(
                "{title} is in a workspace, where its number can be registered again, so an approval counts only if Azure made the version before it. That cannot be said from the cluster alone: the operator reads it in Azure when a DeploymentBinding asks for the version."
            )
        })
    }

    /// The rule compares with what a binding serves, or asks for what its deployment brings, and none is named.
    fn needs_a_binding(&self, line: &Line) -> Option<String> {
        if line.rule == "Deployment" && self.of.binding.is_none() && line.refused.is_some() {
            return Some(
                "The Workspace has rules for what a deployment brings: add --binding NAME to ask them of one.".into(),
            );
        }
        let gate = line.rule.strip_prefix("Gate/")?;
        let unseen = matches!(self.facts.champions.get(gate), Some(Champions::Unseen(_)));
        (self.of.binding.is_none() && line.refused.is_some() && unseen).then(|| {
            format!(
                "Gate {gate} compares the version with what a DeploymentBinding serves: add --binding NAME."
            )
        })
    }

    /// All rules as one: who refuses outweighs who cannot say.
    fn sum(&self, rules: &[Line]) -> (Option<bool>, String, String) {
        let said = |it: &Line| it.message.clone().unwrap_or_default();
        let firm: Vec<(Reason, String)> = rules
            .iter()
            .filter(|it| it.admitted == Some(false))
            .filter_map(|it| Some((it.refused?, said(it))))
            .collect();
        if !firm.is_empty() {
            let (reason, message) = summary(&firm);
            return (Some(false), reason.to_string(), message);
        }
        let open: Vec<&Line> = rules.iter().filter(|it| it.admitted.is_none()).collect();
        if let Some(first) = open.first() {
            let refused = first.refused.map(|it| it.to_string()).unwrap_or_default();
            let reason = open.iter().find_map(|it| it.unsaid).map_or(refused, |it| it.word().into());
            let message: Vec<String> = open.iter().map(|it| said(it)).collect();
            return (None, reason, message.join(" "));
        }
        self.as_the_status_says()
    }

    /// What the status of a binding would say.
    fn as_the_status_says(&self) -> (Option<bool>, String, String) {
        let status = decide(self.facts).status;
        let conditions = conditions_of(&status.conditions);
        let admitted = conditions.get(ConditionType::Admitted);
        let said = admitted.or_else(|| conditions.get(ConditionType::Ready));
        let reason = said.map(|it| it.reason.clone()).unwrap_or_default();
        let waits = [Reason::ReferenceNotReady, Reason::ReferenceNotFound].map(|it| it.to_string());
        let admitted = admitted.filter(|it| !waits.contains(&it.reason));
        let admitted = admitted.and_then(|it| it.status.to_ascii_lowercase().parse().ok());
        (admitted, reason, said.map(|it| it.message.clone()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
