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
    tags: Having,
    properties: Having,
}

impl VersionFilter {
    /// What a request asks for.
    pub fn of(request: &Request) -> Self {
        Self {
            version: request.parameter("version"),
            stage: request.parameter("stage"),
            description: request.parameter("description"),
            // The lists of data have the first, and those of models the second.
            tags: Having::of(request, if request.parameter("$tags").is_some() { "$tags" } else { "tags" }),
            properties: Having::of(request, "properties"),
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
            && self.tags.all_in(&properties["tags"])
            && self.properties.all_in(&properties["properties"])
    }
}

/// Keys, and values of some of them, that an object must have: `k1,k2=v2`.
#[derive(Debug, Default)]
pub struct Having(Vec<String>);

impl Having {
    /// What a parameter of a request asks for; nothing when it is not there.
    pub fn of(request: &Request, parameter: &str) -> Self {
        let text = request.parameter(parameter).unwrap_or_default();
        Self(text.split(',').filter(|pair| !pair.is_empty()).map(ToOwned::to_owned).collect())
    }

    /// Whether an object has all of it.
    pub fn all_in(&self, fields: &Value) -> bool {
        self.0.iter().all(|pair| match pair.split_once('=') {
            Some((key, value)) => fields[key].as_str() == Some(value),
            None => fields.get(pair).is_some(),
        })
    }
}

/// `hash` and `hashVersion` in lists of codes: what azure-ai-ml puts into their properties [CLI].
#[derive(Debug)]
pub struct ContentHash {
    hash: String,
    version: Option<String>,
}

impl ContentHash {
    /// What a request asks for; none when it does not.
    pub fn of(request: &Request) -> Option<Self> {
        Some(Self { hash: request.parameter("hash")?, version: request.parameter("hashVersion") })
    }

    /// Whether a version has it.
    pub fn is_of(&self, document: &Value) -> bool {
        let own = &document["properties"]["properties"];
        own["hash_sha256"] == *self.hash
            && self.version.as_deref().is_none_or(|version| own["hash_version"] == *version)
    }
}
