//! What may serve in a workspace, by its policy: with the references resolved, so that a version can be held against it.

use crate::api::LineageRequirement;
use crate::azure::model::ResourceId;

/// What a version must bring.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// What must be known of where it comes from.
    pub lineage: Option<LineageRequirement>,
    /// Where it may come from; with none of them, from everywhere.
    pub sources: Vec<Source>,
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
        self.place.as_ref().is_some_and(|place| version.is_in(place))
            && (self.models.is_empty() || self.models.iter().any(|pattern| matches(pattern, model)))
    }
}

impl Policy {
    /// May this version of this model serve, by where it is? Otherwise why not, for a sentence: `only versions from …`.
    pub fn refuses_place(&self, version: &ResourceId, model: &str) -> Option<String> {
        if self.sources.is_empty() || self.sources.iter().any(|source| source.allows(version, model)) {
            return None;
        }
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
        Some(self.sources.iter().map(said).collect::<Vec<_>>().join(", "))
    }
}

/// Does a text match a pattern, in which `*` stands for any characters and `?` for one? Azure keeps models whose names
/// differ in case apart, so case counts.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
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
            lineage: None,
            sources: vec![
                source("released", Some(&models), &["nyc-*"]),
                source("own", Some(&production), &[]),
                source("lost", None, &[]),
            ],
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
