//! Lists of assets: which are shown, and in what order.

use serde_json::Value;

use crate::wire::Request;

/// `listViewType`, read leniently: azure-ai-ml sends `ListViewType.ACTIVE_ONLY` [OBS].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListView {
    /// The default.
    ActiveOnly,
    /// Only what is archived.
    ArchivedOnly,
    /// Both.
    All,
}

impl ListView {
    /// What a request asks for.
    pub fn of(request: &Request) -> Self {
        let text = request.parameter("listViewType").unwrap_or_default();
        let word: String = text
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        match word.as_str() {
            "all" => Self::All,
            "archivedonly" => Self::ArchivedOnly,
            _ => Self::ActiveOnly,
        }
    }

    /// Whether an asset is in the list.
    pub fn shows(self, document: &Value) -> bool {
        let archived = document["properties"]["isArchived"] == true;
        match self {
            Self::ActiveOnly => !archived,
            Self::ArchivedOnly => archived,
            Self::All => true,
        }
    }
}

/// The further parameters of a list of versions.
#[derive(Debug, Default)]
pub struct VersionFilter {
    version: Option<String>,
    stage: Option<String>,
    description: Option<String>,
    tags: Vec<String>,
    properties: Vec<String>,
}

impl VersionFilter {
    /// What a request asks for.
    pub fn of(request: &Request) -> Self {
        let list = |name| {
            let text: String = request.parameter(name).unwrap_or_default();
            text.split(',').filter(|pair| !pair.is_empty()).map(ToOwned::to_owned).collect()
        };
        Self {
            version: request.parameter("version"),
            stage: request.parameter("stage"),
            description: request.parameter("description"),
            tags: list("tags"),
            properties: list("properties"),
        }
    }

    /// Whether a version is in the list.
    pub fn shows(&self, document: &Value) -> bool {
        let properties = &document["properties"];
        let equal = |wanted: &Option<String>, value: &Value| {
            wanted.as_deref().is_none_or(|wanted| value.as_str() == Some(wanted))
        };
        equal(&self.version, &document["name"])
            && equal(&self.stage, &properties["stage"])
            && equal(&self.description, &properties["description"])
            && has_all(&properties["tags"], &self.tags)
            && has_all(&properties["properties"], &self.properties)
    }
}

/// Whether an object has all of `k1,k2=v2`.
pub fn has_all(fields: &Value, wanted: &[String]) -> bool {
    wanted.iter().all(|pair| match pair.split_once('=') {
        Some((key, value)) => fields[key].as_str() == Some(value),
        None => fields.get(pair).is_some(),
    })
}
